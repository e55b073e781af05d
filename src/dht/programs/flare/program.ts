import { andThen, type Eventually, isPending } from '../../../base/eventually.ts';
import { FlareError } from '../../../flare/errors.ts';
import type { FlareService } from '../../../flare/service.ts';
import { READ_MAX, READDIR_MAX } from '../../../flare/store/limits.ts';
import type { Caller, FlareId, Key } from '../../../flare/types.ts';
import type { CallContext, Procedure, Program } from '../../../rpc/program.ts';
import type { Codec } from '../../../rpc/xdr.ts';
import { encodeProjection } from '../../projection/codec.ts';
import type { Projection } from '../../projection/types.ts';
import { lockFromWire, wireHeld } from '../locks.ts';
import { type Admission, copyBytes, Ended, type Ending, endingOf } from '../result.ts';
import * as types from '../types.ts';
import { FLARE_PROGRAM, FLARE_VERSION, procedures } from './schema.ts';

/** What a call that names its flares by key and generation, or by key alone, wants to do. */
export interface GateRequest {
  readonly call: CallContext;
  /** On whose behalf the call is made, as it says: a numeric address; empty: the caller's own. */
  readonly client: string;
  readonly access: 'read' | 'write';
  /** Who asks, as the call says; absent where the method has no caller. */
  readonly caller: Caller | undefined;
  /** The flares that the call names, the one whose owner is asked first. None: it is about the network. */
  readonly flares: readonly { readonly key: Key; readonly generation: number | null }[];
}

/** What the flare program works with. */
export interface FlareProgramParts {
  readonly service: FlareService;
  /** Asked first for each call: by the caller's epoch, and the key of the flare whose owner is to answer; null when any volcano can. */
  readonly admit: (epoch: number, key: Key | null) => Eventually<Admission>;
  /** Asked then: who the caller is taken for (squashed). Throws, or rejects with, the `FlareError` that refuses him. */
  readonly gate: (request: GateRequest) => Eventually<Caller | undefined>;
  /** The newest projection that is known here. */
  readonly projection: () => Projection | null;
  /** Who calls may say in which share flares count: volcanos may, clients may not (PERM). */
  readonly assigns?: boolean;
}

type Procedures = typeof procedures;
type Name = Exclude<keyof Procedures, 'NULL'>;
type Arguments<N extends Name> = Procedures[N]['arguments'] extends Codec<infer A> ? A : never;
type Result<N extends Name> = Procedures[N]['result'] extends Codec<infer R> ? R : never;
type Ok<N extends Name> = Extract<Result<N>, { ended: 0 }> extends { value: infer V } ? V : never;

interface Row<N extends Name> {
  readonly access: 'read' | 'write';
  /** The flares that it names, the one whose owner is asked first. */
  readonly flares: (args: Arguments<N>) => readonly (FlareId | Key)[];
  /** The rules are not asked about its flares: it tells nothing of them, and some may be gone. */
  readonly ungated?: true;
  readonly run: (parts: FlareProgramParts, args: Arguments<N>, caller: Caller) => Eventually<Ok<N>>;
}

const NOBODY: Caller = { uid: 0xfffe, gid: 0xfffe, gids: [] };
const none = (): readonly FlareId[] => [];
const byId = (args: { readonly id: { key: Buffer; generation: number } }) => [types.idFromWire(args.id)];
const byDirectory = (args: { readonly directory: { key: Buffer; generation: number } }) => [
  types.idFromWire(args.directory),
];

function expectation(version: number | null): { version: number } | undefined {
  return version === null ? undefined : { version };
}

const done = (): undefined => undefined;
const byIds = (args: { readonly ids: readonly { key: Buffer; generation: number }[] }) =>
  args.ids.map(types.idFromWire);

