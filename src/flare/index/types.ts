import type { LogMark } from '../kml/types.ts';
import type { EntryState, Flare } from '../record/pack.ts';
import type { StoredExtent } from '../record/schema.ts';
import type { DirectoryEntry, FlareId, Key, Name } from '../types.ts';
import type { IndexFlush } from './flush.ts';
import type { ReplayRow } from './values.ts';

/** A flare as the index has it. */
export interface FlareRow {
  readonly flare: Flare;
  /** The segment that holds the change that last defined it. */
  readonly segment: number;
}

/** A flare's fileid and key. */
export interface KeyRow {
  readonly fileid: number;
  readonly key: Key;
}

/** A directory's entry as the index has it. */
export interface EntryRow {
  readonly name: Name;
  readonly entry: EntryState;
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

/** What one uid has in one share, of one slice. */
export interface UsageRow {
  readonly slice: number;
  readonly share: number;
  readonly uid: number;
  readonly bytes: number;
  /** 0: the row is to go. */
  readonly files: number;
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
  /** All flares' fileids and keys, in that order: those behind `last` (null: from the first), at most `limit`. */
  keysAfter(last: KeyRow | null, limit: number): KeyRow[];
  entry(directory: Key, name: Name): EntryRow | null;
  /** Entries whose cookies come after `cookie`, in their order, at most `limit`. */
  entriesAfter(directory: Key, cookie: number, limit: number): DirectoryEntry[];
  /** The extents of one chunk of a file, by offset. */
  chunk(key: Key, generation: number, chunk: number): StoredExtent[];
  /** The chunks of a file from number `from` on that hold anything, in order, at most `limit`, with how many bytes each holds. */
  chunksFrom(key: Key, generation: number, from: number, limit: number): { chunk: number; bytes: number }[];
  parents(key: Key, generation: number): ParentRow[];
  /** All notes, by name. */
  notes(): NoteRow[];
  note(name: string): NoteRow | null;
  /** All slices that have had a record, by number. */
  slices(): SliceRow[];
  /** Keys of flares of a slice that come after `key` (null: from the first on), in order, at most `limit`. */
  sliceKeys(slice: number, key: Key | null, limit: number): Key[];
  /** The replays that are kept, oldest first, one for each identity. */
  replays(): ReplayRow[];
  /** Bytes by segment that the state still needs (`liveBytes`), for segments where that is not 0. */
  liveBytes(): ReadonlyMap<number, number>;
  totals(): IndexTotals;
  /** What each uid has in each share, slice by slice. */
  usage(): UsageRow[];
}

/** Who applies flushes to the index: a worker thread, or the event loop itself. */
export interface IndexHost {
  readonly reader: IndexReader;
  /** Up to where the log is applied and visible to `reader`. */
  readonly applied: LogMark;
  /** Up to where the index is sure to be on stable storage: older segments than this may go. */
  readonly checkpointed: LogMark;
  /** Memory for a flush, of `FLUSH_MEMORY` bytes: what earlier ones were written in, when that is free. */
  memory(): ArrayBuffer;
  /**
   * Takes over a flush; they come in the log's order, and only of what is durable. Resolves when it is applied; nothing to wait for when it was applied at once.
   * Rejects with `IndexFailedError` when the index has failed.
   */
  apply(flush: IndexFlush): Promise<void> | void;
  /** Puts all that is applied on stable storage; resolves with up to where. Rejects with `IndexFullError` when there is no room for that. */
  checkpoint(): Promise<LogMark>;
  /** The disk has no room for what it was given: it tries again until it has, and nothing is applied before. */
  readonly full: boolean;
  /** Called each time when that comes to be so. One listener. */
  onFull(listener: (error: Error) => void): void;
  /** Called once when applying has failed: the volcano cannot go on. At once when it has. */
  onFailed(listener: (error: Error) => void): void;
  /** Applies what is queued, then closes; without checkpoint. */
  close(): Promise<void>;
}
