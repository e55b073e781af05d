import type { Logger } from '../../base/logger.ts';
import { generationOf } from '../projection/generation.ts';
import type { ProjectionNotes } from '../projection/notes.ts';
import { indexOf } from '../projection/queries.ts';
import type { ProjectionStore } from '../projection/store.ts';
import { LARGE, type MemberId, type Projection } from '../projection/types.ts';
import { type Pace, pause } from '../retry.ts';

/** After so many tries in vain, and then each time twice as many, it is told that the map cannot be read. */
const TOLD_TRIES = 8;

/** In a large network a map is kept no sooner than so many milliseconds for each volcano after the one before. */
const KEEP_REST_MS = 5;

/** What a map works with. */
export interface RingMapParts extends Pace {
  /** Where the newest is kept, so that the next start knows one, as long as the store itself is not here; null: nowhere. */
  readonly kept: ProjectionNotes | null;
  readonly self: MemberId;
  /** What is known before anything was read. */
  readonly known: Projection | null;
  readonly store: ProjectionStore;
  /** The newest map that another volcano knows, a different one with each try; asked while the store does not answer. */
  readonly told?: (tries: number) => Promise<Projection | null>;
  readonly logger: Logger;
}

/**
 * The newest projection that this volcano knows. It is *current* when it was read from the store in this life and nobody has spoken of a newer one; while it is not, the
 * volcano is wedged: nothing that depends on the map may be served.
 */
export class RingMap {
  readonly #parts: RingMapParts;
  readonly #listeners: (() => void)[] = [];
  #projection: Projection | null;
  /** The highest epoch that anybody has spoken of. */
  #heard: number;
  /** It has been read in this life. */
  #fresh = false;
  #reading = false;
  #current = Promise.withResolvers<void>();
  #keeping = false;
  #stopWatch: (() => void) | null = null;
  #stopped = false;

  constructor(parts: RingMapParts) {
    this.#parts = parts;
    this.#projection = parts.known;
    this.#heard = this.epoch;
  }

  /** The newest that is known, current or not. */
  get projection(): Projection | null {
    return this.#projection;
  }

  /** Of `projection`; 0 when there is none. */
  get epoch(): number {
    return this.#projection?.epoch ?? 0;
  }

  /** The highest epoch that anybody has spoken of. */
  get heard(): number {
    return this.#heard;
  }

  get current(): boolean {
    return this.#fresh && this.#heard <= this.epoch;
  }

  /** Resolves when it is current, at once if it is. Never rejects. */
  whenCurrent(): Promise<void> {
    return this.current ? Promise.resolve() : this.#current.promise;
  }

  /** Calls `changed` after each change of `projection` or `current`, in the same turn. It must not throw. */
  onChange(changed: () => void): void {
    this.#listeners.push(changed);
  }

  /** Resolves when that is so, which is looked at now and after each change. Never rejects. */
  until(done: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.onChange(() => {
      if (done()) resolve();
    });
    if (done()) resolve();
    return promise;
  }

  /** Takes up what somebody else has read: not current by that. With a register that is kept elsewhere it is to be read there, once. */
  know(projection: Projection): void {
    if (this.#fresh && generationOf(projection.epoch) > generationOf(this.epoch)) {
      if (this.current) this.#current = Promise.withResolvers();
      this.#fresh = false;
    }
    this.#take(projection);
  }

  /** Reads the store, and follows it from now on. */
  start(): void {
    this.#stopWatch ??= this.#parts.store.watch((projection) => this.#take(projection));
    this.look();
  }

  stop(): void {
    this.#stopped = true;
    this.#stopWatch?.();
  }

  /** Somebody speaks of that epoch: if it is newer than the map it is not current until that has been read. */
  learn(epoch: number): void {
    if (epoch <= this.#heard) return;
    const was = this.current;
    this.#heard = epoch;
    if (was) this.#current = Promise.withResolvers();
    this.#changed();
    this.look();
  }

  /** Reads the store now, once; serves on meanwhile. */
  look(): void {
    if (this.#reading || this.#stopped) return;
    this.#reading = true;
    this.#read().finally(() => {
      this.#reading = false;
      // Somebody may have spoken of a newer one in between.
      if (!this.current && !this.#stopped) this.look();
    });
  }

  /** Reads until it is current. */
  async #read(): Promise<void> {
    const { store, logger } = this.#parts;
    for (let tries = 1; !this.#stopped; tries++) {
      let why = 'there is no map yet';
      try {
        const newest = await store.newest();
        if (newest !== null) {
          this.#fresh = true;
          this.#take(newest);
          if (this.current) return;
          why = `its newest map is of epoch ${newest.epoch}, and others speak of epoch ${this.#heard}`;
        }
      } catch (error) {
        why = error instanceof Error ? error.message : String(error);
        if (this.#fresh && !this.current) this.#askAround(tries);
      }
      if (tries % TOLD_TRIES === 0 && Number.isInteger(Math.log2(tries / TOLD_TRIES))) {
        logger.warn({ epoch: this.epoch, why }, 'the map cannot be read from its store: nothing is served until it is');
      }
      const wedged = !this.current;
      await pause(this.#parts, tries);
      if (wedged && this.current) return;
    }
  }

  /** Of each epoch there is one map, wherever it is read: that which somebody spoke of may be had from him when the store has gone since. */
  #askAround(tries: number): void {
    this.#parts.told?.(tries).then(
      (projection) => {
        if (projection !== null && projection.epoch > this.epoch) this.#take(projection);
      },
      () => {},
    );
  }

  #take(projection: Projection): void {
    if (this.#stopped) return;
    const newer = projection.epoch > this.epoch;
    if (newer) {
      this.#projection = projection;
      this.#heard = Math.max(this.#heard, projection.epoch);
      this.#keep();
    }
    this.#changed();
    if (this.current) this.#current.resolve();
  }

  #changed(): void {
    for (const changed of this.#listeners) changed();
  }

  /** Keeps the newest, one write at a time. What could not be kept is only missed at the next start. */
  #keep(): void {
    const { kept, self } = this.#parts;
    // Of maps without this volcano none is kept: so who was declared dead finds out at each start that it was a volcano of the network.
    const projection = this.#projection!;
    if (kept === null || this.#keeping || indexOf(projection, self) === -1 || projection.arbiter === self) return;
    this.#keeping = true;
    kept
      .put(projection)
      .then(() => kept.sweep(projection.epoch))
      .catch((error: unknown) => {
        if (!this.#stopped) this.#parts.logger.warn({ err: error }, 'the newest map could not be kept');
      })
      .then(() => this.#rest(projection))
      .finally(() => {
        this.#keeping = false;
        if (projection !== this.#projection && !this.#stopped) this.#keep();
      });
  }

  async #rest({ volcanos }: Projection): Promise<void> {
    if (volcanos.length < LARGE) return;
    await new Promise<void>((resolve) => this.#parts.clock.after(KEEP_REST_MS * volcanos.length, resolve));
  }
}
