import { andThen, type Eventually, isPending } from '../../../base/eventually.ts';
import { DATA_MAX } from '../../../flare/record/limits.ts';
import type { CallContext, Procedure, Program } from '../../../rpc/program.ts';
import { type Codec, type Value, XdrError } from '../../../rpc/xdr.ts';
import { planFromWire } from '../../keys/plan.ts';
import { decodeProjection, encodeProjection, memberFromWire } from '../../projection/codec.ts';
import type { News } from '../../projection/news.ts';
import { type Projection, ProjectionError } from '../../projection/types.ts';
import { checkMember } from '../../projection/validate.ts';
import { wireFlareLock } from '../locks.ts';
import { type Admission, copyBytes, DeniedError, Ended, type Ending, endingOf } from '../result.ts';
import { callerFromWire, idFromWire } from '../types.ts';
import type { NodeHandlers } from './handlers.ts';
import { wireKeys, wireRevoked } from './keys.ts';
import { wireObservation } from './observed.ts';
import { type NewsSchema, WATCH_MAX_MS } from './procedures/map.ts';
import { NODE_PROGRAM, NODE_VERSION, procedures } from './schema.ts';
import { stepFromWire, wireStepAnswer } from './steps.ts';
import { helloFromWire, loadsFromWire, wireHello, wireLoads } from './wire.ts';
import { wireWorks, worksFromWire } from './works.ts';

/** What the node program works with. */
export interface NodeProgramParts {
  readonly handlers: NodeHandlers;
  /** Whether that caller may call that procedure at all; else he is denied. */
  readonly allowed: (procedure: NodeProcedure, call: CallContext) => boolean;
  /** Asked next for each call that says which epoch it was made in. */
  readonly admit: (epoch: number) => Eventually<Admission>;
  /** The newest epoch that is known here; 0: none. */
  readonly epoch: () => number;
}

type Procedures = typeof procedures;
type Name = Exclude<keyof Procedures, 'NULL'>;
/** The node program's procedures, but for NULL. */
export type NodeProcedure = Name;
type Arguments<N extends Name> = Procedures[N]['arguments'] extends Codec<infer A> ? A : never;
type Result<N extends Name> = Procedures[N]['result'] extends Codec<infer R> ? R : never;
type Ok<N extends Name> = Extract<Result<N>, { ended: 0 }> extends { value: infer V } ? V : never;
type Run<N extends Name> = (handlers: NodeHandlers, args: Arguments<N>, call: CallContext) => Eventually<Ok<N>>;

const DECISIONS = { committed: 0, pending: 1, unknown: 2 } as const;

function bytesOf(projection: Projection | null): Buffer | null {
  return projection === null ? null : encodeProjection(projection);
}

function wireNews(news: News): Value<typeof NewsSchema> {
  if (news === null) return { news: 0 };
  return 'whole' in news
    ? { news: 1, projection: encodeProjection(news.whole) }
    : { news: 2, changes: [...news.changes] };
}

/** Reads what another volcano has sent; what is not sound is denied, with the reason. */
function sound<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ProjectionError || error instanceof XdrError) throw new DeniedError(error.message);
    throw error;
  }
}

