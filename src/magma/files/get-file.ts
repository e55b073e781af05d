import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, lstat, open, rename, symlink, unlink } from 'node:fs/promises';
import type { Attributes } from '../../flare/types.ts';
import { each, type Slots } from './at-once.ts';
import { ChangedError, changedProblem, PIECES_AT_ONCE, pieceOffsets, readPiece } from './content.ts';
import { localText } from './paths.ts';
import { FileProblem } from './problem.ts';
import { goOn, type Work } from './run.ts';
import { dataRuns } from './runs.ts';

/** A file that changes while it is copied is begun anew so often. */
const TRIES = 3;
/** Permissions that are taken over; with another owner setuid and setgid would mean something else. */
export const MODE_BITS = 0o1777;

/** A path in a directory of this machine. */
export function inDirectory(directory: Buffer, name: Buffer | string): Buffer {
  const last = directory.length > 0 && directory.at(-1) === 0x2f;
  return Buffer.concat([directory, Buffer.from(last ? '' : '/'), Buffer.isBuffer(name) ? name : Buffer.from(name)]);
}

/** The directory of a path. */
export function directoryOf(path: Buffer): Buffer {
  const at = path.lastIndexOf(0x2f);
  return at < 0 ? Buffer.from('.') : path.subarray(0, Math.max(1, at));
}

function temporary(target: Buffer): Buffer {
  return inDirectory(directoryOf(target), `.magma-get-${randomBytes(6).toString('hex')}`);
}

/** The permissions of what is made here. */
export function modeHere({ mode }: Attributes, keep: boolean): number {
  return keep ? mode & MODE_BITS : mode & 0o777 & ~process.umask();
}

/** Copies a file to this machine, under a temporary name first. Rejects with `FileProblem`, and `Interrupted`; then nothing is left of it. */
export async function getFile(work: Work, slots: Slots, id: Attributes, target: Buffer, place: string): Promise<void> {
  const { tree, report, flags, signal } = work;
  await checkTarget(target, flags.force === true);
  let attributes = id;
  for (let tries = 1; ; tries++) {
    goOn(signal);
    const temp = temporary(target);
    let done = 0;
    const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants;
    const file = await open(temp, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600).catch((error: unknown) => {
      throw FileProblem.of(localText(target), error);
    });
    try {
      try {
        await fill(file, work, slots, attributes, (bytes) => {
          done += bytes;
          report.progress.add(bytes);
        });
        await file.chmod(modeHere(attributes, flags.preserve === true));
        if (flags.preserve === true) await file.utimes(...timesOf(attributes));
      } finally {
        await file.close();
      }
      await giveName(temp, target, flags.force === true);
      report.files += 1;
      report.bytes += attributes.size;
      return;
    } catch (error) {
      await unlink(temp).catch(() => {});
      if (!(error instanceof ChangedError)) {
        const here = typeof (error as NodeJS.ErrnoException).code === 'string';
        throw FileProblem.of(here ? localText(target) : place, error);
      }
      report.progress.add(-done);
      if (tries === TRIES) throw changedProblem(place, 'magma cat, which takes it as it comes');
      const before = attributes.size;
      attributes = await Promise.resolve(tree.getattr(attributes)).catch((problem: unknown) => {
        throw FileProblem.of(place, problem);
      });
      report.progress.expect(attributes.size - before);
    }
  }
}

async function fill(
  file: FileHandle,
  work: Work,
  slots: Slots,
  attributes: Attributes,
  done: (bytes: number) => void,
): Promise<void> {
  const { size, used } = attributes;
  // Of a file without holes zeros are written as what they are.
  const sparse = used < size;
  await each(pieceOffsets(size), PIECES_AT_ONCE, (at) =>
    slots.run(async () => {
      const data = await readPiece(work, attributes, at);
      const runs = sparse ? dataRuns(data, at) : [{ from: 0, to: data.length }];
      for (const { from, to } of runs) await writeAll(file, data.subarray(from, to), at + from);
      done(data.length);
    }),
  );
  if (sparse) await file.truncate(size);
}

async function writeAll(file: FileHandle, data: Buffer, position: number): Promise<void> {
  for (let at = 0; at < data.length; ) at += (await file.write(data, at, data.length - at, position + at)).bytesWritten;
}

/** Times of access and of change, in seconds. */
export function timesOf({ atime, mtime }: Pick<Attributes, 'atime' | 'mtime'>): [number, number] {
  return [atime.seconds + atime.nanoseconds / 1e9, mtime.seconds + mtime.nanoseconds / 1e9];
}

/** Before anything is sent. With -f a device would be replaced by a file, which nobody means. */
async function checkTarget(target: Buffer, force: boolean): Promise<void> {
  const there = await lstat(target).catch(() => null);
  if (there === null) return;
  if (!force) throw alreadyThere(target);
  if (there.isFile() || there.isSymbolicLink() || there.isDirectory()) return;
  throw new FileProblem(localText(target), 'is a device, fifo or socket, and stays. Cure: - for standard output');
}

async function exists(path: Buffer): Promise<boolean> {
  return (await lstat(path).catch(() => null)) !== null;
}

function alreadyThere(path: Buffer): FileProblem {
  return new FileProblem(localText(path), 'is there already. Cure: -f replaces it');
}

/** Gives what is complete its name; in place of another one only by `force`, also when that came a moment ago. */
async function giveName(temp: Buffer, target: Buffer, force: boolean): Promise<void> {
  if (force) return rename(temp, target);
  try {
    await link(temp, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Not every file system has hard links.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'EMLINK') throw error;
    if (await exists(target)) throw alreadyThere(target);
    return rename(temp, target);
  }
  await unlink(temp);
}

/** Makes a symbolic link here. Rejects with `FileProblem`. */
export async function getLink({ report, flags }: Work, to: Buffer, target: Buffer): Promise<void> {
  try {
    if (flags.force !== true) await symlink(to, target);
    else {
      const temp = temporary(target);
      await symlink(to, temp);
      await rename(temp, target).catch(async (error: unknown) => {
        await unlink(temp).catch(() => {});
        throw error;
      });
    }
    report.links += 1;
  } catch (error) {
    throw FileProblem.of(localText(target), error);
  }
}
