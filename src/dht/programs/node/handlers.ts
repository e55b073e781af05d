import type { Eventually } from '../../../base/eventually.ts';
import type { JointPart } from '../../../flare/joint.ts';
import type { LastRecord } from '../../../flare/store/following.ts';
import type { HeldPage } from '../../../flare/store/locks/keeper.ts';
import type { AccountUsage } from '../../../flare/store/usage.ts';
import type { FlareId } from '../../../flare/types.ts';
import type { CallContext } from '../../../rpc/program.ts';
import type { WorkHeard } from '../../balance/work.ts';
import type { KeyPlan } from '../../keys/plan.ts';
import type { Revoked } from '../../keys/revoked.ts';
import type { KeyFigures } from '../../keys/standing.ts';
import type { Observation, Observing } from '../../observation.ts';
import type { News } from '../../projection/news.ts';
import type { Member, MemberId, Projection, SliceRange } from '../../projection/types.ts';
import type { AskCommon, AskFollowed, AskTail, CommonSlices, Followed, Tail } from '../../replication/types.ts';
import type { Hello } from './hello.ts';
import type { KeysTold } from './keys.ts';

/** A record on its way to a mirror, as the log keeps it. */
export interface AppendRecord {
  /** Meaning only to the sender's and the mirror's log. */
  readonly flags: number;
  readonly payload: Buffer;
}

/** What a primary sends to a mirror. */
export interface Append {
  readonly epoch: number;
  readonly sender: MemberId;
  /** Tells this stream from earlier ones of the same sender. */
  readonly stream: number;
  /** Its number in the stream, from 1. */
  readonly sequence: number;
  /** Each is appended whole or not at all. */
  readonly groups: readonly (readonly AppendRecord[])[];
}

/** What a mirror answers: all of the stream up to `sequence` is durable there, and `room` is what it can take beside its reserve, in bytes; or the first record of a slice does not follow its `last`. */
export type Appended =
  | { readonly gap: 0; readonly taken: { readonly sequence: number; readonly room: number } }
  | { readonly gap: 1; readonly at: { readonly slice: number; readonly last: number } };

/** What a volcano tells of itself. */
export interface Figures {
  /** Calls answered a second, of late. */
  readonly load: number;
  readonly capacityBytes: number;
  readonly freeBytes: number;
  readonly availableBytes: number;
  readonly flares: number;
  /** How many records its slowest in-sync mirror is behind. */
  readonly lagRecords: number;
  readonly uptimeSeconds: number;
  /** How long a sync of its log takes of late, in milliseconds. */
  readonly syncMs: number;
  /** Records of its log that were found damaged since it started, and those of them that came anew from another volcano. */
  readonly damaged: number;
  readonly repaired: number;
  /** The highest protocol that it speaks. */
  readonly protocol: number;
  readonly keys: KeyFigures;
}

/** Another volcano's figures, as they were so many milliseconds ago. */
export interface Heard {
  readonly id: MemberId;
  readonly ageMs: number;
  readonly figures: Figures;
  readonly usage: readonly AccountUsage[];
}

/** What a volcano tells of itself, and of others. */
export interface Loads {
  readonly figures: Figures;
  /** What accounts with a limit have on the slices that it serves: at most `USAGE_MAX`. */
  readonly usage: readonly AccountUsage[];
  /** At most `HEARD_MAX`. */
  readonly heard: readonly Heard[];
}

/** How a volcano stands to the register of the maps. */
export interface Standing {
  /** Of the newest map that it knows, and the highest that it has heard of; its map is current. */
  readonly epoch: number;
  readonly heard: number;
  readonly current: boolean;
  /** It has promised to go by no map below that epoch, and waits for one; 0: it has not. */
  readonly promised: number;
  /** The volcano that keeps the register, by its map, answers it; of that volcano itself, and when it was not to look: it may use it. */
  readonly reaches: boolean;
}

/** How far a slice is: its last record. */
export interface SliceAt extends LastRecord {
  readonly slice: number;
}

/** A reading of slices that has begun. */
export interface Reading {
  readonly reading: number;
  /** Where the slices of a whole reading were when it began: what comes behind that is to be read besides. */
  readonly at: readonly SliceAt[];
  /** Of these the log has not all that was asked for. */
  readonly gone: readonly number[];
}

/** Records as they come in a reading; fewer than there is room for, or none, does not mean the end. */
export interface ReadingPage {
  readonly records: readonly Buffer[];
  readonly end: boolean;
}

/** What a volcano does for backups. */
export interface BackupPart {
  /**
   * From now on its answers show nothing that is new, until `letGo`, for so many milliseconds at most. Resolves with how far its own slices are. `BusyError` when another backup does the same.
   */
  hold(hold: number, ms: number): Eventually<readonly SliceAt[]>;
  /** Ends it. True: it was unbroken till now, and the slices are the volcano's as they were. */
  letGo(hold: number): Eventually<boolean>;
  /** Begins to read own slices: all that lives in them, or committed records behind the given ones; with the contents of files that count in these shares, or, when none are given, of all. `RefreshError`, `BusyError`. */
  read(whole: boolean, slices: readonly SliceAt[], shares: readonly number[]): Eventually<Reading>;
  /** The next page, from 0. `DeniedError` when there is no such reading (any more): it is to be begun anew. */
  readOn(reading: number, page: number): Eventually<ReadingPage>;
}

/** Some of the network's notes; `end` when there are no more. */
export interface NotesPage {
  /** Another one after each change; 0 is none. */
  readonly version: number;
  readonly notes: readonly { readonly name: string; readonly value: Buffer }[];
  readonly end: boolean;
}

