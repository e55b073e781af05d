import { silentLogger } from '../../base/logger.ts';
import { seededRandom } from '../../base/random.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { type ManualClock, manualClock } from '../../base/testing/manual-clock.ts';
import { ElsewhereError } from '../../flare/joint.ts';
import type { LocalStore } from '../../flare/store/local-store.ts';
import { testStore } from '../../flare/store/testing/harness.ts';
import { type Owner, type Owners, RetryError } from '../owners.ts';
import { Router } from '../router.ts';

/** Turns of the event loop that all which needs no time is given. */
const TURNS = 60;

/** A volcano among others that it reaches by plain calls. */
export interface NearVolcano {
  readonly disk: SimulatedDisk;
  store: LocalStore;
  router: Router;
  /** False while it is down. */
  up: boolean;
}

/** A few volcanos in one process, each owner of every so-manieth slice: nearly all operations have several owners. */
export class NearRing {
  readonly volcanos: NearVolcano[] = [];
  readonly clock: ManualClock;
  readonly #seed: number;

  private constructor(seed: number, clock: ManualClock) {
    this.#seed = seed;
    this.clock = clock;
  }

  /** Slices go round: that of the root is the first volcano's, or, `apart`, that of chance. */
  static async open(options: { readonly volcanos: number; readonly seed: number }): Promise<NearRing> {
    const ring = new NearRing(options.seed, manualClock());
    for (let at = 0; at < options.volcanos; at++) {
      const disk = new SimulatedDisk();
      const volcano = { disk, up: false } as unknown as NearVolcano;
      ring.volcanos.push(volcano);
    }
    for (let at = 0; at < options.volcanos; at++) await ring.start(at);
    return ring;
  }

  ownerOf(slice: number): number {
    return slice % this.volcanos.length;
  }

  /** Starts a volcano on what its disk holds. */
  async start(at: number): Promise<void> {
    const volcano = this.volcanos[at]!;
    const { store } = await testStore({
      disk: volcano.disk,
      clock: this.clock,
      random: seededRandom(this.#seed + at * 1000),
      segmentBytes: 8192,
      limits: { cacheBytes: 1500 },
    });
    volcano.store = store;
    store.serve((slice) => this.ownerOf(slice) === at);
    const owners: Owners = {
      isOwn: (slice) => this.ownerOf(slice) === at,
      of: (slice) => this.#reach(this.ownerOf(slice)),
    };
    const random = seededRandom(this.#seed + at * 1000 + 1);
    const parts = { store, owners, clock: this.clock, random, logger: silentLogger, statfs: () => store.statfs() };
    volcano.router = new Router(parts);
    volcano.router.outcomes.start();
    volcano.up = true;
  }

  /** What is not up cannot be reached; what goes down in the middle of a call does not answer it. */
  #reach(at: number): Owner {
    const volcano = this.volcanos[at]!;
    const { store, router } = volcano;
    if (!volcano.up) throw new RetryError('it is down');
    const guarded = <T extends object>(target: T): T =>
      new Proxy(target, {
        get: (from, name) => {
          if (name === 'locks') return guarded(from[name as keyof T] as object);
          const method = from[name as keyof T] as (...args: unknown[]) => unknown;
          return async (...args: unknown[]) => {
            if (volcano.store !== store || !volcano.up) throw new RetryError('it is down');
            try {
              const answer = await method.apply(from, args);
              if (volcano.store !== store || !volcano.up) throw new RetryError('it went down');
              return answer;
            } catch (error) {
              if (error instanceof ElsewhereError) throw new RetryError('the map has changed', { cause: error });
              throw error;
            }
          };
        },
      });
    return { id: String(at), service: guarded(router), joint: guarded(store.joint) };
  }

  /** The root, which is its owner's. */
  root(): ReturnType<LocalStore['root']> {
    return this.volcanos[this.ownerOf(this.volcanos[0]!.store.root().key.charCodeAt(0))]!.store.root();
  }

  /** Stops a volcano cleanly. */
  async stop(at: number): Promise<void> {
    const volcano = this.volcanos[at]!;
    volcano.up = false;
    volcano.router.outcomes.stop();
    await volcano.store.close();
  }

  async close(): Promise<void> {
    for (let at = 0; at < this.volcanos.length; at++) if (this.volcanos[at]!.up) await this.stop(at);
  }

  /** Lets happen what can happen until `done`; lets time go by only when nothing else helps. */
  async until(done: () => boolean): Promise<void> {
    for (let turn = 1; !done(); turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (turn % TURNS === 0) this.clock.advance(5);
    }
  }

  /** Awaits, and lets time go by meanwhile. */
  async during<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    promise.then(settle, settle);
    await this.until(() => settled);
    return promise;
  }

  /** Lets time go by until no operation is under way anywhere. */
  settled(): Promise<void> {
    const quiet = (): boolean =>
      this.volcanos.every(({ store }) => store.joint.undecided().length + store.joint.undelivered().length === 0);
    return this.until(quiet);
  }
}