const rows: { readonly [N in Name]: Row<N> } = {
  ROOT: { access: 'read', flares: none, run: ({ service }) => types.wireId(service.root()) },
  GETATTR: {
    access: 'read',
    flares: byId,
    run: ({ service }, { id }) => andThen(service.getattr(types.idFromWire(id)), types.wireAttributes),
  },
  GLANCE: {
    access: 'read',
    flares: byId,
    run: ({ service }, { id }) => andThen(service.glance(types.idFromWire(id)), types.wireAttributes),
  },
  FIND: {
    access: 'read',
    flares: ({ key }) => [types.keyFromWire(key)],
    run: ({ service }, { key }) => andThen(service.find(types.keyFromWire(key)), types.wireAttributes),
  },
  SETATTR: {
    access: 'write',
    flares: byId,
    run({ service, assigns }, { id, changes, version }, caller) {
      if (changes.share !== null && assigns !== true) throw FlareError.of('PERM');
      return andThen(
        service.setattr(caller, types.idFromWire(id), types.changesFromWire(changes), expectation(version)),
        types.wireAttributes,
      );
    },
  },
  LOOKUP: {
    access: 'read',
    flares: byDirectory,
    run: ({ service }, { directory, name }, caller) =>
      andThen(service.lookup(caller, types.idFromWire(directory), types.nameFromWire(name)), types.wireAttributes),
  },
  READLINK: {
    access: 'read',
    flares: byId,
    run: ({ service }, { id }, caller) => service.readlink(caller, types.idFromWire(id)),
  },
  READ: {
    access: 'read',
    flares: byId,
    run({ service }, { id, offset, count }, caller) {
      if (count > READ_MAX) throw FlareError.of('INVAL');
      return andThen(service.read(caller, types.idFromWire(id), offset, count), ({ data, attributes }) => ({
        attributes: types.wireAttributes(attributes),
        data,
      }));
    },
  },
  WRITE: {
    access: 'write',
    flares: byId,
    run: ({ service }, { id, offset, data, version }, caller) =>
      andThen(service.write(caller, types.idFromWire(id), offset, data, expectation(version)), types.wireAttributes),
  },
  CREATE: {
    access: 'write',
    flares: byDirectory,
    run: ({ service }, { directory, name, birth, open }, caller) =>
      andThen(
        service.create(caller, types.idFromWire(directory), types.nameFromWire(name), types.birthFromWire(birth), {
          existing: open ? 'open' : 'refuse',
        }),
        types.wireAttributes,
      ),
  },
  REMOVE: {
    access: 'write',
    flares: byDirectory,
    run: ({ service }, { directory, name }, caller) =>
      andThen(service.remove(caller, types.idFromWire(directory), types.nameFromWire(name)), done),
  },
  RMDIR: {
    access: 'write',
    flares: byDirectory,
    run: ({ service }, { directory, name }, caller) =>
      andThen(service.rmdir(caller, types.idFromWire(directory), types.nameFromWire(name)), done),
  },
  RENAME: {
    access: 'write',
    flares: ({ from, to }) => [types.idFromWire(from), types.idFromWire(to)],
    run: ({ service }, { from, fromName, to, toName }, caller) =>
      andThen(
        service.rename(
          caller,
          types.idFromWire(from),
          types.nameFromWire(fromName),
          types.idFromWire(to),
          types.nameFromWire(toName),
        ),
        done,
      ),
  },
  LINK: {
    access: 'write',
    // The owner of the directory of the new name coordinates.
    flares: ({ id, directory }) => [types.idFromWire(directory), types.idFromWire(id)],
    run: ({ service }, { id, directory, name }, caller) =>
      andThen(service.link(caller, types.idFromWire(id), types.idFromWire(directory), types.nameFromWire(name)), done),
  },
  READDIR: {
    access: 'read',
    flares: byDirectory,
    run: ({ service }, { directory, cookie, limit }, caller) =>
      andThen(
        service.readdir(caller, types.idFromWire(directory), cookie, Math.min(limit, READDIR_MAX)),
        ({ entries, end }) => ({ entries: entries.map(types.wireEntry), end }),
      ),
  },
  RECALL: {
    access: 'read',
    flares: ({ at }) => [types.keyFromWire(at)],
    run: ({ service }, { at, replay }) =>
      andThen(service.recall(replay.toString('latin1'), types.keyFromWire(at)), (known) => ({
        found: known !== undefined,
        attributes: known === undefined || known === null ? null : types.wireAttributes(known),
      })),
  },
  STATFS: { access: 'read', flares: none, run: ({ service }) => service.statfs() },
  // A lock changes nothing that anybody reads: who may only read may have locks.
  LOCK: {
    access: 'read',
    flares: byId,
    run: ({ service }, { id, lock }, caller) =>
      andThen(service.locks.lock(caller, types.idFromWire(id), lockFromWire(lock)), ({ attributes, tenure }) => ({
        attributes: types.wireAttributes(attributes),
        tenure,
      })),
  },
  TESTLOCK: {
    access: 'read',
    flares: byId,
    run: ({ service }, { id, lock }, caller) =>
      andThen(service.locks.test(caller, types.idFromWire(id), lockFromWire(lock)), (held) =>
        held === null ? null : wireHeld(held),
      ),
  },
  KEEPLOCKS: {
    access: 'read',
    flares: byIds,
    ungated: true,
    run: ({ service }, { holder, ids }) => service.locks.keep(holder.toString('latin1'), ids.map(types.idFromWire)),
  },
  FREELOCKS: {
    access: 'read',
    flares: byIds,
    ungated: true,
    run: ({ service }, { holder, ids }) =>
      andThen(service.locks.release(holder.toString('latin1'), ids.map(types.idFromWire)), done),
  },
  PROJECTION: {
    access: 'read',
    flares: none,
    run({ projection }, { epoch }) {
      const newest = projection();
      return newest === null || newest.epoch <= epoch ? null : encodeProjection(newest);
    },
  },
};

