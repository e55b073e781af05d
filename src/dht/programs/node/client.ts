import type { Decision, JointPart } from '../../../flare/joint.ts';
import type { LastRecord } from '../../../flare/store/following.ts';
import type { HeldPage } from '../../../flare/store/locks/keeper.ts';
import type { FlareId } from '../../../flare/types.ts';
import { type RemoteProcedure, remote } from '../../../rpc/client.ts';
import type { Codec, Value } from '../../../rpc/xdr.ts';
import type { WorkHeard } from '../../balance/work.ts';
import { type KeyPlan, wirePlan } from '../../keys/plan.ts';
import type { Revoked } from '../../keys/revoked.ts';
import type { Observation, Observing } from '../../observation.ts';
import { changed, decodeChange } from '../../projection/change.ts';
import { decodeProjection, encodeProjection, memberToWire } from '../../projection/codec.ts';
import {
  type Member,
  type MemberId,
  type Projection,
  ProjectionError,
  type SliceRange,
} from '../../projection/types.ts';
import type { AskCommon, AskFollowed, AskTail, CommonSlices, Followed, Tail } from '../../replication/types.ts';
import { flareLockFromWire, wireHolder } from '../locks.ts';
import { type Answer, outcomeOf, type RpcCaller } from '../result.ts';
import { wireCaller, wireId } from '../types.ts';
import type { Append, Appended, BackupPart, Loads, NotesPage, ReadingPage, SliceDigest, Standing } from './handlers.ts';
import type { Hello } from './hello.ts';
import { type KeysTold, keysFromWire, revokedFromWire } from './keys.ts';
import { observationFromWire } from './observed.ts';
import { type NewsSchema, WATCH_MAX_MS } from './procedures/map.ts';
import { NODE_PROGRAM, NODE_VERSION, procedures } from './schema.ts';
import { stepAnswerFromWire, wireStep } from './steps.ts';
import { helloFromWire, loadsFromWire, wireHello, wireLoads } from './wire.ts';
import { wireWorks, worksFromWire } from './works.ts';

/** How long the digest of a slice may take, in milliseconds. */
export const DIGEST_MS = 600_000;
/** How much longer than it asks to wait a WATCH is given, in milliseconds. */
const WATCH_GRACE_MS = 10_000;

function call<A, R>(row: { readonly number: number; readonly arguments: Codec<A>; readonly result: Codec<R> }) {
  return remote(NODE_PROGRAM, NODE_VERSION, row.number, row);
}

const calls = {
  hello: call(procedures.HELLO),
  newest: call(procedures.NEWEST),
  write: call(procedures.WRITE),
  watch: call(procedures.WATCH),
  join: call(procedures.JOIN),
  standing: call(procedures.STANDING),
  promise: call(procedures.PROMISE),
  crown: call(procedures.CROWN),
  giveUp: call(procedures.GIVEUP),
  copies: call(procedures.COPIES),
  bury: call(procedures.BURY),
  leave: call(procedures.LEAVE),
  append: call(procedures.APPEND),
  followed: call(procedures.FOLLOWED),
  tail: call(procedures.TAIL),
  contents: call(procedures.CONTENTS),
  common: call(procedures.COMMON),
  renew: call(procedures.RENEW),
  prepare: call(procedures.PREPARE),
  outcome: call(procedures.OUTCOME),
  decision: call(procedures.DECISION),
  load: call(procedures.LOAD),
  work: call(procedures.WORK),
  notes: call(procedures.NOTES),
  setNote: call(procedures.SETNOTE),
  digest: call(procedures.DIGEST),
  hold: call(procedures.HOLD),
  letGo: call(procedures.LETGO),
  readSlices: call(procedures.READSLICES),
  readOn: call(procedures.READON),
  known: call(procedures.KNOWN),
  observe: call(procedures.OBSERVE),
  keys: call(procedures.KEYS),
  revoke: call(procedures.REVOKE),
  takeKey: call(procedures.TAKEKEY),
  giveKey: call(procedures.GIVEKEY),
  planKeys: call(procedures.PLANKEYS),
  held: call(procedures.HELD),
  freeHolder: call(procedures.FREEHOLDER),
};

