import { randomBytes } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { type FileHandle, open, readlink } from 'node:fs/promises';
import { FlareError } from '../../flare/errors.ts';
import { type Attributes, type FlareId, FlareType, type Name, type Time } from '../../flare/types.ts';
import { ROOT } from '../../operator/paths.ts';
import { each, type Slots } from './at-once.ts';
import { ChangedError, changedProblem, PIECE_BYTES, PIECES_AT_ONCE, pieceOffsets } from './content.ts';
import { MODE_BITS } from './get-file.ts';
import { localText, pathText } from './paths.ts';
import { FileProblem } from './problem.ts';
import { goOn, until, type Work } from './run.ts';
import { dataRuns } from './runs.ts';

/** Where something goes: a directory of the tree and a name in it. */
export interface Place {
  readonly directory: FlareId;
  readonly names: readonly Name[];
  /** The directory was made by this command: what is there is its own. */
  readonly fresh: boolean;
}

/** The permissions of what is made in the tree. */
export function modeThere(mode: number, keep: boolean): number {
  return keep ? mode & MODE_BITS : mode & 0o777 & ~process.umask();
}

/** A time in nanoseconds since 1970. */
export function timeOf(nanoseconds: bigint): Time {
  const billion = 1_000_000_000n;
  // The tree has no times before 1970.
  const from = nanoseconds < 0n ? 0n : nanoseconds;
  return { seconds: Number(from / billion), nanoseconds: Number(from % billion) };
}

/** Puts what `fill` writes under a temporary name, and gives it its own when it is complete. Rejects with `FileProblem`, and `Interrupted`; then nothing is left of it. */
export async function through(
  work: Work,
  place: Place,
  mode: number,
  fill: (id: Attributes) => Promise<void>,
): Promise<void> {
  const { tree, flags, signal } = work;
  const { directory, names, fresh } = place;
  const name = names.at(-1)!;
  const force = flags.force === true;
  const path = pathText(names);
  goOn(signal);
  if (!force && !fresh && (await isThere(work, directory, name, path)))
    throw FileProblem.of(path, FlareError.of('EXIST'));
  const temp = `.magma-put-${randomBytes(6).toString('hex')}`;
  let made = false;
  try {
    const id = await tree.create(ROOT, directory, temp, { type: FlareType.file, mode });
    made = true;
    await fill(id);
    goOn(signal);
    if (force || fresh) {
      await tree.rename(ROOT, directory, temp, directory, name);
      made = false;
    } else await tree.link(ROOT, id, directory, name);
  } catch (error) {
    if (made) await takeAway(work, place, temp);
    const isDirectory = error instanceof FlareError && error.status === 'ISDIR';
    throw isDirectory ? new FileProblem(path, 'is a directory') : FileProblem.of(path, error);
  }
  if (made) await takeAway(work, place, temp);
}

async function isThere({ tree }: Work, directory: FlareId, name: Name, path: string): Promise<boolean> {
  try {
    await tree.lookup(ROOT, directory, name);
    return true;
  } catch (error) {
    if (error instanceof FlareError && error.status === 'NOENT') return false;
    throw FileProblem.of(path, error);
  }
}

async function takeAway({ tree, report }: Work, { directory, names }: Place, temp: Name): Promise<void> {
  try {
    await tree.remove(ROOT, directory, temp);
  } catch (error) {
    const path = pathText([...names.slice(0, -1), temp]);
    const why = FileProblem.of(path, error).message;
    report.problem(path, new FileProblem(path, `a temporary file stays there: ${why}. Cure: magma rm ${path}`));
  }
}

/** Copies a file of this machine into the tree. Rejects as `through` does. */
export async function putFile(work: Work, slots: Slots, source: Buffer, place: Place): Promise<void> {
  const { tree, report, flags } = work;
  const keep = flags.preserve === true;
  const shown = localText(source);
  const file = await open(source, 'r').catch((error: unknown) => {
    throw FileProblem.of(shown, error);
  });
  let done = 0;
  try {
    const before = await file.stat({ bigint: true });
    const size = Number(before.size);
    await through(work, place, modeThere(Number(before.mode), keep), async (id) => {
      try {
        const end = await send(file, before, work, slots, id, (bytes) => {
          done += bytes;
          report.progress.add(bytes);
        });
        const after = await file.stat({ bigint: true });
        if (after.size !== before.size || after.mtimeNs !== before.mtimeNs) throw new ChangedError('changed meanwhile');
        const changes = {
          ...(end < size ? { size } : {}),
          ...(keep ? { mode: modeThere(Number(before.mode), true), mtime: timeOf(before.mtimeNs) } : {}),
        };
        if (Object.keys(changes).length > 0) await tree.setattr(ROOT, id, changes);
      } catch (error) {
        if (error instanceof ChangedError) throw changedProblem(shown, 'once more, or a copy of it');
        if (typeof (error as NodeJS.ErrnoException).code === 'string') throw FileProblem.of(shown, error);
        throw error;
      }
    });
    report.files += 1;
    report.bytes += size;
  } catch (error) {
    report.progress.add(-done);
    throw error;
  } finally {
    await file.close();
  }
}