/** What all arguments have. */
type Head = Arguments<'ROOT'> & { readonly caller?: Arguments<'READLINK'>['caller'] };

function serve(parts: FlareProgramParts, name: Name): Procedure<any, any> {
  const { number: _, ...codecs } = procedures[name];
  const row: Row<any> = rows[name];
  const run = (args: Head, caller: Caller | undefined): Eventually<unknown> =>
    andThen(row.run(parts, args, caller ?? NOBODY), (value) => ({ ended: Ended.ok, value }));
  const gate = (args: Head, named: readonly (FlareId | Key)[], call: CallContext) => {
    const flares = row.ungated === true ? [] : named;
    return parts.gate({
      call,
      client: args.client.toString('latin1'),
      access: row.access,
      caller: args.caller !== undefined ? types.callerFromWire(args.caller) : undefined,
      flares: flares.map((one) => (typeof one === 'string' ? { key: one, generation: null } : one)),
    });
  };
  const answer = (args: Head, call: CallContext): Eventually<unknown> => {
    const flares = row.flares(args);
    const [first] = flares;
    const key = first === undefined ? null : typeof first === 'string' ? first : first.key;
    const admitted = parts.admit(args.epoch, key);
    if (isPending(admitted)) {
      const kept = copyBytes(args);
      return admitted.then((admission) => pass(admission, kept, flares, call));
    }
    return pass(admitted, args, flares, call);
  };
  const pass = (
    admission: Admission,
    args: Head,
    flares: readonly (FlareId | Key)[],
    call: CallContext,
  ): Eventually<unknown> => {
    if (admission === 'busy') return { ended: Ended.busy };
    if (admission !== 'serve') return { ended: Ended.refresh, epoch: admission.refresh };
    const caller = gate(args, flares, call);
    if (!isPending(caller)) return run(args, caller);
    const kept = copyBytes(args);
    return caller.then((known) => run(kept, known));
  };
  return {
    name,
    ...codecs,
    handle(args: Head, call) {
      const failed = (error: unknown): Ending => endingOf(error, Math.max(args.epoch, parts.projection()?.epoch ?? 0));
      try {
        const answered = answer(args, call);
        return isPending(answered) ? answered.catch(failed) : answered;
      } catch (error) {
        return failed(error);
      }
    },
  };
}

/**
 * The flare program: every method of `FlareService` for other volcanos and for clients that find owners by themselves. Refusals, `refresh` and `busy` are answers; any
 * other error of the service is SYSTEM_ERR.
 */
export function flareProgram(parts: FlareProgramParts): Program {
  const version = new Map<number, Procedure<any, any>>();
  const { NULL, ...others } = procedures;
  version.set(NULL.number, { name: 'NULL', arguments: NULL.arguments, result: NULL.result, handle: () => undefined });
  for (const name of Object.keys(others) as Name[]) version.set(procedures[name].number, serve(parts, name));
  return { number: FLARE_PROGRAM, name: 'flare', versions: new Map([[FLARE_VERSION, version]]) };
}