const rows: { readonly [N in Name]: Run<N> } = {
  HELLO: (handlers, theirs, call) => andThen(handlers.hello(helloFromWire(theirs), call), wireHello),
  NEWEST: (handlers, { known }) => andThen(handlers.newest(known), wireNews),
  KNOWN: (handlers) => andThen(handlers.known(), bytesOf),
  WRITE: (handlers, bytes) => {
    const projection = sound(() => decodeProjection(Buffer.from(bytes)));
    return andThen(handlers.write(projection), (answer) => answer === 'written');
  },
  WATCH: (handlers, { epoch, waitMs }) => andThen(handlers.watch(epoch, Math.min(waitMs, WATCH_MAX_MS)), wireNews),
  JOIN(handlers, { member }, call) {
    const newcomer = sound(() => {
      const { state, ...found } = memberFromWire(member);
      checkMember({ ...found, state });
      return found;
    });
    return andThen(handlers.join(newcomer, call), () => undefined);
  },
  STANDING: (handlers, { look }) => handlers.standing(look),
  PROMISE: (handlers, { promised, candidate }) =>
    andThen(handlers.promise({ epoch: promised, candidate: candidate.toString('hex') }), bytesOf),
  CROWN(handlers, bytes) {
    const projection = sound(() => decodeProjection(Buffer.from(bytes)));
    return andThen(handlers.crown(projection), () => undefined);
  },
  GIVEUP: (handlers, { first, count, to }) =>
    andThen(handlers.giveUp({ first, count, to: to.toString('hex') }), () => undefined),
  COPIES: (handlers) => handlers.copies(),
  BURY: (handlers, { member }) => andThen(handlers.bury(member.toString('hex')), () => undefined),
  LEAVE: (handlers, { member, leaves }) => andThen(handlers.leave(member.toString('hex'), leaves), () => undefined),
  APPEND: (handlers, append) => handlers.append({ ...append, sender: append.sender.toString('hex') }),
  FOLLOWED: (handlers, ask) => handlers.followed({ ...ask, sender: ask.sender.toString('hex') }),
  TAIL: (handlers, ask) => handlers.tail({ ...ask, sender: ask.sender.toString('hex') }),
  CONTENTS: (handlers, { id, version, offset, length }) => {
    if (length > DATA_MAX) throw new DeniedError(`${length} bytes of a file: the most is ${DATA_MAX}`);
    return handlers.contents(idFromWire(id), version, offset, length);
  },
  COMMON: (handlers, ask) =>
    andThen(handlers.common({ ...ask, sender: ask.sender.toString('hex') }), (found) => [...found]),
  RENEW: (handlers, { sender }) => handlers.renew(sender.toString('hex')),
  PREPARE(handlers, { operation, slice, coordinator, caller, steps }) {
    const answers = handlers
      .joint(slice)
      .prepare(Buffer.from(operation), coordinator, callerFromWire(caller), steps.map(stepFromWire));
    return andThen(answers, (given) => given.map(wireStepAnswer));
  },
  OUTCOME: (handlers, { operation, slice, committed }) =>
    andThen(handlers.joint(slice).resolve(Buffer.from(operation), committed), () => undefined),
  DECISION: (handlers, { operation, slice }) =>
    andThen(handlers.joint(slice).decision(Buffer.from(operation)), (decision) => DECISIONS[decision]),
  DIGEST: (handlers, { slice }) => handlers.digest(slice),
  HOLD: (handlers, { hold, ms }) => andThen(handlers.backup().hold(hold, ms), (slices) => [...slices]),
  LETGO: (handlers, { hold }) => handlers.backup().letGo(hold),
  READSLICES: (handlers, { whole, slices, shares }) =>
    andThen(handlers.backup().read(whole, slices, shares), ({ reading, at, gone }) => ({
      reading,
      at: [...at],
      gone: [...gone],
    })),
  READON: (handlers, { reading, page }) =>
    andThen(handlers.backup().readOn(reading, page), ({ records, end }) => ({ records: [...records], end })),
  OBSERVE: (handlers, ask) => andThen(handlers.observe(ask), wireObservation),
  KEYS: (handlers) => andThen(handlers.keys(), wireKeys),
  REVOKE: (handlers, { name }) => andThen(handlers.revoke(name.toString('latin1')), wireRevoked),
  TAKEKEY: (handlers, { stretched, joiner }) =>
    andThen(handlers.takeKey({ stretched: Buffer.from(stretched), joiner: Buffer.from(joiner) }), () => undefined),
  GIVEKEY: (handlers, { keyId }) => handlers.giveKey(keyId.toString('hex')),
  PLANKEYS: (handlers, { plan }) => andThen(handlers.planKeys(planFromWire(plan)), () => undefined),
  HELD: (handlers, { from }) =>
    andThen(handlers.held(from.toString('latin1')), ({ locks, next }) => ({
      locks: locks.map(wireFlareLock),
      next: next === null ? null : Buffer.from(next, 'latin1'),
    })),
  FREEHOLDER: (handlers, { holder }) => handlers.releaseHolder(holder.toString('latin1')),
  LOAD: (handlers, { sender, loads }) =>
    andThen(handlers.load(sender.toString('hex'), loadsFromWire(loads)), wireLoads),
  WORK: (handlers, { works }) => andThen(handlers.work(worksFromWire(works)), wireWorks),
  NOTES: (handlers, { after, known }) =>
    andThen(handlers.notes(after.toString('latin1'), known), ({ version, notes, end }) => ({
      version,
      notes: notes.map(({ name, value }) => ({ name: Buffer.from(name, 'latin1'), value })),
      end,
    })),
  SETNOTE: (handlers, { name, value }) => {
    const set = handlers.setNote(name.toString('latin1'), value === null ? null : Buffer.from(value));
    return andThen(set, () => undefined);
  },
};

