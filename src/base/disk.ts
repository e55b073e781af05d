/** One open file of a `Disk`. Positions and lengths are bytes. */
export interface DiskFile {
  /**
   * Writes all buffers one after the other from `position` on, and resolves when they AND the file's length are on
   * stable storage. Rejects with the host's error (`code` ENOSPC, EIO, ...); what is on the disk is then unknown. One buffer of whole blocks (`BLOCK_BYTES`) at a multiple
   * of these, in memory of `Disk.memory`, goes past the host's cache where the host can: it is not copied, and not in the cache afterwards.
   */
  writeDurable(buffers: readonly Uint8Array[], position: number): Promise<void>;
  /** Reads up to `into.length` bytes from `position`; resolves with how many there were (less only at the end). */
  read(into: Uint8Array, position: number): Promise<number>;
  /** As `read`, without waiting: for small reads that are known to be in the host's cache. */
  readSync(into: Uint8Array, position: number): number;
  /** The file's length. */
  size(): Promise<number>;
  /** Cuts the file off behind that many bytes. Durable only after `sync`. */
  truncate(length: number): Promise<void>;
  /** Resolves when all that was written is on stable storage. */
  sync(): Promise<void>;
  /** Lets go of the file; harmless when called twice. */
  close(): Promise<void>;
}

/** Room on the file system behind a `Disk`, in bytes. */
export interface DiskSpace {
  readonly total: number;
  /** What this process may still use. */
  readonly free: number;
}

/** A lock that no other process holds at the same time; it dies with its process. */
export interface DiskLock {
  release(): void;
}

/**
 * The only way to files: a volcano's data directory. Names are relative to it, with `/` between parts. The real one is
 * `openDisk`; `SimulatedDisk` loses what was not synced and tears what was in flight when its power is cut.
 */
export interface Disk {
  /** The directory as the host knows it, for messages, and for SQLite, which opens files by itself. */
  readonly path: string;
  /**
   * Opens an existing file for reading and writing. Rejects with code ENOENT when there is none. With `uncached`, the next reads see what the
   * device holds, not what the host remembers of writes that failed; as far as the host can. `once`: what is read is not read again soon, so that reads of whole
   * blocks into memory of `memory` go past the host's cache, as such writes do.
   */
  open(name: string, options?: { readonly uncached?: boolean; readonly once?: boolean }): Promise<DiskFile>;
  /** Makes a new, empty file. Rejects with code EEXIST when the name is taken. Durable only after `syncDirectory`. */
  create(name: string): Promise<DiskFile>;
  /** Makes a directory and those above it, durably; no error when it is there already. */
  makeDirectory(name: string): Promise<void>;
  /** Names in a directory, in no order; empty when it does not exist. */
  list(directory: string): Promise<string[]>;
  /** Removes a file; no error when there is none. Durable only after `syncDirectory`. */
  remove(name: string): Promise<void>;
  /** Gives a file another name, in place of what had that. Durable only after `syncDirectory`. */
  rename(name: string, to: string): Promise<void>;
  /** Makes creations, removals and renames in that directory durable. */
  syncDirectory(directory: string): Promise<void>;
  /** New memory of undefined content that the device may read and write itself. */
  memory(bytes: number): Buffer;
  /** The room left; at once, for the host knows it. Throws the host's error. */
  space(): DiskSpace;
  /** Locks the directory for this process; null when another process holds it. */
  lock(): Promise<DiskLock | null>;
}
