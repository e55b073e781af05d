import type { SqliteDatabase } from './database.ts';

/*
 * What the state still needs of each segment, in bytes: the data that extents point to, and for each row about what its base
 * record takes. Compaction decides by it, so it need not be exact, only the same for the same state. Replays are left out: they are bounded.
 */

const FLARE_BYTES = 320;
const ENTRY_BYTES = 160;
const PARENT_BYTES = 160;
const NOTE_BYTES = 120;
const SLICE_BYTES = 100;
const EXTENT_BYTES = 160;

export const weightOf = {
  flare: (target: Uint8Array): number => FLARE_BYTES + target.length,
  entry: (name: Uint8Array): number => ENTRY_BYTES + name.length,
  /** `count` entries, whose names have `bytes` in all. */
  entries: (count: number, bytes: number): number => count * ENTRY_BYTES + bytes,
  parent: (): number => PARENT_BYTES,
  note: (name: Uint8Array, value: Uint8Array): number => NOTE_BYTES + name.length + value.length,
  slice: (): number => SLICE_BYTES,
  /** `count` extents of `length` bytes in all. */
  extents: (count: number, length: number): number => count * EXTENT_BYTES + length,
} as const;

/** Gathers what one transaction adds to and takes from the segments' live bytes. */
export class LiveBytes {
  readonly #changes = new Map<number, number>();
  readonly #add;
  readonly #prune;

  constructor(database: SqliteDatabase) {
    this.#add = database.prepare(
      'INSERT INTO segments VALUES (?, ?) ON CONFLICT (segment) DO UPDATE SET live = live + excluded.live',
    );
    this.#prune = database.prepare('DELETE FROM segments WHERE segment = ? AND live = 0');
  }

  add(segment: number, bytes: number): void {
    this.#changes.set(segment, (this.#changes.get(segment) ?? 0) + bytes);
  }

  take(segment: number, bytes: number): void {
    this.add(segment, -bytes);
  }

  /** Writes what was gathered; within the transaction. */
  flush(): void {
    for (const [segment, bytes] of this.#changes) {
      if (bytes === 0) continue;
      this.#add.run(segment, bytes);
      this.#prune.run(segment);
    }
    this.#changes.clear();
  }

  /** Forgets what was gathered: the transaction was taken back. */
  drop(): void {
    this.#changes.clear();
  }
}
