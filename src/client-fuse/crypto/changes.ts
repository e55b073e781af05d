import { ContentCipher, type FileHeader, formatHeader, type Take } from './contents.ts';
import { cutShort, openAll } from './reads.ts';
import {
  checkSize,
  cipherOffset,
  cipherRange,
  cipherSize,
  HEADER_BYTES,
  PLAIN_BLOCK_BYTES,
  plainSize,
  type Range,
  truncated,
} from './sizes.ts';

/** What a user wants of a file, in plain bytes. Nobody may change `data` until it is done. */
export type Goal =
  | { readonly kind: 'write'; readonly offset: number; readonly data: Uint8Array }
  /** A write at the end, wherever that is when it happens. */
  | { readonly kind: 'append'; readonly data: Uint8Array }
  /** Cuts the file, or grows it with a hole. */
  | { readonly kind: 'resize'; readonly size: number };

/** What has to be known of a file; all of it at one version of the flare. */
export interface FileState {
  /** Bytes of ciphertext. */
  readonly size: number;
  /** What the first 18 bytes say; null when there are fewer. */
  readonly header: FileHeader | null;
}

/** One change of the ciphertext, to be made only if the flare is still at the version that was looked at. */
export type Change =
  | { readonly kind: 'write'; readonly offset: number; readonly data: Buffer }
  | { readonly kind: 'size'; readonly size: number };

/** What is to be done next. */
export interface Step {
  /** The blocks that the change makes new and keeps something of: to be read first, at the same version. At most two ranges. */
  readonly reads: readonly Range[];
  /**
   * The change, from the ciphertext of `reads` in their order, and what is still to be done when it is made; null when nothing is. Throws as
   * `ContentCipher.open`: then nothing is to be changed. Each call seals anew, into memory that `take` gives.
   */
  make(read: readonly Uint8Array[], take?: Take): { readonly change: Change; readonly rest: Goal | null };
}

/** Blocks that one change writes at most, unless told otherwise: a write of 1 MiB touches no more, wherever it begins, and with the header a flare takes them in one write. */
export const BLOCKS_PER_CHANGE = 257;

/**
 * What is to be done next to reach `goal`; null when nothing is. Each step is one conditional write, or one conditional change of the size, and leaves a file
 * that is whole: a client that dies between steps, or another one that gets in between, harms nothing but the goal itself. So a caller does
 *
 *     while (goal !== null) {
 *       look at the flare: its version, size and header
 *       step = nextStep(...); if (step === null) break
 *       read step.reads; { change, rest } = step.make(...)
 *       make the change if the flare has that version; if it has not, look again with the same goal, else goal = rest
 *     }
 *
 * Nearly always it is one step. More are: data beyond the end of a file whose last block is short (that one is filled up first), or beyond the first block of an
 * empty file (it gets its header first), and so for growing; a cut inside a block (the file is cut before the block, then the beginning of the
 * block is written: a client that dies in between has cut off too much, by less than a block); more data than fits into `blocksPerChange`.
 *
 * BLOCK_TRUNCATED for a file that was cut short (`truncated`), but for a cut before the damage; FILE_TOO_LARGE.
 */
export function nextStep(
  contents: ContentCipher,
  state: FileState,
  goal: Goal,
  blocksPerChange: number = BLOCKS_PER_CHANGE,
): Step | null {
  const file = new OpenFile(contents, state);
  if (goal.kind === 'resize') return resizeStep(file, goal.size);
  const offset = goal.kind === 'append' ? file.plain : goal.offset;
  checkSize(offset);
  if (goal.data.length === 0) return null;
  checkSize(offset + goal.data.length);
  file.checkWhole();
  const room = (Math.floor(offset / PLAIN_BLOCK_BYTES) + blocksPerChange) * PLAIN_BLOCK_BYTES - offset;
  const now = goal.data.subarray(0, room);
  const later = goal.data.subarray(room);
  return (
    file.readyFor(offset, goal) ??
    file.write(offset, now, later.length === 0 ? null : restOf(goal, offset + room, later))
  );
}

function restOf(goal: Goal, offset: number, data: Uint8Array): Goal {
  return goal.kind === 'append' ? { kind: 'append', data } : { kind: 'write', offset, data };
}

