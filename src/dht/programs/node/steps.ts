import * as xdr from '@stellar/js-xdr';
import type { DirectoryView, Named, Step, StepAnswer } from '../../../flare/joint.ts';
import { SALT_BYTES } from '../../../flare/keys.ts';
import { modeOf, packMode, shareOf } from '../../../flare/record/pack.ts';
import type { Value } from '../../../rpc/xdr.ts';
import * as types from '../types.ts';

/*
 * The steps of operations over several owners (`src/flare/joint.ts`) in XDR.
 */

/** The most steps that one owner is asked to prepare at a time. */
export const STEPS_MAX = 16;

const ViewSchema = xdr.struct('DirectoryView', {
  id: types.FlareIdSchema,
  /** `packMode`. */
  mode: xdr.uint32(),
  uid: xdr.uint32(),
  gid: xdr.uint32(),
});

const NamedSchema = xdr.struct('Named', {
  id: types.FlareIdSchema,
  fileid: xdr.uint32(),
  type: types.FlareTypeSchema,
});

const KindSchema = xdr.enumType('StepKind', {
  addName: 1,
  dropName: 2,
  birth: 3,
  unname: 4,
  end: 5,
  oneMore: 6,
  move: 7,
  moving: 8,
});

const flareAndView = xdr.struct('FlareAndView', { flare: types.FlareIdSchema, directory: ViewSchema });

/** One owner's part of an operation. */
export const StepSchema = xdr.union('Step', {
  switchOn: KindSchema,
  switchKey: 'kind',
  cases: [
    xdr.case(
      'addName',
      KindSchema.addName,
      xdr.field(
        'step',
        xdr.struct('AddName', {
          directory: types.FlareIdSchema,
          name: types.NameSchema,
          target: NamedSchema,
          replaces: xdr.option(NamedSchema),
        }),
      ),
    ),
    xdr.case(
      'dropName',
      KindSchema.dropName,
      xdr.field(
        'step',
        xdr.struct('DropName', { directory: types.FlareIdSchema, name: types.NameSchema, target: NamedSchema }),
      ),
    ),
    xdr.case(
      'birth',
      KindSchema.birth,
      xdr.field(
        'step',
        xdr.struct('BirthStep', {
          key: types.KeySchema,
          salt: xdr.varOpaque(SALT_BYTES),
          directory: ViewSchema,
          birth: types.BirthSchema,
        }),
      ),
    ),
    xdr.case('unname', KindSchema.unname, xdr.field('step', flareAndView)),
    xdr.case('end', KindSchema.end, xdr.field('step', flareAndView)),
    xdr.case(
      'name',
      KindSchema.oneMore,
      xdr.field('step', xdr.struct('NameStep', { flare: types.FlareIdSchema, directory: types.FlareIdSchema })),
    ),
    xdr.case(
      'move',
      KindSchema.move,
      xdr.field('step', xdr.struct('Move', { flare: types.FlareIdSchema, from: ViewSchema, to: types.FlareIdSchema })),
    ),
    xdr.case('moving', KindSchema.moving, xdr.void()),
  ],
});

/** What a step gave: whether a birth's key is taken, and the flare after the step, if there is one then. */
export const StepAnswerSchema = xdr.struct('StepAnswer', {
  taken: xdr.bool(),
  attributes: xdr.option(types.AttributesSchema),
});

type WireStep = Value<typeof StepSchema>;
type WireView = Value<typeof ViewSchema>;
type WireNamed = Value<typeof NamedSchema>;

function wireView(view: DirectoryView): WireView {
  return { id: types.wireId(view), mode: packMode(view), uid: view.uid, gid: view.gid };
}

function viewFromWire({ id, mode, uid, gid }: WireView): DirectoryView {
  return { ...types.idFromWire(id), mode: modeOf(mode), uid, gid, share: shareOf(mode) };
}

function wireNamed(named: Named): WireNamed {
  return { id: types.wireId(named), fileid: named.fileid, type: named.type };
}

function namedFromWire({ id, fileid, type }: WireNamed): Named {
  return { ...types.idFromWire(id), fileid, type };
}

