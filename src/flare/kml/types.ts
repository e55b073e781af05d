import type { Eventually } from '../../base/eventually.ts';

/**
 * How far something has come in the log: the LSN of the last record that it covers (0: none), and the place behind the batch
 * that ends there: segment number (0: before the first) and byte position in it.
 */
export interface LogMark {
  readonly lsn: number;
  readonly segment: number;
  readonly position: number;
}

/** Before the first record of a log. */
export const LOG_START: LogMark = { lsn: 0, segment: 0, position: 0 };

/** One sound batch, as it lies in the log. */
export interface LogBatch {
  readonly segment: number;
  /** Where its header begins in the segment, in bytes. */
  readonly position: number;
  /** The LSN of its first record; that of the next one when it holds none. */
  readonly firstLsn: number;
  /** How many records it holds; 0 in a batch that only says that what is before it is durable. */
  readonly count: number;
  /** The whole batch, header and padding included. `onDurable` says for how long it holds that. */
  readonly bytes: Buffer;
}

/** One record of a batch. */
export interface LogRecordPlace {
  readonly lsn: number;
  /** Where its payload begins in the segment, in bytes. */
  readonly position: number;
  /** Aliases the batch. */
  readonly payload: Buffer;
}

/** A record's bytes in two pieces, so that file data is copied only once: the head, then the tail, then zeros up to `length`. */
export interface SplitPayload {
  readonly length: number;
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
}

/** One record's bytes. */
export type Payload = Uint8Array | SplitPayload;

/** Where an appended group will lie. Final from the moment `append` returns. */
export interface Appended {
  readonly firstLsn: number;
  /** The LSN of the group's last record: what to wait for. */
  readonly lsn: number;
  readonly segment: number;
  /**
   * Where the first record's payload begins in the segment, in bytes. The next one's begins `RECORD_HEADER_BYTES` after the end of the
   * one before it.
   */
  readonly position: number;
}

/** One segment of the log. */
export interface SegmentInfo {
  readonly number: number;
  /** Up to where it holds sound batches, header included. */
  readonly bytes: number;
}

/**
 * The kernel modification log: the ordered record of every change that a volcano has accepted. It knows nothing of what records mean. After a
 * failed write or sync it is wedged: every waiter and every later append gets `KmlWedgedError`, reads go on.
 */
export interface Kml {
  /** The LSN that the next record gets. In a wedged log: behind all that were given, also those that are lost, so that who waits for everything is told. */
  readonly nextLsn: number;
  /** Up to which LSN all is on stable storage. */
  readonly durable: number;
  /** The place behind the last durable batch. */
  readonly durableMark: LogMark;
  /** Bytes that were appended and are not durable yet. */
  readonly pendingBytes: number;
  /** How long it takes of late to make a batch durable, in milliseconds: as long as half of the last ones, or longer. */
  readonly syncMs: number;
  /** How long a segment becomes, in bytes: a longer one ends before its next batch. May be set at any time. */
  segmentBytes: number;
  /** The segment that is being written. It may not be dropped. */
  readonly currentSegment: number;

  /**
   * Appends records that belong together, in order: after a crash the log holds them all or none. Copies the payloads, numbers and places
   * them at once; durable later, in order. Throws RangeError when a record is empty or above `RECORD_BYTES_MAX`, or the group above
   * `GROUP_BYTES_MAX`; `KmlWedgedError`; `KmlClosedError`.
   */
  append(payloads: readonly Payload[]): Appended;

  /** Waits until that LSN is durable; nothing to wait for when it is. Rejects with `KmlWedgedError`. */
  whenDurable(lsn: number): Eventually<void>;

  /**
   * Called with the mark behind a batch, and its length in bytes, at the moment when it takes no more groups, before the next group is taken: what the
   * groups so far have made is then as of that mark. One listener.
   */
  onSealed(listener: (end: LogMark, bytes: number) => void): void;

  /**
   * Called with every batch when its writing begins, in order: what it holds is not durable, but will lie there as it is, or the log wedges. The bytes are
   * there until `onDurable` has been called with it. What it throws wedges the log. One listener.
   */
  onWriting(listener: (batch: LogBatch) => void): void;

  /**
   * Called with every durable batch in order, before those who wait for it. While what it returns is pending no further batch is
   * written: that is how an index that cannot keep up slows the log down. What it throws wedges the log. The batch's memory is used again when that
   * has settled, unless the listener has transferred it. One listener.
   */
  onDurable(listener: (batch: LogBatch) => Eventually<void>): void;

  /** Called once when the log wedges. At once when it is. */
  onWedged(listener: (error: Error) => void): void;

  /** Wedges the log from outside: for what stands on it and cannot go on. Harmless when it is wedged already. */
  wedge(cause: unknown): void;

  /**
   * `length` bytes of a record, of which the payload begins `lead` bytes before. What is not durable yet comes from memory, copied; what was written or read lately comes at
   * once from the host's cache. What comes at once is there until the next turn of the event loop only. Whatever comes from the disk is checked first, all of the record. Rejects with `KmlReadError` when the
   * segment does not hold those bytes, the host does not give them, or the record does not have its checksum.
   */
  read(segment: number, position: number, length: number, lead: number): Eventually<Buffer>;

  /** A record as it lies there, header and payload, sound or not: for who mends it. null when that cannot be read. */
  readDamaged(segment: number, record: number): Promise<Buffer | null>;

  /** The segments, oldest first, with the one that is being written. */
  segments(): readonly SegmentInfo[];

  /** Removes the oldest segment, durably. Rejects with RangeError when `segment` is not the oldest, or is being written. */
  dropOldest(segment: number): Promise<void>;

  /** All durable batches of a segment in order, each checked. Throws `KmlRotError`. */
  walkSegment(segment: number): AsyncIterable<LogBatch>;

  /**
   * As `walkSegment`, for who needs little of it: some batches at a time, whose bytes are there until the next are asked for, and whose records are in place by
   * their lengths but not checked: who uses one asks `recordSound` first.
   */
  scanSegment(segment: number): AsyncIterable<readonly LogBatch[]>;

  /** Makes all appended records durable, appends the empty batch that says so, and lets go of the files. No waiting for a wedged log. */
  close(): Promise<void>;
}