/** Calls that depend on the map, and are admitted by their epoch. WATCH has one too: the newest that the caller knows. */
const ADMITTED: ReadonlySet<Name> = new Set<Name>([
  'JOIN',
  'BURY',
  'LEAVE',
  'GIVEUP',
  'APPEND',
  'FOLLOWED',
  'TAIL',
  'CONTENTS',
  'COMMON',
  'RENEW',
  'PREPARE',
  'OUTCOME',
  'DECISION',
  'LOAD',
  'WORK',
  'DIGEST',
  'REVOKE',
  'HOLD',
  'READSLICES',
  'PLANKEYS',
  'HELD',
  'FREEHOLDER',
  'NOTES',
  'SETNOTE',
]);

/** Connections on which HELLO was answered: nothing else is answered on others. */
type Greeted = WeakSet<object>;

function serve(
  { handlers, allowed, admit, epoch }: NodeProgramParts,
  name: Name,
  greeted: Greeted,
): Procedure<any, any> {
  const { number: _, ...codecs } = procedures[name];
  const row = rows[name] as Run<any>;
  const run = (args: unknown, call: CallContext): Eventually<unknown> =>
    andThen(row(handlers, args as never, call), (value) => ({ ended: Ended.ok, value }));
  const pass = (admission: Admission, args: unknown, call: CallContext): Eventually<unknown> => {
    if (admission === 'busy') return { ended: Ended.busy };
    return admission === 'serve' ? run(args, call) : { ended: Ended.refresh, epoch: admission.refresh };
  };
  const answer = (args: unknown, call: CallContext): Eventually<unknown> => {
    if (!allowed(name, call)) throw new DeniedError(`${name} is not for ${call.identity ?? 'this caller'}`);
    if (name === 'HELLO') {
      return andThen(run(args, call), (value) => {
        if (call.connection !== undefined) greeted.add(call.connection);
        return value;
      });
    }
    if (call.connection === undefined || !greeted.has(call.connection))
      throw new DeniedError(`${name} before HELLO: that is the first call on each connection`);
    if (!ADMITTED.has(name)) return run(args, call);
    const admitted = admit((args as { epoch: number }).epoch);
    if (!isPending(admitted)) return pass(admitted, args, call);
    const kept = copyBytes(args);
    return admitted.then((admission) => pass(admission, kept, call));
  };
  const failed = (error: unknown): Ending => endingOf(error, epoch());
  return {
    name,
    ...codecs,
    handle(args, call) {
      try {
        const answered = answer(args, call);
        return isPending(answered) ? answered.catch(failed) : answered;
      } catch (error) {
        return failed(error);
      }
    },
  };
}

/** The node program: what volcanos ask of each other. */
export function nodeProgram(parts: NodeProgramParts): Program {
  const version = new Map<number, Procedure<any, any>>();
  const { NULL, ...others } = procedures;
  version.set(NULL.number, { name: 'NULL', arguments: NULL.arguments, result: NULL.result, handle: () => undefined });
  const greeted: Greeted = new WeakSet();
  for (const name of Object.keys(others) as Name[]) version.set(procedures[name].number, serve(parts, name, greeted));
  return { number: NODE_PROGRAM, name: 'node', versions: new Map([[NODE_VERSION, version]]) };
}