/** What a volcano holds of a slice, in short: equal where the same lies, wherever in the log. Replays are not in it: they are bounded for all slices together. */
export interface SliceDigest {
  /** The last record's. */
  readonly number: number;
  readonly epoch: number;
  /** SHA-256. */
  readonly digest: Buffer;
}

/**
 * What a volcano does when another one calls. Refusals are `FlareError`, `BusyError`, `ElsewhereError`, `RefreshError` and `DeniedError`; other errors fail the call. Bytes
 * lie in the receive buffer: what outlives the first wait is to be copied, but for operation ids, steps and projections, whose bytes are their own.
 */
export interface NodeHandlers {
  /** `DeniedError` when the two may not work together (`checkHello`). */
  hello(theirs: Hello, call: CallContext): Eventually<Hello>;
  /** What is newer than the projection of that epoch; 0: none is known. */
  newest(known: number): Eventually<News>;
  /** The newest that is known here, current or not. */
  known(): Eventually<Projection | null>;
  /** As `ProjectionStore.write`; `DeniedError` for what is not legal. */
  write(projection: Projection): Eventually<'written' | 'taken'>;
  /** What is newer than the projection of that epoch, when there is something; null after `waitMs` without. */
  watch(epoch: number, waitMs: number): Eventually<News>;
  /** Has the newcomer made a member. `DeniedError` when that cannot be. */
  join(newcomer: Omit<Member, 'state'>, call: CallContext): Eventually<void>;
  /** `look`: it asks who keeps the register whether he is there. */
  standing(look: boolean): Eventually<Standing>;
  /** As `Register.promise`. */
  promise(promise: { readonly epoch: number; readonly candidate: MemberId }): Eventually<Projection>;
  /** As `Register.crown`. */
  crown(projection: Projection): Eventually<void>;
  /** As `giveUp` of `volcano/loss.ts`. */
  giveUp(given: SliceRange & { readonly to: MemberId }): Eventually<void>;
  /** The last record of each slice that lies here. */
  copies(): Eventually<LastRecord[]>;
  /** Has a volcano that is away for good taken out of the map; harmless when it is not there. `DeniedError` when that must not be, `BusyError` when it cannot be yet. */
  bury(member: MemberId): Eventually<void>;
  /** Has a volcano leave, or stay after all: `setLeaving` of `volcano/leaving.ts`. */
  leave(member: MemberId, leaves: boolean): Eventually<void>;
  append(append: Append): Eventually<Appended>;
  /** The last records of slices that this volcano mirrors for the sender, and the stream that it sends from now on. */
  followed(ask: AskFollowed): Eventually<Followed>;
  /** Records of slices that this volcano mirrors for the sender. */
  tail(ask: AskTail): Eventually<Tail>;
  /** What this volcano's copies of slices, which the sender is about to fill, have in common with the sender's. */
  common(ask: AskCommon): Eventually<CommonSlices>;
  /** Bytes of a file of which this volcano has a copy in sync, at that version; null: it has another one. Version null: at whichever. */
  contents(id: FlareId, version: number | null, offset: number, length: number): Eventually<Buffer | null>;
  /** The sender asks for its lease: for how long it is given, in milliseconds. `BusyError` when it is not. */
  renew(sender: MemberId): number;
  /**
   * This volcano's side of operations over several owners, as owner of that slice. `RefreshError` when it is not: an outcome that is taken by another volcano would be
   * lost, and a decision that it does not know is none.
   */
  joint(slice: number): JointPart;
  /** Takes the sender's figures and what he has heard, gives the own likewise. */
  load(sender: MemberId, loads: Loads): Eventually<Loads>;
  /** Takes what the sender tells of volcanos' work, gives the own likewise; nothing, when this volcano takes no part. */
  work(works: readonly WorkHeard[]): Eventually<WorkHeard[]>;
  /** `BusyError` when the slice changes meanwhile; RangeError is denied. */
  digest(slice: number): Eventually<SliceDigest>;
  backup(): BackupPart;
  /** What this volcano sees of its clients, and serves. */
  observe(ask: Observing): Eventually<Observation>;
  /** What this volcano knows of keys. */
  keys(): Eventually<KeysTold>;
  /** Keeps a key of the network for later; durable when it resolves. */
  takeKey(key: { readonly stretched: Buffer; readonly joiner: Buffer }): Eventually<void>;
  /** A key of the network that is let in here; null: it is not. */
  giveKey(keyId: string): Eventually<{ stretched: Buffer; joiner: Buffer } | null>;
  /** Makes it the network's plan, and goes by it; durable when it resolves. `DeniedError` when it makes no sense, or does not follow the one there is. */
  planKeys(plan: KeyPlan): Eventually<void>;
  /** As `revoke` of `keys/revoked.ts`; durable when it resolves. */
  revoke(name: string): Eventually<Revoked>;
  /** At most `NOTES_MAX` notes and `NOTES_BYTES_MAX` bytes (`pageOfNotes`); none when their version is `known`. */
  notes(after: string, known: number): Eventually<NotesPage>;
  /** Locks of slices that are served here: `LockKeeper`. */
  held(from: string): Eventually<HeldPage>;
  /** Ends all that a holder has locked in slices that are served here; of how many flares. Durable when it resolves. */
  releaseHolder(holder: string): Eventually<number>;
  /** Durable when it resolves. Refusals as for `NoteStore.setNote`. */
  setNote(name: string, value: Buffer | null): Eventually<void>;
}
