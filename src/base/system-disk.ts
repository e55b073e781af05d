import {
  constants,
  fdatasync,
  close as fsClose,
  open as fsOpen,
  read as fsRead,
  fstat,
  fsync,
  ftruncate,
  readSync,
  statfsSync,
  writev,
} from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { alignedMemory, BLOCK_BYTES, isAligned } from './aligned-memory.ts';
import type { Disk, DiskFile, DiskLock, DiskSpace } from './disk.ts';
import { forgetCached } from './page-cache.ts';

/** Buffers that one system call takes at most (`IOV_MAX` on Linux and the BSDs). */
export const GATHER_MAX = 1024;
/** Others than the owner have no business in the data directory: it holds the network's secrets. */
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;

const openAsync = promisify(fsOpen);
const closeAsync = promisify(fsClose);
const fdatasyncAsync = promisify(fdatasync);
const fsyncAsync = promisify(fsync);
const fstatAsync = promisify(fstat);
const ftruncateAsync = promisify(ftruncate);

/** Writes some of the buffers at `position`; resolves with how many bytes, which may be fewer than asked for. */
export type GatherWrite = (fd: number, buffers: readonly Uint8Array[], position: number) => Promise<number>;

function gatherWrite(fd: number, buffers: readonly Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    writev(fd, buffers as Uint8Array[], position, (error, written) => {
      if (error === null) resolve(written);
      else reject(error);
    });
  });
}

function readSome(fd: number, into: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fsRead(fd, into, 0, into.length, position, (error, read) => {
      if (error === null) resolve(read);
      else reject(error);
    });
  });
}

/**
 * Writes all of the buffers from `position` on, however few bytes each `write` takes. A write that takes nothing is
 * an EIO: it would never end.
 */
export async function writeAll(
  write: GatherWrite,
  fd: number,
  buffers: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let rest = buffers.filter((buffer) => buffer.length > 0);
  let at = position;
  while (rest.length > 0) {
    const asked = rest.slice(0, GATHER_MAX);
    let written = await write(fd, asked, at);
    if (written === 0) throw Object.assign(new Error('EIO: the disk takes no more bytes'), { code: 'EIO' });
    at += written;
    let whole = 0;
    while (whole < rest.length && written >= rest[whole]!.length) {
      written -= rest[whole]!.length;
      whole++;
    }
    rest = rest.slice(whole);
    if (written > 0) rest[0] = rest[0]!.subarray(written);
  }
}

/** A second way to an open file, past the host's cache: opened when it is first of use. */
class DirectWay {
  readonly #fd: number;
  #direct: Promise<number | null> | null = null;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Writes from the beginning on; resolves with how many bytes, 0 when the host does not write so. */
  write(bytes: Uint8Array, position: number): Promise<number> {
    return this.#try((fd) => gatherWrite(fd, [bytes], position));
  }

  /** Reads into the beginning; resolves with how many bytes, 0 when the host does not read so. */
  read(into: Uint8Array, position: number): Promise<number> {
    return this.#try((fd) => readSome(fd, into, position));
  }

  async #try(use: (fd: number) => Promise<number>): Promise<number> {
    // By the descriptor: the name may be another file's by now.
    this.#direct ??= openAsync(`/proc/self/fd/${this.#fd}`, DIRECT).catch(() => null);
    const fd = await this.#direct;
    if (fd === null) return 0;
    try {
      return await use(fd);
    } catch (error) {
      // The host's way to refuse it: nothing is done.
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      this.#direct = Promise.resolve(null);
      await closeAsync(fd);
      return 0;
    }
  }

  async close(): Promise<void> {
    const fd = await this.#direct;
    if (typeof fd === 'number') await closeAsync(fd);
  }
}

const DIRECT = constants.O_RDWR | constants.O_DSYNC | (constants.O_DIRECT ?? 0);

