import { array, bool, opaque, struct, uint32 } from '@stellar/js-xdr';
import { compile, type Value } from '../../../rpc/xdr.ts';
import { OPERATION_ID_BYTES, type OperationId } from '../../joint.ts';
import { CHANGES_MAX } from '../../record/limits.ts';
import { type Change, ChangeSchema, ChangeTypeSchema } from '../../record/schema.ts';
import type { Key } from '../../types.ts';
import { entryUnit, flareUnit, type Held, type HoldMode, MOVING } from '../holds.ts';

/*
 * Operations over several owners leave two kinds of notes, by slice, so that they move with it: `joint/prepared/<slice>/<operation>` at a
 * participant, until it knows the outcome, and `joint/decided/<slice>/<operation>` at the coordinator, until all participants have it.
 */

/** Slices that one operation may touch at most. */
const PARTICIPANTS_MAX = 16;

const PreparedSchema = struct('Prepared', {
  /** The slice whose owner coordinates. */
  coordinator: uint32(),
  /** Holds the network's one move of a directory. */
  moving: bool(),
  /** What is to be done in this slice. */
  changes: array(ChangeSchema, CHANGES_MAX),
});
const DecidedSchema = struct('Decided', { participants: array(uint32(), PARTICIPANTS_MAX) });

/** What one slice has prepared of an operation. */
export type Prepared = Value<typeof PreparedSchema>;

export const preparedCodec = compile(PreparedSchema);
export const decidedCodec = compile(DecidedSchema);
/** For identities in names and Maps. */
export const operationCodec = compile(opaque(OPERATION_ID_BYTES));

export const PREPARED_PREFIX = 'joint/prepared/';
export const DECIDED_PREFIX = 'joint/decided/';

/** An operation as a Map's key and in names: 32 hexadecimal digits. */
export function operationText(operation: OperationId): string {
  return Buffer.from(operation).toString('hex');
}

export function noteName(prefix: string, slice: number, operation: string): string {
  return `${prefix}${slice}/${operation}`;
}

/** The slice and operation of a note's name. */
export function ofNoteName(prefix: string, name: string): { slice: number; operation: string } {
  const [slice = '', operation = ''] = name.slice(prefix.length).split('/');
  return { slice: Number(slice), operation };
}

/** The units that changes touch: nobody may see them until the outcome is known. */
export function heldBy(changes: readonly Change[], moving: boolean): Held {
  const units = new Map<string, HoldMode>();
  const key = (bytes: Buffer): Key => bytes.toString('latin1') as Key;
  for (const change of changes) {
    if (change.type === ChangeTypeSchema.flare) units.set(flareUnit(key(change.flare.flare.id.key)), 'shut');
    else if (change.type === ChangeTypeSchema.flareGone) units.set(flareUnit(key(change.flareGone.id.key)), 'shut');
    else if (change.type === ChangeTypeSchema.entry) {
      units.set(entryUnit(key(change.entry.directory.key), change.entry.name.toString('latin1')), 'shut');
    } else if (change.type === ChangeTypeSchema.entryGone) {
      units.set(entryUnit(key(change.entryGone.directory.key), change.entryGone.name.toString('latin1')), 'shut');
    }
  }
  if (moving) units.set(MOVING, 'shut');
  return { units, stays: new Set() };
}
