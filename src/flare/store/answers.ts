import { ByteWriter } from '../index/bytes.ts';
import { moveReplay, putReplay, REPLAY_BYTES_MAX, type ReplayRow, takeReplay } from '../index/values.ts';

/** Answers whose memory is taken at once, when they are needed. */
const BLOCK_ANSWERS = 512;
/** A table has this many places for each answer, at least: it stays sparse, so that a search is short. */
const SPARSE = 2;
/** One place in so many must be free to be looked for: adding takes that many steps more, in the mean, and no more. */
const HOLES = 64;

/** An answer as it is found again. */
export interface KeptAnswer extends Omit<ReplayRow, 'identity'> {
  readonly lsn: number;
}

/**
 * The last answers to calls, by the call's identity; when there is no room any more the oldest are overwritten in turn. They lie packed in memory that V8's collector does not look at: as objects they
 * would outlive the young generation, all of them, and then be garbage.
 */
export class Answers {
  readonly #max: number;
  /** From so many free places on, they are looked for. */
  readonly #holes: number;
  readonly #blocks: { readonly bytes: Buffer; readonly writer: ByteWriter }[] = [];
  /** By place: the row's length (0: empty), the identity's hash, and what is asked for without unpacking. */
  readonly #lengths: Uint16Array;
  readonly #hashes: Uint32Array;
  readonly #times: Float64Array;
  readonly #lsns: Float64Array;
  readonly #slices: Uint16Array;
  readonly #segments: Uint32Array;
  readonly #changed: Uint8Array;
  /** Places by hash, plus one; 0: none. */
  readonly #table: Uint32Array;
  #next = 0;
  /** Places have been used again. */
  #round = false;
  #count = 0;
  #changes = 0;

  /** Keeps `max` answers. */
  constructor(max: number) {
    this.#max = max;
    this.#holes = Math.ceil(max / HOLES);
    this.#lengths = new Uint16Array(max);
    this.#hashes = new Uint32Array(max);
    this.#times = new Float64Array(max);
    this.#lsns = new Float64Array(max);
    this.#slices = new Uint16Array(max);
    this.#segments = new Uint32Array(max);
    this.#changed = new Uint8Array(max);
    this.#table = new Uint32Array(2 ** Math.ceil(Math.log2(max * SPARSE + 1)));
  }

  get count(): number {
    return this.#count;
  }

  /** How many are marked as changed. */
  get changed(): number {
    return this.#changes;
  }

