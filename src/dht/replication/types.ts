import type { Common, Theirs } from '../../flare/store/common.ts';
import type { LastRecord } from '../../flare/store/following.ts';
import type { Append, Appended } from '../programs/node/handlers.ts';
import type { MemberId } from '../projection/types.ts';

/** A primary asks one of its mirrors what it has, and says which stream it is to follow from now on. */
export interface AskFollowed {
  readonly epoch: number;
  readonly sender: MemberId;
  readonly stream: number;
  readonly slices: readonly number[];
}

/** What a mirror has, all of it durable. */
export interface Followed {
  /** Up to where it has taken that stream; 0: nothing of it. */
  readonly sequence: number;
  /** The last record of each slice that was asked for, in that order. */
  readonly last: readonly LastRecord[];
  /** What it can take beside its reserve, in bytes. */
  readonly room: number;
}

/** A primary that has lost the end of its log asks a mirror for records that it had sent: those behind the given numbers. */
export interface AskTail {
  readonly epoch: number;
  readonly sender: MemberId;
  readonly slices: readonly { readonly slice: number; readonly after: number }[];
}

/** Groups of records, in order: a first piece of what is there, empty when there is nothing. */
export type Tail = readonly (readonly Buffer[])[];

/** A primary asks a mirror that is to be filled what both have in common, and tells what its own log has: the newest `RUNS_MAX` runs of each slice. */
export interface AskCommon {
  readonly epoch: number;
  readonly sender: MemberId;
  /** `COMMON_SLICES_MAX` at most. */
  readonly slices: readonly Theirs[];
}

/** By slice, in the order in which they were asked for; null: nothing that helps. */
export type CommonSlices = readonly (Common | null)[];

/** A mirror, as its primary reaches it. All reject when there is no answer, `RefreshError` and `BusyError` included. */
export interface MirrorNode {
  append(append: Append): Promise<Appended>;
  followed(ask: AskFollowed): Promise<Followed>;
  tail(ask: AskTail): Promise<Tail>;
  common(ask: AskCommon): Promise<CommonSlices>;
}
