import type { Clock, Timer } from '../../../base/clock.ts';

/** How often is looked for holders that are silent, in milliseconds. */
export const LOOK_MS = 1_000;

/** What a count of silence needs to know. */
export interface SilenceParts {
  readonly clock: Clock;
  /** Whoever has locks, with how long he may be silent, in milliseconds; 0: for ever. */
  readonly holders: () => Iterable<readonly [holder: string, leaseMs: number]>;
  /** Was silent for too long. */
  readonly silent: (holder: string) => void;
}

/**
 * Counts for how long nothing was heard of holders of locks. Time in which this volcano did not run itself does not count: nobody could be heard.
 */
export class Silence {
  readonly #parts: SilenceParts;
  /** Milliseconds that this volcano was awake, and when that was added up last. */
  #awake = 0;
  #added = 0;
  readonly #heard = new Map<string, number>();
  #timer: Timer | null = null;
  #stopped = false;

  constructor(parts: SilenceParts) {
    this.#parts = parts;
  }

  /** The holder lives. */
  heard(holder: string): void {
    this.#heard.set(holder, this.#awake);
    this.#arm();
  }

  /** For how long nothing was heard, in milliseconds. */
  of(holder: string): number {
    return this.#awake - (this.#heard.get(holder) ?? this.#awake);
  }

  /** Counts anew from now on for all. */
  begin(): void {
    this.#heard.clear();
    this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#stopped = true;
  }

  #arm(): void {
    if (this.#timer !== null || this.#stopped) return;
    const { clock } = this.#parts;
    this.#added = clock.monotonic();
    this.#timer = clock.after(LOOK_MS, () => this.#look());
  }

  #look(): void {
    const { clock, holders, silent } = this.#parts;
    if (this.#stopped) return;
    const now = clock.monotonic();
    this.#awake += Math.min(now - this.#added, 2 * LOOK_MS);
    this.#added = now;
    const there = new Set<string>();
    for (const [holder, leaseMs] of [...holders()]) {
      there.add(holder);
      const heard = this.#heard.get(holder);
      if (heard === undefined) this.#heard.set(holder, this.#awake);
      else if (leaseMs > 0 && this.#awake - heard > leaseMs) silent(holder);
    }
    for (const holder of this.#heard.keys()) if (!there.has(holder)) this.#heard.delete(holder);
    this.#timer = null;
    if (there.size > 0) this.#arm();
  }
}
