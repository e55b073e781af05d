import { SEGMENT_BYTES_DEFAULT } from '../kml/kml.ts';

/** Offsets that one unit of a file's extents covers, in bytes. */
export const CHUNK_SIZE = 1024 * 1024;
/** The most bytes that one call of `write` takes. */
export const WRITE_MAX = 1024 * 1024;
/** The most bytes that one call of `read` gives. */
export const READ_MAX = 4 * 1024 * 1024;
/** The most entries that one call of `readdir` gives. */
export const READDIR_MAX = 10_000;
/** How long an answer is remembered for retransmissions, in µs. */
export const REPLAY_AGE_MAX = 600 * 1_000_000;
/** How long a refusal is remembered for retransmissions, in µs. */
export const REFUSAL_AGE_MAX = 120 * 1_000_000;
/** The first cookie of a directory: 1 and 2 are left to `.` and `..`. */
export const COOKIE_FIRST = 3;
/** A file up to this size, in bytes, has the extents that a cut takes away listed for undo, whatever their number. */
export const CUT_LISTED_MAX = 64 * 1024 * 1024;

/** Bounds that tests make small. */
export interface StoreLimits {
  /** The last cookie; after it the counter begins again. */
  readonly cookieMax: number;
  /** The last number of a slice's fileid counter; after it the counter begins again. */
  readonly fileidMax: number;
  readonly entriesMax: number;
  readonly linkMax: number;
  /** Memory for flares, entries and extents that the index has too, in bytes, of each kind. */
  readonly cacheBytes: number;
  /** Answers and refusals that are remembered for retransmissions. */
  readonly replays: number;
  readonly refusals: number;
  /** Bytes of all notes together. */
  readonly noteBytes: number;
  /** Changes wait while this much is not durable yet, in bytes, or this many records are not yet in the index. */
  readonly pendingBytes: number;
  readonly lagRecords: number;
  /** Room on the disk that only removals and compaction may use, in bytes. */
  readonly reserveBytes: number;
  /** Compaction begins when the log is larger than this many times what is live, and than this many bytes. */
  readonly compactionRatio: number;
  readonly compactionMinBytes: number;
  /** The index is put on stable storage after this many bytes of log: it bounds its WAL and the work of the next start. */
  readonly checkpointBytes: number;
  /** What one step of compaction appends between requests, in bytes. */
  readonly compactionStepBytes: number;
}

export const DEFAULT_LIMITS: StoreLimits = {
  cookieMax: 2 ** 31 - 1,
  fileidMax: 2 ** 24 - 1,
  entriesMax: 10_000_000,
  linkMax: 65_000,
  cacheBytes: 64 * 1024 * 1024,
  replays: 32_768,
  refusals: 4096,
  noteBytes: 16 * 1024 * 1024,
  pendingBytes: 64 * 1024 * 1024,
  lagRecords: 100_000,
  reserveBytes: 256 * 1024 * 1024,
  compactionRatio: 2,
  compactionMinBytes: 256 * 1024 * 1024,
  checkpointBytes: 32 * 1024 * 1024,
  compactionStepBytes: 512 * 1024,
};

const MIB = 1024 * 1024;

/**
 * The limits that depend on the disk's size (bytes), and the size of a segment: a sixteenth is kept in reserve, the log is cut into pieces of which
 * many fit. Disks from 4 GiB on get `DEFAULT_LIMITS`.
 */
export function limitsOfDisk(
  totalBytes: number,
): Pick<StoreLimits, 'reserveBytes' | 'compactionMinBytes' | 'checkpointBytes'> & { readonly segmentBytes: number } {
  const part = (share: number, least: number, most: number): number =>
    Math.max(least, Math.min(most, Math.floor(totalBytes / share)));
  return {
    reserveBytes: part(16, 16 * MIB, DEFAULT_LIMITS.reserveBytes),
    compactionMinBytes: part(16, 16 * MIB, DEFAULT_LIMITS.compactionMinBytes),
    checkpointBytes: part(128, 2 * MIB, DEFAULT_LIMITS.checkpointBytes),
    segmentBytes: part(64, 4 * MIB, SEGMENT_BYTES_DEFAULT),
  };
}
