import { isPending } from '../../../base/eventually.ts';
import { silentLogger } from '../../../base/logger.ts';
import { type Random, seededRandom } from '../../../base/random.ts';
import { SimulatedDisk } from '../../../base/simulated-disk.ts';
import { type VirtualClock, VirtualTime } from '../../../base/virtual-clock.ts';
import { FlareError, UnavailableError } from '../../../flare/errors.ts';
import { inlineIndexHost } from '../../../flare/index/inline-host.ts';
import type { LocalStore } from '../../../flare/store/local-store.ts';
import { openStore } from '../../../flare/store/open.ts';
import { SMALL } from '../../../flare/store/testing/harness.ts';
import type { Peers } from '../../peers.ts';
import type { Append } from '../../programs/node/handlers.ts';
import { indexOf } from '../../projection/queries.ts';
import { anew, withMember } from '../../projection/steps.ts';
import type { Projection } from '../../projection/types.ts';
import { Router } from '../../router.ts';
import { alone, member, NETWORK_ID } from '../../testing/members.ts';
import { Mirroring } from '../mirroring.ts';
import type { MirrorNode } from '../types.ts';
import { ownersOf } from './neighbours.ts';
import { Ways } from './ways.ts';

/** How long something may take in virtual time, in milliseconds, before it is taken for stuck. */
export const STUCK_MS = 120_000;

/** One life of a volcano. */
export interface Life {
  readonly clock: VirtualClock;
  readonly store: LocalStore;
  readonly replication: Mirroring;
  /** The tree over all volcanos, as this one gives it. */
  readonly router: Router;
  /** The map that it goes by, and its epoch. */
  map: Projection | null;
  epoch: number;
}

/** A volcano: its disk, and its life while it has one. */
export class TestVolcano {
  readonly number: number;
  readonly id: string;
  disk: SimulatedDisk;
  life: Life | null = null;
  /** What it logged as an error. */
  readonly errors: string[] = [];

  constructor(number: number, disk: SimulatedDisk) {
    this.number = number;
    this.id = member(number).id;
    this.disk = disk;
  }
}

function copyOf(append: Append): { copy: Append; spoil: () => void } {
  const copies: Buffer[] = [];
  const groups = append.groups.map((group) =>
    group.map(({ flags, payload }) => {
      const own = Buffer.from(payload);
      copies.push(own);
      return { flags, payload: own };
    }),
  );
  return {
    copy: { ...append, groups },
    // As a receive buffer is used again.
    spoil: () => {
      for (const one of copies) one.fill(0xee);
    },
  };
}

/**
 * Volcanos with their replication and routers and nothing else, on virtual time: the map is a variable that each learns of a little later. Between them are ways that delay and are cut.
 */
export class Mirrors {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly volcanos: TestVolcano[] = [];
  readonly #ways: Ways;
  #rootGeneration = 0;
  #lives = 0;
  readonly #seed: number;
  projection: Projection;
  /** APPENDs that were sent. */
  appends = 0;
  /** Lives that were ended, tails and whats that were asked for. */
  kills = 0;
  tails = 0;
  asked = 0;
  /** Changes what is sent to a mirror, to see whether that is found. */
  tamper: ((append: Append) => Append) | null = null;

  constructor(seed: number, count: number, options: { readonly replicas?: number; readonly delayMs?: number } = {}) {
    this.#seed = seed;
    this.random = seededRandom(seed);
    this.#ways = new Ways(this.time, this.random, this.volcanos, options.delayMs ?? 3);
    let projection = alone({ replicas: options.replicas ?? 2 });
    for (let number = 0; number < count; number++) {
      if (number > 0) projection = withMember(projection, member(number), number - 1);
      this.volcanos.push(new TestVolcano(number, new SimulatedDisk({ clock: this.time.clock() })));
    }
    this.projection = projection;
  }

  #ownRandom(): Random {
    this.#lives++;
    return seededRandom(this.#seed * 7919 + this.#lives);
  }

  settle<T>(promise: Promise<T>): Promise<T> {
    return this.time.settle(promise, STUCK_MS);
  }

  pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => void this.time.after(milliseconds * 1000, resolve));
  }

  async open(number: number): Promise<void> {
    const volcano = this.volcanos[number]!;
    const clock = this.time.clock();
    const { disk } = volcano;
    const keep = (fields: object, message: string): void => {
      // What it still says when it is dead nobody hears.
      if (disk.stopped) return;
      volcano.errors.push('err' in fields ? `${message}: ${(fields.err as Error).stack}` : message);
    };
    const logger = { ...silentLogger, error: keep };
    const how =
      number === 0
        ? { boot: true }
        : { join: { networkId: Buffer.from(NETWORK_ID, 'hex'), rootGeneration: this.#rootGeneration } };
    const store = await openStore({
      disk,
      clock,
      random: this.#ownRandom(),
      logger,
      indexHost: ({ disk }) => inlineIndexHost({ disk }),
      segmentBytes: 16 * 1024,
      root: { mode: 0o777 },
      limits: { ...SMALL, pendingUnits: 2000 },
      ...how,
    });
    if (number === 0) this.#rootGeneration = store.root().generation;
    store.serve(() => false);
    const served = (): void => {
      if (volcano.life === life) store.serve((slice) => replication.mayServe(slice));
    };
    const replication = new Mirroring({
      self: volcano.id,
      store,
      peers: {
        peer: (to: string) => ({ node: this.#node(number, indexOf(this.projection, to), life) }),
      } as unknown as Peers,
      clock,
      random: this.#ownRandom(),
      logger,
      silent: () => false,
      changed: served,
    });
    const owners = ownersOf({
      self: volcano.id,
      life: () => life,
      call: (to, run) => this.#ways.call(number, to, life, life.epoch, run),
    });
    const random = this.#ownRandom();
    const router = new Router({ store, owners, clock, random, logger, statfs: () => store.statfs() });
    const life: Life = { clock, store, replication, router, map: null, epoch: 0 };
    volcano.life = life;
    this.#learn(volcano, life);
    router.outcomes.start();
  }

  #learn(volcano: TestVolcano, life: Life): void {
    if (volcano.life !== life || life.epoch === this.projection.epoch) return;
    life.epoch = this.projection.epoch;
    life.map = this.projection;
    life.replication.update(this.projection);
    life.store.serve((slice) => life.replication.mayServe(slice));
  }

  /** The map is a newer one: each volcano learns of that at its own time. */
  change(projection: Projection): void {
    this.projection = projection;
    for (const volcano of this.volcanos) {
      const { life } = volcano;
      if (life !== null) life.clock.after(this.random.below(20), () => this.#learn(volcano, life));
    }
  }

  /** The volcano that owns the first slice. */
  get primary(): TestVolcano {
    return this.volcanos[this.projection.map[0]!.primary]!;
  }

  /** It dies; `power`: with what it had not synced. */
  kill(number: number, how: 'power' | 'killed' = 'power'): void {
    const volcano = this.volcanos[number]!;
    const { life } = volcano;
    if (life === null) return;
    volcano.life = null;
    this.kills++;
    life.clock.stop();
    life.router.outcomes.stop();
    volcano.disk = how === 'power' ? volcano.disk.powerCut(this.#ownRandom()) : volcano.disk.killed();
    void life.replication.close();
    // Its next life may give numbers away that it had given away before, to records that it has lost: in a newer epoch only, as volcanos see to (`anew`).
    if (this.primary === volcano) this.change(anew(this.projection));
    for (const other of this.volcanos) {
      this.cut(number, other.number);
      this.cut(other.number, number);
    }
  }

  /** The connection between two is lost: calls on it get no answer, and may arrive late. */
  cut(from: number, to: number): void {
    this.#ways.cut(from, to);
  }

  /** Connections that were cut. */
  get cuts(): number {
    return this.#ways.cuts;
  }

  #node(from: number, to: number, life: Life): MirrorNode {
    const call = <T>(epoch: number, run: (replication: Mirroring) => Promise<T>): Promise<T> =>
      this.#ways.call(from, to, life, epoch, (there) => run(there.replication));
    return {
      append: (append) => {
        this.appends++;
        const { copy, spoil } = copyOf(this.tamper?.(append) ?? append);
        return call(append.epoch, (replication) => {
          const answer = replication.append(copy);
          spoil();
          return answer;
        });
      },
      followed: (ask) => {
        this.asked++;
        return call(ask.epoch, (replication) => replication.followed(ask));
      },
      tail: (ask) => {
        this.tails++;
        return call(ask.epoch, (replication) => replication.tail(ask));
      },
      common: (ask) => call(ask.epoch, (replication) => replication.common(ask)),
    };
  }

  /** A store that is the tree as whoever owns the first slice gives it, and asks again, as clients do, until there is an answer. */
  client(answered: (replay: string) => void): LocalStore {
    const again = async (name: string, args: unknown[]): Promise<unknown> => {
      for (;;) {
        const { life } = this.primary;
        try {
          if (life !== null) {
            const method = life.router[name as keyof Router] as (...given: unknown[]) => unknown;
            const asked = Promise.resolve(method.apply(life.router, args));
            const gone = Symbol('gone');
            // A dead volcano does not answer.
            const watch = { over: false };
            const answer = await Promise.race([asked, this.#death(life, gone, watch)]).finally(() => {
              watch.over = true;
            });
            if (answer !== gone) {
              const { replay } = args[0] as { replay?: string };
              if (replay !== undefined) answered(replay);
              return answer;
            }
          }
        } catch (error) {
          if (!(error instanceof UnavailableError || (error instanceof FlareError && error.status === 'IO')))
            throw error;
        }
        await this.pause(1 + this.random.below(10));
      }
    };
    return new Proxy({} as LocalStore, {
      get: (_target, name) => {
        if (name === 'root') return () => this.volcanos[0]!.life?.store.root() ?? { key: '', generation: 0 };
        return (...args: unknown[]) => again(name as string, args);
      },
    });
  }

  async #death<T>(life: Life, gone: T, watch: { readonly over: boolean }): Promise<T> {
    while (!watch.over && this.volcanos.some((volcano) => volcano.life === life)) await this.pause(5);
    return gone;
  }

  /** What an in-sync mirror that is up lacks of an answered change: null when nothing. */
  missing(replay: string): string | null {
    for (const slice of [0]) {
      for (const index of this.projection.map[slice]!.inSync) {
        const { life } = this.volcanos[index]!;
        if (life === null) continue;
        const there = life.store.recall(replay);
        if (isPending(there)) return `it is not yet durable on volcano ${index}`;
        if (there === undefined) return `volcano ${index} does not have it`;
      }
    }
    return null;
  }

  /** Lets time go by until all mirrors in sync have everything, the primaries serve, and no operation over several owners is under way. */
  async quiet(): Promise<void> {
    const quiet = ({ life }: TestVolcano): boolean => {
      if (life === null || life.epoch !== this.projection.epoch) return false;
      const { replica, joint } = life.store;
      if (joint.undecided().length + joint.undelivered().length > 0) return false;
      return life.replication.lag() === 0 && replica.commitment.lsn >= replica.appended;
    };
    const done = (): boolean => {
      const primaries = this.projection.map.map(({ primary }) => this.volcanos[primary]!);
      if (!primaries.every(({ life }, slice) => life?.replication.mayServe(slice))) return false;
      return [...new Set(primaries)].every(quiet);
    };
    const end = this.time.now + STUCK_MS * 1000;
    while (!done()) {
      if (this.time.now > end) throw new Error('the mirrors do not come to rest');
      await this.time.run(5);
    }
  }

  /** What each mirror in sync has otherwise than its primary; empty when nothing. */
  async differences(): Promise<string[]> {
    const found: string[] = [];
    for (const [slice, { primary: owner, inSync }] of this.projection.map.entries()) {
      const primary = this.volcanos[owner]!.life!.store.replica;
      const lines = await this.settle(primary.lines(slice));
      for (const index of inSync) {
        const there = await this.settle(this.volcanos[index]!.life!.store.replica.lines(slice));
        if (primary.following.last(slice).number === 0 && there.length <= 2) continue;
        const odd = (one: string[], other: string[]): string[] => one.filter((line) => !other.includes(line));
        for (const line of odd(lines, there)) found.push(`slice ${slice}: volcano ${index} lacks ${line}`);
        for (const line of odd(there, lines)) found.push(`slice ${slice}: only volcano ${index} has ${line}`);
      }
    }
    return found;
  }

  async close(): Promise<void> {
    for (const volcano of this.volcanos) {
      const { life } = volcano;
      volcano.life = null;
      if (life === null) continue;
      life.router.outcomes.stop();
      await life.replication.close();
      await this.settle(life.store.close());
      life.clock.stop();
    }
  }
}