  /** The place of that identity's answer; -1 when there is none. */
  find(identity: string): number {
    const hash = hashOf(identity);
    const mask = this.#table.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const place = this.#table[at]! - 1;
      if (place < 0 || (this.#hashes[place] === hash && this.#isOf(place, identity))) return place;
    }
  }

  timeOf(place: number): number {
    return this.#times[place]!;
  }

  segmentOf(place: number): number {
    return this.#segments[place]!;
  }

  sliceOf(place: number): number {
    return this.#slices[place]!;
  }

  /** The answer at a place, with its identity. */
  at(place: number): KeptAnswer & ReplayRow {
    return { ...takeReplay(this.row(place)), lsn: this.#lsns[place]! };
  }

  /** The packed row at a place, as `putReplay` writes it; aliases the memory. */
  row(place: number): Buffer {
    const start = (place % BLOCK_ANSWERS) * REPLAY_BYTES_MAX;
    return this.#block(place).bytes.subarray(start, start + this.#lengths[place]!);
  }

  /** Puts an answer behind all others, in place of the oldest when there are enough, and of the same identity's. Returns its place. */
  add(row: ReplayRow, lsn: number): number {
    this.remove(row.identity);
    // What was wiped has left places: while there are enough, none that is still good makes room.
    if (this.#max - this.#count >= this.#holes) while (this.#lengths[this.#next]! > 0) this.#step();
    const place = this.#next;
    this.#step();
    if (this.#lengths[place]! > 0) this.#clear(place);
    const hash = hashOf(row.identity);
    this.#hashes[place] = hash;
    this.#write(place, row, lsn);
    const mask = this.#table.length - 1;
    let at = hash & mask;
    while (this.#table[at]! !== 0) at = (at + 1) & mask;
    this.#table[at] = place + 1;
    this.#count++;
    return place;
  }

  #step(): void {
    this.#next = (this.#next + 1) % this.#max;
    this.#round ||= this.#next === 0;
  }

  /** Puts another answer of the same identity at that place. */
  replace(place: number, row: ReplayRow, lsn: number): void {
    this.#write(place, row, lsn);
  }

  /** Where in the log an answer stands has changed. */
  move(place: number, segment: number): void {
    const at = (place % BLOCK_ANSWERS) * REPLAY_BYTES_MAX;
    moveReplay(this.#block(place).bytes, at, segment);
    this.#segments[place] = segment;
  }

  remove(identity: string): void {
    const place = this.find(identity);
    if (place >= 0) this.#clear(place);
  }

  /** It is to go with the next flush. */
  mark(place: number): void {
    this.#changes += 1 - this.#changed[place]!;
    this.#changed[place] = 1;
  }

  /** All places, from the one whose turn comes first: the oldest answers', but where newer ones have taken the places of wiped ones. An answer may be removed while they are gone through. */
  *places(): Generator<number> {
    // Before it has gone round the first time all lies before the next place.
    const [first, steps] = this.#round ? [this.#next, this.#max] : [0, this.#next];
    for (let step = 0; step < steps; step++) {
      const place = (first + step) % this.#max;
      if (this.#lengths[place]! > 0) yield place;
    }
  }

  /** The places of answers that stand in a segment, in the order of `places`. */
  *placesIn(segment: number): Generator<number> {
    const first = this.#next;
    for (let step = 0; step < this.#max; step++) {
      const place = (first + step) % this.#max;
      if (this.#segments[place] === segment && this.#lengths[place]! > 0) yield place;
    }
  }

  /** The packed rows that are marked, in the order of `places`; none is marked afterwards. */
  takeChanged(): Buffer[] {
    const rows: Buffer[] = [];
    // What changed last was mostly added last: it is looked for from there backwards.
    for (let step = 1; step <= this.#max && this.#changes > 0; step++) {
      const place = (this.#next - step + this.#max) % this.#max;
      if (this.#changed[place] === 0) continue;
      this.#changed[place] = 0;
      this.#changes--;
      rows.push(this.row(place));
    }
    return rows.reverse();
  }

  #isOf(place: number, identity: string): boolean {
    const { bytes } = this.#block(place);
    const start = (place % BLOCK_ANSWERS) * REPLAY_BYTES_MAX;
    const { length } = identity;
    if (bytes[start] !== length) return false;
    for (let at = 0; at < length; at++) if (bytes[start + 1 + at] !== identity.charCodeAt(at)) return false;
    return true;
  }

  #write(place: number, row: ReplayRow, lsn: number): void {
    const { writer } = this.#block(place);
    const start = (place % BLOCK_ANSWERS) * REPLAY_BYTES_MAX;
    writer.seek(start);
    putReplay(writer, row);
    this.#lengths[place] = writer.length - start;
    this.#times[place] = row.time;
    this.#lsns[place] = lsn;
    this.#slices[place] = row.slice;
    this.#segments[place] = row.segment;
  }

  #block(place: number): { readonly bytes: Buffer; readonly writer: ByteWriter } {
    const at = Math.floor(place / BLOCK_ANSWERS);
    while (this.#blocks.length <= at) {
      const memory = new ArrayBuffer(BLOCK_ANSWERS * REPLAY_BYTES_MAX);
      this.#blocks.push({ bytes: Buffer.from(memory), writer: new ByteWriter(memory) });
    }
    return this.#blocks[at]!;
  }

  #clear(place: number): void {
    this.#untable(place);
    this.#lengths[place] = 0;
    this.#changes -= this.#changed[place]!;
    this.#changed[place] = 0;
    this.#count--;
  }

  /** Takes a place out of the table; those behind it move up, so that no search ends early. */
  #untable(place: number): void {
    const table = this.#table;
    const mask = table.length - 1;
    let hole = this.#hashes[place]! & mask;
    while (table[hole] !== place + 1) hole = (hole + 1) & mask;
    for (let at = (hole + 1) & mask; table[at]! !== 0; at = (at + 1) & mask) {
      const home = this.#hashes[table[at]! - 1]! & mask;
      // It may move to the hole unless that lies before its home, going round.
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      table[hole] = table[at]!;
      hole = at;
    }
    table[hole] = 0;
  }
}

/** FNV-1a, 32 bits. */
function hashOf(identity: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < identity.length; at++) hash = Math.imul(hash ^ identity.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
