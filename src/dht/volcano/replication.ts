import type { Clock } from '../../base/clock.ts';
import type { Eventually } from '../../base/eventually.ts';
import type { Logger } from '../../base/logger.ts';
import type { Random } from '../../base/random.ts';
import type { LocalStore } from '../../flare/store/local-store.ts';
import type { Peers } from '../peers.ts';
import type { Append, Appended } from '../programs/node/handlers.ts';
import type { Step } from '../projection/plan.ts';
import type { MemberId, Projection, SliceRange } from '../projection/types.ts';
import type { AskCommon, AskFollowed, AskTail, CommonSlices, Followed, Tail } from '../replication/types.ts';

/** What replication works with. */
export interface ReplicationParts {
  readonly self: MemberId;
  readonly store: LocalStore;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Whether that volcano does not answer: it is of no use as a mirror. */
  readonly silent: (member: MemberId) => boolean;
  /** To be called whenever the answer of `mayServe` or `leftOut` may have changed. */
  readonly changed: () => void;
}

/**
 * Keeps this volcano's slices on the mirrors that the projection names, and is such a mirror for others. All ranges and members are those of the projection that
 * `update` was given last.
 */
export interface Replication {
  /** A newer map holds: called for each that becomes known, before anything is served by it. The first is one that was just read from the store. */
  update(projection: Projection): void;
  /**
   * Whether this volcano, which the map names as the slice's primary, may answer for it: false until it has been reconciled with the mirrors, and from the beginning of
   * its hand-over on. Looked at after `update` and after each `changed`.
   */
  mayServe(slice: number): boolean;
  /** Another volcano sends records to this mirror. Bytes lie in the receive buffer. */
  append(append: Append): Eventually<Appended>;
  /** A primary asks this mirror what it has. */
  followed(ask: AskFollowed): Eventually<Followed>;
  /** A primary asks this mirror for records that it has lost. */
  tail(ask: AskTail): Eventually<Tail>;
  /** A primary that is about to fill this mirror asks what both have in common. */
  common(ask: AskCommon): Eventually<CommonSlices>;
  /** Resolves when `member` may become a filling mirror of the range, of which this volcano is the primary: the map says so next. */
  fill(range: SliceRange, member: number): Promise<void>;
  /** Resolves when `member`, which is being filled, has all of the range and gets all that is new: answers may wait for it. */
  inSync(range: SliceRange, member: number): Promise<void>;
  /**
   * Stops serving the range, and resolves when all that this volcano has answered for it, and what is under way in it, is on `member`: the map names that as the primary
   * next.
   */
  handOver(range: SliceRange, member: number): Promise<void>;
  /** The step that is due before any of the plan's: a mirror that answers should wait for, and that is of no use, is left out. null: there is none. Looked at after each `changed`. */
  leftOut(): Step | null;
  /** Resolves when `member` may be no mirror of the range any more, of which this volcano is the primary: the map says so next. */
  withoutMirror(range: SliceRange, member: number): Promise<void>;
  /**
   * The step that `handOver` or `withoutMirror` prepared will not be made, or has been: what was stopped for it may be served again, where the map, which is current, says that it is this
   * volcano's.
   */
  resume(): void;
  /** By how many records the slowest in-sync mirror is behind. */
  lag(): number;
  /** False when this volcano has found that it has not what it should have: others are to take over what is its own. */
  readonly sound: boolean;
  /** Others are silent, or are not any more. */
  heard(): void;
  /** Ends all that is under way; called before the store is closed. */
  close(): Promise<void>;
}
