import { SEGMENT_BYTES_DEFAULT } from '../kml/kml.ts';
import { REPLAYS_MAX } from '../record/limits.ts';

export { CHUNK_SIZE, REPLAY_AGE_MAX } from '../record/limits.ts';

/** The most bytes that one call of `write` takes: the largest request of a Linux client, 1 MiB, when it is encrypted. */
export const WRITE_MAX = 1040 * 1024;
/** The most bytes that one call of `read` gives. */
export const READ_MAX = 4 * 1024 * 1024;
/** The most entries that one call of `readdir` gives. */
export const READDIR_MAX = 10_000;
/** How long a refusal is remembered for retransmissions, in µs. */
export const REFUSAL_AGE_MAX = 120 * 1_000_000;
/** The first cookie of a directory: 1 and 2 are left to `.` and `..`. */
export const COOKIE_FIRST = 3;
/** A file up to this size, in bytes, has the extents that a cut takes away listed for undo, whatever their number. */
export const CUT_LISTED_MAX = 64 * 1024 * 1024;

/** Directories above one another that are looked through for a loop before another directory is moved below them; further down none can be. */
export const DEPTH_MAX = 16_384;

/** Bounds that tests make small. */
export interface StoreLimits {
  /** The last cookie; after it the counter begins again. */
  readonly cookieMax: number;
  /** The last number of a slice's fileid counter; after it the counter begins again. */
  readonly fileidMax: number;
  readonly entriesMax: number;
  readonly linkMax: number;
  /** No directory is moved to where it would have more than this many above it. */
  readonly depthMax: number;
  /** Memory for flares, entries, extents and parent links that the index has too, in bytes, of all kinds together. */
  readonly cacheBytes: number;
  /** Answers and refusals that are remembered for retransmissions. */
  readonly replays: number;
  readonly refusals: number;
  /** Bytes of all notes together but those of locks, and of those. */
  readonly noteBytes: number;
  readonly lockBytes: number;
  /** Ranges of one flare that are locked, of all owners together, those of one holder, and those of all holders of one machine, at most: no machine can take what `lockBytes` has room for. */
  readonly locksOfFlare: number;
  readonly locksOfHolder: number;
  readonly locksOfMachine: number;
  /** Changes wait while this much is not durable yet, in bytes, or this many units are not yet in the index. */
  readonly pendingBytes: number;
  readonly pendingUnits: number;
  /** What has changed goes to the index when it is this many units, or this many bytes of log, or after so many milliseconds. */
  readonly flushUnits: number;
  readonly flushBytes: number;
  readonly flushMs: number;
  /** Room on the disk that only removals and compaction may use, in bytes. */
  readonly reserveBytes: number;
  /** Compaction begins when the log is larger than this many times what is live, and than this many bytes. */
  readonly compactionRatio: number;
  readonly compactionMinBytes: number;
  /** The index is put on stable storage after this many bytes of log, or units that it got: it bounds its WAL and the work of the next start. */
  readonly checkpointBytes: number;
  readonly checkpointUnits: number;
  /** What one step of compaction between requests appends, in bytes, looks at, in records, and takes, in milliseconds. */
  readonly compactionStepBytes: number;
  readonly compactionStepRecords: number;
  readonly compactionStepMs: number;
}

export const DEFAULT_LIMITS: StoreLimits = {
  cookieMax: 2 ** 31 - 1,
  fileidMax: 2 ** 24 - 1,
  entriesMax: 10_000_000,
  linkMax: 65_000,
  depthMax: DEPTH_MAX,
  cacheBytes: 32 * 1024 * 1024,
  replays: REPLAYS_MAX,
  refusals: 4096,
  noteBytes: 16 * 1024 * 1024,
  lockBytes: 16 * 1024 * 1024,
  locksOfFlare: 4096,
  locksOfHolder: 16_384,
  locksOfMachine: 24_576,
  pendingBytes: 64 * 1024 * 1024,
  pendingUnits: 8192,
  flushUnits: 2048,
  flushBytes: 8 * 1024 * 1024,
  flushMs: 1000,
  reserveBytes: 256 * 1024 * 1024,
  compactionRatio: 2,
  compactionMinBytes: 512 * 1024 * 1024,
  checkpointBytes: 32 * 1024 * 1024,
  checkpointUnits: 16_384,
  compactionStepBytes: 512 * 1024,
  compactionStepRecords: 512,
  compactionStepMs: 2,
};

const MIB = 1024 * 1024;
type LimitOfIndex = 'pendingUnits' | 'flushUnits' | 'flushBytes' | 'checkpointUnits';

/**
 * The limits that depend on the disk's size (bytes), and the size of a segment: a sixteenth is kept in reserve, the log is cut into pieces of which
 * many fit. Disks from 4 GiB on get `DEFAULT_LIMITS`.
 */
export function limitsOfDisk(totalBytes: number): Pick<
  StoreLimits,
  'reserveBytes' | 'compactionMinBytes' | 'checkpointBytes' | LimitOfIndex
> & {
  readonly segmentBytes: number;
} {
  const part = (share: number, least: number, most: number): number =>
    Math.max(least, Math.min(most, Math.floor(totalBytes / share)));
  // For each unit the index writes two pages or so to its WAL, which keeps its size: at most half of the reserve.
  const units = (share: number, most: number): number => part(16 * share, Math.floor((16 * MIB) / share), most);
  return {
    reserveBytes: part(16, 16 * MIB, DEFAULT_LIMITS.reserveBytes),
    compactionMinBytes: part(16, 16 * MIB, DEFAULT_LIMITS.compactionMinBytes),
    checkpointBytes: part(128, 2 * MIB, DEFAULT_LIMITS.checkpointBytes),
    checkpointUnits: units(16 * 1024, DEFAULT_LIMITS.checkpointUnits),
    pendingUnits: units(16 * 1024, DEFAULT_LIMITS.pendingUnits),
    flushUnits: units(64 * 1024, DEFAULT_LIMITS.flushUnits),
    flushBytes: part(512, MIB / 2, DEFAULT_LIMITS.flushBytes),
    segmentBytes: part(64, 4 * MIB, SEGMENT_BYTES_DEFAULT),
  };
}