const DECISIONS: readonly Decision[] = ['committed', 'pending', 'unknown'];

function projectionOf(bytes: Buffer | null): Projection | null {
  return bytes === null ? null : decodeProjection(bytes);
}

/** The newest projection; null when nothing is newer than what is known. Throws `ProjectionError` when the changes do not fit that. */
function newestOf(news: Value<typeof NewsSchema>, known: Projection | null): Projection | null {
  if (news.news === 0) return null;
  if (news.news === 1) return decodeProjection(news.projection);
  if (known === null) throw new ProjectionError('changes of a map that is not known');
  return changed(known, news.changes.map(decodeChange));
}

/** A part whose answers have to be waited for. */
type Remote<P> = {
  [K in keyof P]: P[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never;
};
type RemoteJoint = Remote<JointPart>;
/** What another volcano does for backups. */
export type RemoteBackup = Remote<BackupPart>;

/**
 * Another volcano's node program. Rejects with what its handlers refuse with, and with `RpcError` when there is no answer.
 */
export class NodeClient {
  readonly #caller: RpcCaller;
  readonly #epoch: () => number;

  readonly #refreshed: ((epoch: number) => void) | undefined;

  /** `epoch`: of the map that calls are made by. `refreshed` is told of each epoch that the other side says the map is at. */
  constructor(caller: RpcCaller, epoch: () => number, refreshed?: (epoch: number) => void) {
    this.#caller = caller;
    this.#epoch = epoch;
    this.#refreshed = refreshed;
  }

  async hello(mine: Hello): Promise<Hello> {
    return helloFromWire(await this.#ask(calls.hello, wireHello(mine)));
  }

  /** The newest: that which is known already when it is that, and null when the network has none yet. What is known makes the answer short. `ProjectionError` when that does not fit it. */
  async newest(known: Projection | null = null): Promise<Projection | null> {
    return newestOf(await this.#ask(calls.newest, { known: known?.epoch ?? 0 }), known) ?? known;
  }

  /** The newest that is known there. */
  async known(): Promise<Projection | null> {
    return projectionOf(await this.#ask(calls.known, undefined));
  }

  async write(projection: Projection): Promise<'written' | 'taken'> {
    return (await this.#ask(calls.write, encodeProjection(projection))) ? 'written' : 'taken';
  }

  /** A projection newer than the known one, as soon as there is one; null after `waitMs` (at most `WATCH_MAX_MS`) without. `ProjectionError` as for `newest`. */
  async watch(known: Projection | null, waitMs: number): Promise<Projection | null> {
    const epoch = known?.epoch ?? 0;
    const wait = Math.min(waitMs, WATCH_MAX_MS);
    const patience = { timeoutMs: wait + WATCH_GRACE_MS, tries: 1 };
    return newestOf(outcomeOf(await this.#caller.call(calls.watch, { epoch, waitMs: wait }, { patience })), known);
  }

  async join(newcomer: Omit<Member, 'state'>): Promise<void> {
    await this.#ask(calls.join, { epoch: this.#epoch(), member: memberToWire({ ...newcomer, state: 'joining' }) });
  }

  /** How it stands to the register; with `look` it asks who keeps that whether he is there. */
  async standing(look = true): Promise<Standing> {
    return this.#ask(calls.standing, { look });
  }

  /** Has it promise to go by no map below that epoch; the newest that it knows. */
  async promise(promised: number, candidate: MemberId): Promise<Projection> {
    return projectionOf(await this.#ask(calls.promise, { promised, candidate: Buffer.from(candidate, 'hex') }))!;
  }

  /** The register begins there with that map, as it has promised. */
  async crown(projection: Projection): Promise<void> {
    await this.#ask(calls.crown, encodeProjection(projection));
  }

  /** Has that volcano serve slices whose copies in sync are all away for good. */
  async giveUp({ first, count, to }: SliceRange & { readonly to: MemberId }): Promise<void> {
    await this.#ask(calls.giveUp, { epoch: this.#epoch(), first, count, to: Buffer.from(to, 'hex') });
  }

  /** The last record that lies there of each slice, whatever the map says. */
  async copies(): Promise<readonly LastRecord[]> {
    return this.#ask(calls.copies, undefined);
  }

  /** Has a volcano that is away for good taken out of the map. */
  async bury(member: MemberId): Promise<void> {
    await this.#ask(calls.bury, { epoch: this.#epoch(), member: Buffer.from(member, 'hex') });
  }

  /** A volcano is to leave, or to stay after all. */
  async leave(member: MemberId, leaves: boolean): Promise<void> {
    await this.#ask(calls.leave, { epoch: this.#epoch(), member: Buffer.from(member, 'hex'), leaves });
  }

  async append(append: Append): Promise<Appended> {
    return this.#ask(calls.append, { ...append, sender: Buffer.from(append.sender, 'hex') });
  }

  async followed(ask: AskFollowed): Promise<Followed> {
    return this.#ask(calls.followed, { ...ask, slices: [...ask.slices], sender: Buffer.from(ask.sender, 'hex') });
  }

  /** The payloads are copies. */
  async tail(ask: AskTail): Promise<Tail> {
    const groups = await this.#ask(calls.tail, {
      ...ask,
      slices: [...ask.slices],
      sender: Buffer.from(ask.sender, 'hex'),
    });
    return groups.map((group) => group.map((payload) => Buffer.from(payload)));
  }

  /** Bytes of a file that has a copy there, at that version, all of them; null: it is at another version there. Version null: at whichever. At most `DATA_MAX`. */
  async contents(id: FlareId, version: number | null, offset: number, length: number): Promise<Buffer | null> {
    const args = { epoch: this.#epoch(), id: wireId(id), version, offset, length };
    const bytes = await this.#ask(calls.contents, args);
    return bytes === null ? null : Buffer.from(bytes);
  }

  /** The records are copies. */
  async common(ask: AskCommon): Promise<CommonSlices> {
    const found = await this.#ask(calls.common, {
      ...ask,
      slices: ask.slices.map(({ slice, runs }) => ({ slice, runs: [...runs] })),
      sender: Buffer.from(ask.sender, 'hex'),
    });
    return found.map((one) => one && { last: one.last, undo: one.undo && Buffer.from(one.undo) });
  }

  /** Asks for the lease of `sender`, this volcano: for how long it is granted, in milliseconds, counted from when it was asked for at the latest. Waits so long at most. */
  async renew(sender: MemberId, patienceMs: number): Promise<number> {
    const args = { epoch: this.#epoch(), sender: Buffer.from(sender, 'hex') };
    const patience = { timeoutMs: patienceMs, tries: 1 };
    return outcomeOf(await this.#caller.call(calls.renew, args, { patience }), this.#refreshed);
  }

  /** Its side of operations over several owners, as owner of that slice. */
  joint(slice: number): RemoteJoint {
    const head = (): { epoch: number; slice: number } => ({ epoch: this.#epoch(), slice });
    return {
      prepare: async (operation, coordinator, caller, steps) => {
        const wire = { operation, coordinator, caller: wireCaller(caller), steps: steps.map(wireStep) };
        return (await this.#ask(calls.prepare, { ...head(), ...wire })).map(stepAnswerFromWire);
      },
      resolve: async (operation, committed) => {
        await this.#ask(calls.outcome, { ...head(), operation, committed });
      },
      decision: async (operation) => DECISIONS[await this.#ask(calls.decision, { ...head(), operation })]!,
    };
  }

  /** What that volcano sees of its clients, and serves. */
  async observe(ask: Observing): Promise<Observation> {
    return observationFromWire(await this.#ask(calls.observe, { ...ask }));
  }

  /** What that volcano knows of keys. */
  async keys(): Promise<KeysTold> {
    return keysFromWire(await this.#ask(calls.keys, undefined));
  }

  /** The key that clients of a name have is let in no more; durable when it resolves. */
  async revoke(name: string): Promise<Revoked> {
    return revokedFromWire(await this.#ask(calls.revoke, { epoch: this.#epoch(), name: Buffer.from(name, 'latin1') }));
  }

  /** Has it keep a key of the network for later; durable when it resolves. */
  async takeKey(key: { readonly stretched: Buffer; readonly joiner: Buffer }): Promise<void> {
    await this.#ask(calls.takeKey, { ...key });
  }

  /** A key of the network that is let in there, in memory of its own; null: it is not. */
  async giveKey(keyId: string): Promise<{ stretched: Buffer; joiner: Buffer } | null> {
    const key = await this.#ask(calls.giveKey, { keyId: Buffer.from(keyId, 'hex') });
    return key === null ? null : { stretched: Buffer.from(key.stretched), joiner: Buffer.from(key.joiner) };
  }

  /** Has the network go by that plan of keys; durable when it resolves. */
  async planKeys(plan: KeyPlan): Promise<void> {
    await this.#ask(calls.planKeys, { epoch: this.#epoch(), plan: wirePlan(plan) });
  }

  /** Locks of slices that are served there, and where the next ones begin; null: there are no more. */
  async held(from: string): Promise<HeldPage> {
    const { locks, next } = await this.#ask(calls.held, { epoch: this.#epoch(), from: Buffer.from(from, 'latin1') });
    return { locks: locks.map(flareLockFromWire), next: next === null ? null : next.toString('latin1') };
  }

  /** Ends all that a holder has locked there; of how many flares. */
  releaseHolder(holder: string): Promise<number> {
    return this.#ask(calls.freeHolder, { epoch: this.#epoch(), holder: wireHolder(holder) });
  }

  /** Tells the own figures and some that were heard of others, and is told likewise. */
  async load(sender: MemberId, loads: Loads): Promise<Loads> {
    const wire = { epoch: this.#epoch(), sender: Buffer.from(sender, 'hex'), loads: wireLoads(loads) };
    return loadsFromWire(await this.#ask(calls.load, wire));
  }

  /** Tells what volcanos' slices are asked for, and is told likewise. */
  async work(works: readonly WorkHeard[]): Promise<WorkHeard[]> {
    return worksFromWire(await this.#ask(calls.work, { epoch: this.#epoch(), works: wireWorks(works) }));
  }

  /** Some of the network's notes, from behind `after` on; none when they are still at version `known`. */
  async notes(after: string, known: number): Promise<NotesPage> {
    const wire = { epoch: this.#epoch(), after: Buffer.from(after, 'latin1'), known };
    const { version, notes, end } = await this.#ask(calls.notes, wire);
    return { version, notes: notes.map(({ name, value }) => ({ name: name.toString('latin1'), value })), end };
  }

  /** Sets one of the network's notes, or removes it; durable when it resolves. */
  async setNote(name: string, value: Buffer | null): Promise<void> {
    await this.#ask(calls.setNote, { epoch: this.#epoch(), name: Buffer.from(name, 'latin1'), value });
  }

  /** What lies there of a slice, in short. Waits for as long as it takes to read all of it, `DIGEST_MS` at most. */
  async digest(slice: number): Promise<SliceDigest> {
    const patience = { timeoutMs: DIGEST_MS, tries: 1 };
    const args = { epoch: this.#epoch(), slice };
    const { number, epoch, digest } = outcomeOf(await this.#caller.call(calls.digest, args, { patience }));
    return { number, epoch, digest: Buffer.from(digest) };
  }

  /** What it does for backups; records are copies. */
  get backup(): RemoteBackup {
    return {
      hold: (hold, ms) => this.#ask(calls.hold, { epoch: this.#epoch(), hold, ms }),
      letGo: (hold) => this.#ask(calls.letGo, { hold }),
      read: (whole, slices, shares) => {
        const from = slices.map((one) => ({ ...one }));
        return this.#ask(calls.readSlices, { epoch: this.#epoch(), whole, slices: from, shares: [...shares] });
      },
      readOn: async (reading, page): Promise<ReadingPage> => {
        const { records, end } = await this.#ask(calls.readOn, { reading, page });
        return { records: records.map((record) => Buffer.from(record)), end };
      },
    };
  }

  async #ask<A, V>(procedure: RemoteProcedure<A, Answer<V>>, args: A): Promise<V> {
    return outcomeOf(await this.#caller.call(procedure, args), this.#refreshed);
  }
}
