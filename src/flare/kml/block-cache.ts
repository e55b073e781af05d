import { Turn } from '../../base/turn.ts';

/** The longest piece that is kept, in bytes: what one READ of NFSv2 asks for (RFC 1094 §2.2.7). */
export const BLOCK_BYTES = 8192;
/** Pieces that were asked for once are remembered by place in so many slots. */
const SEEN_SLOTS = 4096;
/** Segments above this number are not kept: number and position would not fit into one key. At 64 MiB each that is 128 TiB of log. */
const SEGMENT_MAX = 2 ** 21 - 1;
/** Places that are looked at for a piece that comes in, so that no read pays for many. */
const EVICTION_STEPS = 8;

/**
 * Pieces of segments that were read again and again, in one stretch of memory. What the log holds is never written again, so a piece is right for as
 * long as it is here. Pieces come in when they are asked for the second time: a large file that is read once drives nothing out.
 */
export class BlockCache {
  readonly #places: number;
  readonly #byKey = new Map<number, number>();
  readonly #seen = new Float64Array(SEEN_SLOTS);
  /** By place: its key (0: empty), how many bytes it holds, whether it was asked for since eviction came by, and in which turn it was given out. */
  readonly #keys: Float64Array;
  readonly #lengths: Uint16Array;
  readonly #used: Uint8Array;
  readonly #turns: Uint32Array;
  #memory: Buffer | null = null;
  #hand = 0;
  readonly #turn = new Turn();

  /** `bytes` is its bound. */
  constructor(bytes: number) {
    this.#places = Math.max(1, Math.floor(bytes / BLOCK_BYTES));
    this.#keys = new Float64Array(this.#places);
    this.#lengths = new Uint16Array(this.#places);
    this.#used = new Uint8Array(this.#places);
    this.#turns = new Uint32Array(this.#places);
  }

  /** How many pieces it holds. */
  get count(): number {
    return this.#byKey.size;
  }

  /** Those bytes, until the next turn of the event loop; null when they are not here. */
  get(segment: number, position: number, length: number): Buffer | null {
    const place = this.#byKey.get(keyOf(segment, position));
    if (place === undefined || this.#lengths[place]! < length) return null;
    this.#used[place] = 1;
    return this.#give(place, length);
  }

  /**
   * Room for those bytes, which the caller must fill at once and then `keep`; null when they are not to be kept: too long, asked for the first time, or all
   * places that were looked at are in use.
   */
  room(segment: number, position: number, length: number): Buffer | null {
    if (length > BLOCK_BYTES || length === 0 || segment > SEGMENT_MAX) return null;
    const key = keyOf(segment, position);
    const slot = (segment * 31 + Math.floor(position / 64)) % SEEN_SLOTS;
    if (this.#seen[slot] !== key) {
      this.#seen[slot] = key;
      return null;
    }
    // A shorter piece may have been given out in this turn: its bytes stay what they are.
    const place = this.#byKey.get(key) ?? this.#free();
    if (place === undefined) return null;
    this.#memory ??= Buffer.allocUnsafeSlow(this.#places * BLOCK_BYTES);
    return this.#give(place, length);
  }

  /** What `room` gave for those bytes holds them now. */
  keep(segment: number, position: number, room: Buffer): void {
    const place = (room.byteOffset - this.#memory!.byteOffset) / BLOCK_BYTES;
    const key = keyOf(segment, position);
    this.#keys[place] = key;
    this.#lengths[place] = room.length;
    this.#used[place] = 1;
    this.#byKey.set(key, place);
  }

  #give(place: number, length: number): Buffer {
    this.#turns[place] = this.#turn.number;
    const start = place * BLOCK_BYTES;
    return this.#memory!.subarray(start, start + length);
  }

  /** A place whose piece was not asked for since this came by the last time, emptied. */
  #free(): number | undefined {
    const turn = this.#turn.number;
    for (let step = 0; step < EVICTION_STEPS; step++) {
      const place = this.#hand;
      this.#hand = (place + 1) % this.#places;
      if (this.#turns[place] === turn) continue;
      if (this.#used[place] === 1) {
        this.#used[place] = 0;
        continue;
      }
      const key = this.#keys[place]!;
      if (key !== 0) this.#byKey.delete(key);
      this.#keys[place] = 0;
      return place;
    }
    return undefined;
  }
}

/** Segments have fewer than 2^32 bytes. */
function keyOf(segment: number, position: number): number {
  return segment * 2 ** 32 + position;
}
