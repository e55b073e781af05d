import type { FlareService } from '../../flare/service.ts';
import type { Attributes, FlareId } from '../../flare/types.ts';
import { ROOT } from '../../operator/paths.ts';
import { Slots } from './at-once.ts';
import { FileProblem } from './problem.ts';
import { goOn, until, type Work } from './run.ts';

/** What is read or written by one call, in bytes. */
export const PIECE_BYTES = 1024 * 1024;
/** Pieces under way at once, of all files together: they bound the memory, and what a slow disk has to take in the 5 s after which a volcano says that it is busy. */
export const PIECES_AT_ONCE = 8;
/** Files under way at once. */
export const FILES_AT_ONCE = 64;
/** Files that were found and wait: so far the search for them runs ahead. */
export const FILES_QUEUED = 4096;

/** The pieces of all files of one command take turns here. */
export function pieceSlots(): Slots {
  return new Slots(PIECES_AT_ONCE);
}

/** The offsets at which the pieces of a file of that size begin. */
export function* pieceOffsets(size: number): Iterable<number> {
  for (let at = 0; at < size; at += PIECE_BYTES) yield at;
}

/** A file was changed while it was copied. */
export class ChangedError extends Error {}

/** One piece of a file as it was when `attributes` were read. Rejects with `ChangedError`. */
export async function readPiece(
  { tree, signal }: Pick<Work, 'tree' | 'signal'>,
  attributes: Attributes,
  at: number,
): Promise<Buffer> {
  goOn(signal);
  const count = Math.min(PIECE_BYTES, attributes.size - at);
  const { data, attributes: now } = await until(signal, Promise.resolve(tree.read(ROOT, attributes, at, count)));
  if (now.version !== attributes.version || data.length !== count) throw new ChangedError('changed meanwhile');
  return data;
}

/** The bytes of a file in their order, some pieces ahead of who takes them; of one that changes meanwhile as they come. */
export async function* inOrder(
  { tree, signal }: Pick<Work, 'tree' | 'signal'>,
  id: FlareId,
  size: number,
): AsyncGenerator<Buffer> {
  const ahead: Promise<Buffer>[] = [];
  const offsets = pieceOffsets(size)[Symbol.iterator]();
  const more = (): void => {
    const { value, done } = offsets.next();
    if (done === true) return;
    const piece = readAt(tree, id, value, Math.min(PIECE_BYTES, size - value));
    // Who takes it hears of it; nobody does when he ends early.
    piece.catch(() => {});
    ahead.push(piece);
  };
  for (let some = 0; some < PIECES_AT_ONCE; some++) more();
  for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) {
    yield await until(signal, next);
    more();
  }
}

async function readAt(tree: FlareService, id: FlareId, at: number, count: number): Promise<Buffer> {
  return (await tree.read(ROOT, id, at, count)).data;
}

/** What is said of a file that changes all the time. */
export function changedProblem(place: string, cure: string): FileProblem {
  return new FileProblem(place, `changed while it was copied: nothing was kept of it. Cure: ${cure}`);
}
