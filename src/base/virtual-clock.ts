import type { Clock, Timer } from './clock.ts';

interface Event {
  /** Microseconds of virtual time. */
  readonly due: number;
  /** Events of one moment happen in the order in which they were asked for. */
  readonly order: number;
  fire: (() => void) | null;
}

/** What a volcano's clock is made with. */
export interface VirtualClockOptions {
  /** Wall time at this moment, in microseconds; 2020-09-13 12:26:40 UTC plus what has passed, unless told. */
  readonly wall?: number;
  /** By how many millionths this clock runs fast: wall time, monotonic time and timers alike. */
  readonly driftPpm?: number;
  /** What `monotonic` says at this moment, in milliseconds. */
  readonly origin?: number;
}

/** The clock of one simulated process. */
export interface VirtualClock extends Clock {
  /** Sets the wall time alone, in microseconds, as an operator who sets the host's clock does: backwards too. */
  setWall(microseconds: number): void;
  /** The process does not run for so long, in milliseconds, as when it is stopped with a signal: what falls due meanwhile comes all at once afterwards. Time goes on. */
  hang(milliseconds: number): void;
  /** It does not run now. */
  readonly hung: boolean;
  /** The process dies: none of its timers fires any more, nor those that what is left of it still sets. */
  stop(): void;
  readonly stopped: boolean;
}

const WALL_START = 1_600_000_000_000_000;

function before(a: Event, b: Event): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}

/** A heap of events, the next one first. */
class EventQueue {
  readonly #heap: Event[] = [];

  /** The next event that has not been cancelled. */
  get next(): Event | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.fire !== null) return first;
      this.take();
    }
  }

  add(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!before(event, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = event;
  }

  take(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && before(heap[below + 1]!, heap[below]!)) below++;
      if (!before(heap[below]!, last)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
  }
}

/** Lets everything happen that needs no time: all promises that can settle have been noticed when it resolves. */
function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Time for a whole ring in one process. Events happen one after the other, by their time and then by the order in which they were asked for; after each,
 * everything that it set off and that needs no time happens before time goes on. So a run is the same each time, as long as all that runs in it waits
 * only for what this time drives: clocks, simulated disks, simulated networks.
 */
export class VirtualTime {
  readonly #queue = new EventQueue();
  #order = 0;
  #now = 0;

  /** Whole microseconds since this time began. */
  get now(): number {
    return this.#now;
  }

  /** Calls `fire` that many microseconds from now; rounded up to whole ones. */
  after(microseconds: number, fire: () => void): Timer {
    const event: Event = { due: this.#now + Math.ceil(Math.max(0, microseconds)), order: this.#order++, fire };
    this.#queue.add(event);
    return {
      cancel: () => {
        event.fire = null;
      },
    };
  }

  /** A clock on this time, for one process. */
  clock(options: VirtualClockOptions = {}): VirtualClock {
    const time = this;
    const born = this.#now;
    const rate = 1 + (options.driftPpm ?? 0) / 1e6;
    const origin = options.origin ?? 0;
    const passed = (): number => (this.#now - born) * rate;
    let wall = options.wall ?? WALL_START + born;
    let stopped = false;
    let hungUntil = 0;
    const soon = (microseconds: number, fire: () => void): Timer => {
      const due = (): void => {
        if (stopped) return;
        if (this.#now < hungUntil) timer = this.after(hungUntil - this.#now, due);
        else fire();
      };
      let timer = this.after(microseconds, due);
      return { cancel: () => timer.cancel() };
    };
    return {
      now: () => wall + Math.floor(passed()),
      monotonic: () => origin + passed() / 1000,
      after: (milliseconds, fire) => soon((milliseconds * 1000) / rate, fire),
      soon: (run) => void soon(0, run),
      setWall(microseconds) {
        wall = microseconds - Math.floor(passed());
      },
      hang(milliseconds) {
        hungUntil = Math.max(hungUntil, this.stopped ? 0 : time.now + Math.ceil(milliseconds * 1000));
      },
      get hung() {
        return time.now < hungUntil;
      },
      stop() {
        stopped = true;
      },
      get stopped() {
        return stopped;
      },
    };
  }

  /** Lets the next event happen and all that it sets off. Resolves with false when there is none. What the event throws rejects. */
  async step(): Promise<boolean> {
    await quiet();
    const happened = this.#happen(Number.POSITIVE_INFINITY);
    if (happened) await quiet();
    return happened;
  }

  /** Runs for that many milliseconds. */
  async run(milliseconds: number): Promise<void> {
    const end = this.#now + Math.ceil(milliseconds * 1000);
    await quiet();
    while (this.#happen(end)) await quiet();
    this.#now = end;
  }

  /** Runs until nothing is left to happen, `milliseconds` at most. Resolves with whether that was reached. */
  async runUntilIdle(milliseconds: number): Promise<boolean> {
    const end = this.#now + Math.ceil(milliseconds * 1000);
    await quiet();
    while (this.#happen(end)) await quiet();
    return this.#queue.next === undefined;
  }

  /**
   * Runs until a promise settles, and passes on what it settles with. Rejects when it has not within `milliseconds`, or when nothing is left to happen.
   */
  async settle<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
    const end = this.#now + Math.ceil(milliseconds * 1000);
    let settled = false;
    const done = (): void => {
      settled = true;
    };
    promise.then(done, done);
    await quiet();
    while (!settled) {
      if (!this.#happen(end)) {
        const idle = this.#queue.next === undefined;
        throw new Error(
          idle ? 'nothing is left to happen, and it still waits' : `it still waits after ${milliseconds} ms`,
        );
      }
      await quiet();
    }
    return promise;
  }

  /** Moves time on and fires what falls due, without letting anything happen in between that a promise has to be noticed for. */
  advance(milliseconds: number): void {
    const end = this.#now + Math.round(milliseconds * 1000);
    while (this.#happen(end)) {}
    this.#now = end;
  }

  /** Fires the next event if it is due at `end` or before. */
  #happen(end: number): boolean {
    const event = this.#queue.next;
    if (event === undefined || event.due > end) return false;
    this.#queue.take();
    this.#now = event.due;
    event.fire?.();
    return true;
  }
}