/** Sends the bytes; resolves with where the last that were sent end: behind it is a hole. */
async function send(
  file: FileHandle,
  { size: length, blocks }: BigIntStats,
  { tree, signal }: Work,
  slots: Slots,
  id: FlareId,
  done: (bytes: number) => void,
): Promise<number> {
  const size = Number(length);
  const sparse = Number(blocks) * 512 < size;
  let end = 0;
  await each(pieceOffsets(size), PIECES_AT_ONCE, (at) =>
    slots.run(async () => {
      goOn(signal);
      const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, size - at));
      await readAll(file, piece, at);
      const runs = sparse ? dataRuns(piece, at) : [{ from: 0, to: piece.length }];
      for (const { from, to } of runs) {
        await until(signal, Promise.resolve(tree.write(ROOT, id, at + from, piece.subarray(from, to))));
        end = Math.max(end, at + to);
      }
      done(piece.length);
    }),
  );
  return end;
}

async function readAll(file: FileHandle, into: Buffer, position: number): Promise<void> {
  for (let at = 0; at < into.length; ) {
    const { bytesRead } = await file.read(into, at, into.length - at, position + at);
    if (bytesRead === 0) throw new ChangedError('shorter by now');
    at += bytesRead;
  }
}

/** Copies what a stream brings into the tree. Rejects as `through` does. */
export async function putStream(work: Work, slots: Slots, source: AsyncIterable<Buffer>, place: Place): Promise<void> {
  const { tree, report, signal } = work;
  await through(work, place, modeThere(0o666, false), async (id) => {
    let at = 0;
    await each(inPieces(source, signal), PIECES_AT_ONCE, async (piece) => {
      const position = at;
      at += piece.length;
      report.progress.expect(piece.length);
      await slots.run(() => until(signal, Promise.resolve(tree.write(ROOT, id, position, piece))));
      report.progress.add(piece.length);
      report.bytes += piece.length;
    });
  });
  report.files += 1;
}

async function* inPieces(source: AsyncIterable<Buffer>, signal: AbortSignal): AsyncGenerator<Buffer> {
  let gathered: Buffer[] = [];
  let bytes = 0;
  const chunks = source[Symbol.asyncIterator]();
  for (;;) {
    const { value, done } = await until(signal, chunks.next());
    if (done === true) break;
    gathered.push(value);
    bytes += value.length;
    while (bytes >= PIECE_BYTES) {
      const all = Buffer.concat(gathered);
      yield all.subarray(0, PIECE_BYTES);
      gathered = [all.subarray(PIECE_BYTES)];
      bytes -= PIECE_BYTES;
    }
  }
  if (bytes > 0) yield Buffer.concat(gathered);
}

/** Copies a symbolic link as what it is. Rejects with `FileProblem`. */
export async function putLink({ tree, report, flags }: Work, source: Buffer, place: Place): Promise<void> {
  const { directory, names } = place;
  const name = names.at(-1)!;
  const target = await readlink(source, { encoding: 'buffer' }).catch((error: unknown) => {
    throw FileProblem.of(localText(source), error);
  });
  const birth = { type: FlareType.symlink, mode: 0o777, target };
  try {
    if (flags.force !== true) await tree.create(ROOT, directory, name, birth);
    else {
      const temp = `.magma-put-${randomBytes(6).toString('hex')}`;
      await tree.create(ROOT, directory, temp, birth);
      try {
        await tree.rename(ROOT, directory, temp, directory, name);
      } catch (error) {
        await tree.remove(ROOT, directory, temp);
        throw error;
      }
    }
    report.links += 1;
  } catch (error) {
    throw FileProblem.of(pathText(names), error);
  }
}