function isWholeBlocks({ length }: Uint8Array, position: number): boolean {
  return length > 0 && length % BLOCK_BYTES === 0 && position % BLOCK_BYTES === 0 && process.platform === 'linux';
}

/** `once`: what is read is not read again soon. */
function systemFile(fd: number, once = false): DiskFile {
  let open = true;
  const direct = new DirectWay(fd);
  return {
    // O_DSYNC makes each write durable as fdatasync would, length included, in one turn of the thread pool instead of two.
    async writeDurable(buffers, position) {
      const [only] = buffers;
      const whole = buffers.length === 1 && only !== undefined && isWholeBlocks(only, position) && isAligned(only);
      const written = whole ? await direct.write(only, position) : 0;
      if (written === 0) await writeAll(gatherWrite, fd, buffers, position);
      else if (written < only!.length) await writeAll(gatherWrite, fd, [only!.subarray(written)], position + written);
    },
    async read(into, position) {
      let at = once && isWholeBlocks(into, position) && isAligned(into) ? await direct.read(into, position) : 0;
      while (at < into.length) {
        const count = await readSome(fd, into.subarray(at), position + at);
        if (count === 0) break;
        at += count;
      }
      return at;
    },
    readSync(into, position) {
      let at = 0;
      while (at < into.length) {
        const count = readSync(fd, into, at, into.length - at, position + at);
        if (count === 0) break;
        at += count;
      }
      return at;
    },
    size: async () => (await fstatAsync(fd)).size,
    truncate: (length) => ftruncateAsync(fd, length),
    sync: () => fdatasyncAsync(fd),
    async close() {
      if (!open) return;
      open = false;
      await Promise.all([closeAsync(fd), direct.close()]);
    },
  };
}

async function syncDirectory(path: string): Promise<void> {
  const fd = await openAsync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await fsyncAsync(fd);
  } finally {
    await closeAsync(fd);
  }
}

/** Makes a directory and those above it, and makes their names durable. */
async function makeDurableDirectory(path: string): Promise<void> {
  const first = await fs.mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
  if (first === undefined) return;
  let made = resolve(path);
  await syncDirectory(dirname(made));
  while (made !== resolve(first)) {
    made = dirname(made);
    await syncDirectory(dirname(made));
  }
}

/**
 * An exclusive transaction on a small database: SQLite's lock excludes other processes and other opens in this one, and the
 * host takes it away when the process dies. Nothing is ever written to the file.
 */
function lockFile(path: string): DiskLock | null {
  const database = new Database(path, { timeout: 0 });
  try {
    database.pragma('journal_mode = MEMORY');
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY')) return null;
    throw error;
  }
  return { release: () => void database.close() };
}

/** The host's file system below `path`, which is made (mode 0700) when it is not there. Rejects with the host's error. */
export async function openDisk(path: string): Promise<Disk> {
  await makeDurableDirectory(path);
  const flags = constants.O_RDWR | constants.O_DSYNC | constants.O_NOFOLLOW;
  return {
    path,
    async open(name, options) {
      const fd = await openAsync(join(path, name), flags);
      if (options?.uncached === true) forgetCached(fd);
      return systemFile(fd, options?.once);
    },
    create: async (name) =>
      systemFile(await openAsync(join(path, name), flags | constants.O_CREAT | constants.O_EXCL, FILE_MODE)),
    async makeDirectory(name) {
      await makeDurableDirectory(join(path, name));
    },
    async list(directory) {
      try {
        return await fs.readdir(join(path, directory));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw error;
      }
    },
    remove: (name) => fs.rm(join(path, name), { force: true }),
    rename: (name, to) => fs.rename(join(path, name), join(path, to)),
    syncDirectory: (directory) => syncDirectory(join(path, directory)),
    memory: alignedMemory,
    space(): DiskSpace {
      const figures = statfsSync(path);
      return { total: figures.blocks * figures.bsize, free: figures.bavail * figures.bsize };
    },
    lock: async () => lockFile(join(path, 'lock')),
  };
}