/** A step as it goes over the wire. Throws what `wireName` and `wireBirth` throw. */
export function wireStep(step: Step): WireStep {
  switch (step.kind) {
    case 'addName': {
      const { directory, name, target, replaces } = step;
      const wire = { directory: types.wireId(directory), name: types.wireName(name), target: wireNamed(target) };
      return {
        kind: KindSchema.addName,
        step: { ...wire, replaces: replaces === null ? null : wireNamed(replaces) },
      };
    }
    case 'dropName': {
      const { directory, name, target } = step;
      const wire = { directory: types.wireId(directory), name: types.wireName(name), target: wireNamed(target) };
      return { kind: KindSchema.dropName, step: wire };
    }
    case 'birth': {
      const { key, salt, directory, birth } = step;
      const wire = { key: types.wireKey(key), salt, directory: wireView(directory), birth: types.wireBirth(birth) };
      return { kind: KindSchema.birth, step: wire };
    }
    case 'unname':
    case 'end': {
      const wire = { flare: types.wireId(step.flare), directory: wireView(step.directory) };
      return step.kind === 'end' ? { kind: KindSchema.end, step: wire } : { kind: KindSchema.unname, step: wire };
    }
    case 'name':
      return {
        kind: KindSchema.oneMore,
        step: { flare: types.wireId(step.flare), directory: types.wireId(step.directory) },
      };
    case 'move': {
      const wire = { flare: types.wireId(step.flare), from: wireView(step.from), to: types.wireId(step.to) };
      return { kind: KindSchema.move, step: wire };
    }
    case 'moving':
      return { kind: KindSchema.moving };
  }
}

/** The step that came over the wire; its bytes are its own. */
export function stepFromWire(wire: WireStep): Step {
  switch (wire.kind) {
    case KindSchema.addName: {
      const { directory, name, target, replaces } = wire.step;
      return {
        kind: 'addName',
        directory: types.idFromWire(directory),
        name: types.nameFromWire(name),
        target: namedFromWire(target),
        replaces: replaces === null ? null : namedFromWire(replaces),
      };
    }
    case KindSchema.dropName: {
      const { directory, name, target } = wire.step;
      return {
        kind: 'dropName',
        directory: types.idFromWire(directory),
        name: types.nameFromWire(name),
        target: namedFromWire(target),
      };
    }
    case KindSchema.birth: {
      const { key, salt, directory, birth } = wire.step;
      return {
        kind: 'birth',
        key: types.keyFromWire(key),
        salt: Buffer.from(salt),
        directory: viewFromWire(directory),
        birth: types.birthFromWire(birth),
      };
    }
    case KindSchema.unname:
    case KindSchema.end: {
      const kind = wire.kind === KindSchema.end ? 'end' : 'unname';
      const { flare, directory } = wire.step;
      return { kind, flare: types.idFromWire(flare), directory: viewFromWire(directory) };
    }
    case KindSchema.oneMore: {
      const { flare, directory } = wire.step;
      return { kind: 'name', flare: types.idFromWire(flare), directory: types.idFromWire(directory) };
    }
    case KindSchema.move: {
      const { flare, from, to } = wire.step;
      return { kind: 'move', flare: types.idFromWire(flare), from: viewFromWire(from), to: types.idFromWire(to) };
    }
    case KindSchema.moving:
      return { kind: 'moving' };
  }
}

/** What a step gave, as it goes over the wire. */
export function wireStepAnswer(answer: StepAnswer): Value<typeof StepAnswerSchema> {
  if (answer.kind === 'taken') return { taken: true, attributes: null };
  const { attributes } = answer;
  return { taken: false, attributes: attributes === null ? null : types.wireAttributes(attributes) };
}

/** What a step gave, off the wire. */
export function stepAnswerFromWire({ taken, attributes }: Value<typeof StepAnswerSchema>): StepAnswer {
  if (taken) return { kind: 'taken' };
  return { kind: 'done', attributes: attributes === null ? null : types.attributesFromWire(attributes) };
}
