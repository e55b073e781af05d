import type { Random } from './random.ts';

/** What a disk writes whole or not at all, in bytes. */
export const SECTOR_BYTES = 512;

/** What a sync makes durable: bytes from `position` on, or, with `data` null, that the file ends there. */
interface UnsyncedChange {
  readonly position: number;
  readonly data: Buffer | null;
}

/** A file's bytes, kept twice: as the process sees them, and as they would be after a power cut. */
export class SimulatedFile {
  #seen: Buffer = Buffer.alloc(0);
  #length = 0;
  #durable: Buffer = Buffer.alloc(0);
  #unsynced: UnsyncedChange[] = [];
  /** How often `failSync` was called: each handle is told once, as by Linux. */
  failedSyncs = 0;

  /** The length that the process sees, in bytes. */
  get length(): number {
    return this.#length;
  }

  write(position: number, data: Uint8Array): void {
    const copy = Buffer.from(data);
    this.#unsynced.push({ position, data: copy });
    this.#grow(position + copy.length);
    copy.copy(this.#seen, position);
    this.#length = Math.max(this.#length, position + copy.length);
  }

  truncate(length: number): void {
    if (length >= this.#length) return;
    this.#unsynced.push({ position: length, data: null });
    this.#seen.fill(0, length, this.#length);
    this.#length = length;
  }

  /** Room for `length` bytes, doubled so that many small appends stay cheap. */
  #grow(length: number): void {
    if (length <= this.#seen.length) return;
    const grown = Buffer.alloc(Math.max(length, this.#seen.length * 2));
    this.#seen.copy(grown, 0, 0, this.#length);
    this.#seen = grown;
  }

  read(into: Uint8Array, position: number): number {
    if (position >= this.#length) return 0;
    return this.#seen.copy(into, 0, position, Math.min(this.#length, position + into.length));
  }

  sync(): void {
    for (const change of this.#unsynced) this.#durable = apply(this.#durable, change);
    this.#unsynced = [];
  }

  /** As Linux does when a write-back fails: what was to be written stays in the cache as if it had been, and never reaches the disk. */
  failSync(): void {
    this.failedSyncs++;
    this.#unsynced = [];
  }

  /** Forgets what the cache holds beyond what is written or still to be written. */
  forgetCached(): void {
    let bytes = this.#durable;
    for (const change of this.#unsynced) bytes = apply(bytes, change);
    this.#seen = Buffer.from(bytes);
    this.#length = bytes.length;
  }

  /** Turns one bit over, on the disk and in the cache, as rot does. */
  flipBit(position: number, bit: number): void {
    const mask = 1 << bit;
    if (position < this.#length) this.#seen[position]! ^= mask;
    if (position < this.#durable.length) this.#durable[position]! ^= mask;
  }

  /**
   * The file after a power cut: all that was synced; of each write that was not, any sectors; and any length between
   * the synced one and the one that was seen. Sectors that did not come through are zeros if the length covers them.
   */
  afterPowerCut(random: Random): SimulatedFile {
    let bytes = this.#durable;
    // All, none or any: plain chance would almost never leave a long write whole or wholly lost.
    const mood = random.below(3);
    for (const { position, data } of this.#unsynced) {
      if (data === null) {
        if (mood === 0 || (mood === 1 && random.below(2) === 0)) bytes = apply(bytes, { position, data });
        continue;
      }
      let at = position;
      while (at < position + data.length) {
        const end = Math.min(position + data.length, (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES);
        const kept = mood === 0 || (mood === 1 && random.below(2) === 0);
        if (kept) bytes = overlay(bytes, at, data.subarray(at - position, end - position));
        at = end;
      }
    }
    if (this.#length > this.#durable.length && random.below(2) === 0) {
      const length = this.#durable.length + random.below(this.#length - this.#durable.length + 1);
      const cut = Buffer.alloc(length);
      bytes.copy(cut);
      bytes = cut;
    }
    const file = new SimulatedFile();
    file.write(0, bytes);
    file.sync();
    return file;
  }
}

function apply(bytes: Buffer, { position, data }: UnsyncedChange): Buffer {
  return data === null ? Buffer.from(bytes.subarray(0, position)) : overlay(bytes, position, data);
}

function overlay(bytes: Buffer, position: number, data: Uint8Array): Buffer {
  const out = Buffer.alloc(Math.max(bytes.length, position + data.length));
  bytes.copy(out);
  out.set(data, position);
  return out;
}
