import type { Eventually } from '../../base/eventually.ts';
import type { LogBatch, LogMark } from '../kml/types.ts';
import type { Entry, Extent, FlareState } from '../record/schema.ts';
import type { FlareId, Key, Name } from '../types.ts';

/** A flare as the index has it. */
export interface FlareRow {
  readonly state: FlareState;
  /** The segment that holds the change that last defined it. */
  readonly segment: number;
}

/** A directory's entry as the index has it. */
export interface EntryRow {
  readonly name: Name;
  readonly entry: Entry;
  readonly segment: number;
}

/** Further names of a flare in one directory. */
export interface ParentRow {
  readonly directory: FlareId;
  readonly count: number;
  readonly segment: number;
}

export interface NoteRow {
  readonly name: string;
  readonly value: Buffer;
  readonly segment: number;
}

export interface SliceRow {
  readonly slice: number;
  /** The number and epoch of the slice's last record. */
  readonly number: number;
  readonly epoch: number;
  readonly nextFileid: number;
  readonly fileidsWrapped: boolean;
  /** The segment of the last change of the counter; 0 when there was none. */
  readonly segment: number;
  /**
   * The segment of the slice's last record of any kind: when that goes, the slice needs a base record first, or an index that is rebuilt would
   * hand out numbers, and with them generations, a second time.
   */
  readonly lastSegment: number;
}

export interface ReplayRow {
  readonly identity: Buffer;
  /** µs since 1970-01-01 UTC. */
  readonly time: number;
  readonly outcome: Buffer;
  readonly segment: number;
}

/** Sums over the whole index. */
export interface IndexTotals {
  readonly flares: number;
  /** The sum of all flares' `used`, in bytes. */
  readonly usedBytes: number;
}

/**
 * The reading half: synchronous point queries on the event loop's own connection. Each sees all that was applied up to some watermark
 * that is not below `IndexHost.applied`.
 */
export interface IndexReader {
  flare(key: Key): FlareRow | null;
  /** Whose fileid this is; null when nobody's. */
  fileidHolder(fileid: number): Key | null;
  entry(directory: Key, name: Name): EntryRow | null;
  /** Entries whose cookies come after `cookie`, in their order, at most `limit`. */
  entriesAfter(directory: Key, cookie: number, limit: number): EntryRow[];
  /** Whether a living entry of that directory has this cookie. */
  cookieTaken(directory: Key, cookie: number): boolean;
  /** The extents of a file that touch the bytes from `from` up to but not including `to`, by offset, whole. */
  extents(key: Key, generation: number, from: number, to: number): Extent[];
  parents(key: Key, generation: number): ParentRow[];
  /** All notes, by name. */
  notes(): NoteRow[];
  note(name: string): NoteRow | null;
  /** All slices that have had a record, by number. */
  slices(): SliceRow[];
  /** The replays that are kept, oldest first. */
  replays(): ReplayRow[];
  /** Bytes by segment that the state still needs (`liveBytes`), for segments where that is not 0. */
  liveBytes(): ReadonlyMap<number, number>;
  totals(): IndexTotals;
}

/** Who applies durable batches to the index: a worker thread, or the event loop itself. */
export interface IndexHost {
  readonly reader: IndexReader;
  /** Up to where the log is applied and visible to `reader`. */
  readonly applied: LogMark;
  /** Up to where the index is sure to be on stable storage: older segments than this may go. */
  readonly checkpointed: LogMark;
  /**
   * Takes over a batch; batches come in the log's order. Pending while too much is queued: hand over no more before.
   * Rejects with `IndexFailedError` when the index has failed.
   */
  apply(batch: LogBatch): Eventually<void>;
  /** Waits until that LSN is applied. */
  whenApplied(lsn: number): Eventually<void>;
  /** Puts all that is applied on stable storage; resolves with up to where. */
  checkpoint(): Promise<LogMark>;
  /** Called once when applying has failed: the volcano cannot go on. At once when it has. */
  onFailed(listener: (error: Error) => void): void;
  /** Applies what is queued, then closes; without checkpoint. */
  close(): Promise<void>;
}
