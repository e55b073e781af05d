import type { Eventually } from '../../../base/eventually.ts';
import type { HeldLock } from '../../locks/types.ts';
import type { FlareId } from '../../types.ts';

/** Locks that one call of `LockKeeper.held` gives at most. */
export const LOCKS_LISTED_MAX = 1024;

/** A lock, and the flare that it is of. */
export interface FlareLock {
  readonly id: FlareId;
  /** The number that users see of it; 0 when it is not there. */
  readonly fileid: number;
  readonly lock: HeldLock;
  /** For how long nothing was heard of its holder here, in milliseconds, as far as that is counted. */
  readonly silentMs: number;
}

/** Some locks, and where the next ones begin; null: there are no more. */
export interface HeldPage {
  readonly locks: readonly FlareLock[];
  readonly next: string | null;
}

/** What an operator sees of the locks of one volcano, and does with them; and what ends those of a machine that has started anew. */
export interface LockKeeper {
  /** Locks in a stable order, from a place on that the call before gave (''; from the first). `next` is null when there are no more. */
  held(from: string): Eventually<HeldPage>;
  /** Ends all locks that a holder has here, on stable storage; resolves with of how many flares. */
  releaseHolder(holder: string): Eventually<number>;
}
