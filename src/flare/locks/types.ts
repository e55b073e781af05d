import type { Eventually } from '../../base/eventually.ts';
import type { Attributes, Caller, FlareId } from '../types.ts';

/** The last byte that a lock can cover, 2^63 - 1: a lock up to there goes to the end of the file, however long that becomes (`off_t`). */
export const LOCK_END = 2n ** 63n - 1n;
/** The longest holder, in bytes. */
export const HOLDER_MAX = 255;
/** The longest owner, in bytes. */
export const OWNER_MAX = 64;
/** Ranges that one owner may have of one flare. */
export const RANGES_MAX = 1024;
/** Flares that `keep` and `release` name at most. */
export const LOCK_FLARES_MAX = 256;
/** The shortest and the longest time that a holder may be silent, in milliseconds. */
export const LEASE_MIN_MS = 2_000;
export const LEASE_MAX_MS = 24 * 3600 * 1000;
/** How long a lock is waited for at most before AGAIN is answered all the same, in milliseconds: who waits longer asks again. */
export const LOCK_WAIT_MS = 2_000;

/**
 * What is locked: bytes, as fcntl(2) and NLM do, or the whole file, as flock(2) does; `share` is a reservation as DOS makes it. Locks of one kind do not meet those of another. The numbers are stored.
 */
export const LockKind = { bytes: 0, whole: 1, share: 2 } as const;
export type LockKind = (typeof LockKind)[keyof typeof LockKind];

/**
 * A reservation is one number, which stands for both ends of its range: which access its owner has (bit 0: to read, bit 1: to write), and which he denies others (bits 2 and 3). Its mode is
 * `shared`. An owner has one of a file: another one takes its place.
 */
export const SHARE_LAST = 15n;

/** Shared locks meet exclusive ones, exclusive ones meet all. */
export type LockMode = 'shared' | 'exclusive';

/** Whose a lock is. The locks of one owner never meet each other. */
export interface LockOwner {
  /** A machine, or one life of a client there: 1 to `HOLDER_MAX` bytes as a Latin-1 string. Its locks end together. What stands before the last space is the machine (`machineOf`). */
  readonly holder: string;
  /** A process or an open file there: 1 to `OWNER_MAX` bytes as a Latin-1 string. */
  readonly owner: string;
}

/** The machine of a holder: clients of one machine may have so many locks together. */
export function machineOf(holder: string): string {
  const end = holder.lastIndexOf(' ');
  return end < 0 ? holder : holder.slice(0, end);
}

/** Bytes of a file, from `start` to `last`, both included: 0 <= start <= last <= `LOCK_END`. */
export interface ByteRange {
  readonly start: bigint;
  readonly last: bigint;
}

/** What is locked, by whom. */
export interface LockPlace extends LockOwner, ByteRange {
  readonly kind: LockKind;
}

/** What an owner wants. */
export interface LockRequest extends LockPlace {
  /** `none` gives the range back. */
  readonly mode: LockMode | 'none';
  /** The process, for people who look. */
  readonly pid: number;
  /** The holder's locks end when nothing was heard of it for so long, in milliseconds; 0: never by themselves. */
  readonly leaseMs: number;
  /** Wait for up to `LOCK_WAIT_MS` when another lock is in the way: in the order in which they came. */
  readonly wait?: boolean;
}

/** A lock that somebody has. */
export interface HeldLock extends LockPlace {
  readonly mode: LockMode;
  readonly pid: number;
}

/** A lock was given, changed or given back. */
export interface LockAnswer {
  /** The flare: who has a lock now may go by what it says, and not by what was cached before. */
  readonly attributes: Attributes;
  /**
   * The time for which the holder has had locks of this flare without a break, named by a number that never comes back; 0 when it has none (any more). When it is another one than before, and the
   * holder has not given its locks back itself, it has lost them.
   */
  readonly tenure: number;
}

/**
 * Locks of files (flock(2), fcntl(2), NLM). They are advisory: nothing but other locks meets them. They are in the log like everything else: after a crash they are simply there, and asking for what
 * one has succeeds. They end when they are given back, with their flare, with `release`, or when their holder was silent for longer than it said it ever would be.
 *
 * Any call that names a holder says that it lives. After a start of the volcano, or when it gets the flare's slice, the count begins anew.
 */
export interface LockService {
  /**
   * Takes the range, whatever of it the owner had before: ranges are split and joined, shared becomes exclusive and the reverse, at once or not at all. AGAIN when a lock of another owner is in the way;
   * then all is as it was. Who may neither read nor write the file: ACCES. ISDIR, INVAL for what is no file, no range, owner or time; NOLCK when there are too many.
   */
  lock(caller: Caller, id: FlareId, request: LockRequest): Eventually<LockAnswer>;
  /** A lock that would be in the way of that one; null when none is. */
  test(caller: Caller, id: FlareId, request: LockRequest): Eventually<HeldLock | null>;
  /** The holder lives; for each flare its `tenure`. RangeError above `LOCK_FLARES_MAX`. */
  keep(holder: string, ids: readonly FlareId[]): Eventually<readonly number[]>;
  /** Ends all locks that the holder has of these flares. RangeError above `LOCK_FLARES_MAX`. */
  release(holder: string, ids: readonly FlareId[]): Eventually<void>;
}