function resizeStep(file: OpenFile, size: number): Step | null {
  checkSize(size);
  const start = size - (size % PLAIN_BLOCK_BYTES);
  if (size <= file.plain) {
    // A damaged end can be cut off, and that is its cure; a cut inside of what is there needs no more than its own block.
    if (size === 0) return file.size === 0 ? null : resizing(0, null);
    if (size === file.plain && !truncated(file.size)) return null;
    return size === start ? resizing(cipherSize(size), null) : file.cut(start, size);
  }
  file.checkWhole();
  const goal: Goal = { kind: 'resize', size };
  // What the last block has to have of zeros; before it there is a hole.
  const from = Math.max(start, file.plain);
  const ready = file.readyFor(from, goal);
  if (ready !== null) return ready;
  if (size === start) return resizing(cipherSize(size), null);
  return file.write(from, new Uint8Array(size - from), null);
}

function resizing(size: number, rest: Goal | null): Step {
  return { reads: [], make: () => ({ change: { kind: 'size', size }, rest }) };
}

/** A file at one version, in plain terms. */
class OpenFile {
  readonly plain: number;
  readonly size: number;
  readonly #header: FileHeader | null;
  readonly #contents: ContentCipher;

  constructor(contents: ContentCipher, { size, header }: FileState) {
    if ((header === null) !== size < HEADER_BYTES) throw new RangeError('a header is there with 18 bytes and more');
    this.#contents = contents;
    this.#header = header;
    this.size = size;
    this.plain = plainSize(size);
  }

  checkWhole(): void {
    if (truncated(this.size)) throw cutShort(this.size);
  }

  /** What must be done before a block that begins at or before `offset` can be written alone; null when nothing must. */
  readyFor(offset: number, goal: Goal): Step | null {
    const first = Math.floor(offset / PLAIN_BLOCK_BYTES);
    const missing = this.plain % PLAIN_BLOCK_BYTES === 0 ? 0 : PLAIN_BLOCK_BYTES - (this.plain % PLAIN_BLOCK_BYTES);
    if (missing > 0 && first > Math.floor(this.plain / PLAIN_BLOCK_BYTES)) {
      return this.write(this.plain, new Uint8Array(missing), goal);
    }
    if (this.#header !== null || first === 0) return null;
    const data = formatHeader(this.#contents.newHeader());
    return { reads: [], make: () => ({ change: { kind: 'write', offset: 0, data }, rest: goal }) };
  }

  /** One write of the blocks that `data` touches, with what they have besides. */
  write(offset: number, data: Uint8Array, rest: Goal | null): Step {
    const first = Math.floor(offset / PLAIN_BLOCK_BYTES);
    const start = first * PLAIN_BLOCK_BYTES;
    const end = offset + data.length;
    const last = Math.floor((end - 1) / PLAIN_BLOCK_BYTES);
    const newEnd = Math.max(end, Math.min(this.plain, (last + 1) * PLAIN_BLOCK_BYTES));
    const kept = new Set<number>();
    if (offset > start && this.plain > start) kept.add(first);
    if (newEnd > end) kept.add(last);

    const blocks = [...kept];
    const reads = blocks.map((block) => cipherRange(block, block, this.size));
    return {
      reads,
      make: (read, take = Buffer.allocUnsafe) => {
        // Whole blocks need not be put together.
        if (offset === start && newEnd === end) return { change: this.#sealed(first, data, take), rest };
        const text = Buffer.alloc(newEnd - start);
        blocks.forEach((block, index) => {
          text.set(this.#open(block, reads[index]!, read[index]!), block * PLAIN_BLOCK_BYTES - start);
        });
        text.set(data, offset - start);
        return { change: this.#sealed(first, text, take), rest };
      },
    };
  }

  /** Cuts the file before the block at `start`; what of that block is to stay, up to `size`, is then to be written. */
  cut(start: number, size: number): Step {
    const block = start / PLAIN_BLOCK_BYTES;
    const range = cipherRange(block, block, this.size);
    return {
      reads: [range],
      make: ([read]) => {
        const data = this.#open(block, range, read!).subarray(0, size - start);
        const change = { kind: 'size', size: cipherOffset(block) } as const;
        return { change, rest: { kind: 'write', offset: start, data } };
      },
    };
  }

  #open(block: number, range: Range, read: Uint8Array): Buffer {
    return openAll(this.#contents, this.#header!, block, range, read);
  }

  #sealed(first: number, text: Uint8Array, take: Take): Change {
    const header = this.#header ?? this.#contents.newHeader();
    const before = this.#header === null ? HEADER_BYTES : 0;
    const data = take(before + ContentCipher.sealedBytes(text.length));
    if (before > 0) data.set(formatHeader(header));
    this.#contents.sealInto(data, before, header, first, text);
    return { kind: 'write', offset: before > 0 ? 0 : cipherOffset(first), data };
  }
}
