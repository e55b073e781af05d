import { type Logger, silentLogger } from '../../../src/base/logger.ts';
import { SimulatedDisk } from '../../../src/base/simulated-disk.ts';
import { type VirtualClock, VirtualTime } from '../../../src/base/virtual-clock.ts';
import type { OwnStore } from '../../../src/dht/coordinate/ring.ts';
import { type Owner, RetryError } from '../../../src/dht/owners.ts';
import { Router } from '../../../src/dht/router.ts';
import { inlineIndexHost } from '../../../src/flare/index/inline-host.ts';
import { BusyError, ElsewhereError, type JointPart, type JointStore } from '../../../src/flare/joint.ts';
import { ROOT_KEY, sliceOf } from '../../../src/flare/keys.ts';
import type { FlareService } from '../../../src/flare/service.ts';
import type { LocalStore } from '../../../src/flare/store/local-store.ts';
import { openStore } from '../../../src/flare/store/open.ts';
import { SMALL } from '../../../src/flare/store/testing/harness.ts';
import type { FlareId } from '../../../src/flare/types.ts';
import { Messages } from './messages.ts';
import { type Breaks, Life, type Volcano } from './static-life.ts';
import { unquietStore } from './unquiet.ts';
import type {
  Chance,
  MessageKind,
  MessageMoment,
  MessageStage,
  NetworkMood,
  Process,
  Trouble,
  World,
} from './world.ts';

const TROUBLES: readonly Trouble[] = [
  'crashAtTime',
  'crashAtJoint',
  'crashAtJoint',
  'crashAtCall',
  'crashAtDiskStep',
  'crashAtDiskStep',
  'slowDisk',
  'part',
];
/** How long a volcano waits for another one's answer, in milliseconds. */
const ANSWER_MS = 5000;
/** Milliseconds that closing or starting may take before the run is given up. */
const WAIT_MS = 600_000;

export interface StaticRingOptions {
  readonly volcanos: number;
  readonly chance: Chance;
  readonly breaks?: Breaks;
}

/** As another process sees an error. */
function overTheWire(error: unknown): unknown {
  if (error instanceof BusyError) return new BusyError();
  if (error instanceof ElsewhereError) return new RetryError('the map has changed', { cause: error });
  return error;
}

/** Volcanos with a router each, over owners that never change, on virtual time. */
export class StaticRing implements World {
  readonly time = new VirtualTime();
  readonly count: number;
  readonly faults: string[] = [];
  readonly warnings: readonly string[] = [];
  readonly counts = {};
  onMoment: ((moment: MessageMoment) => void) | null = null;
  onForgotten: ((owned: (slice: number) => boolean) => void) | null = null;
  readonly troubles = TROUBLES;
  readonly troubledMs = 2000;
  readonly deedsMax = 6;
  readonly pauseMs = 6;
  readonly calls = { least: 30, more: 50 };
  readonly stepsMax = 50_000;
  readonly mirrored = false;
  readonly #chance: Chance;
  readonly #breaks: Breaks;
  readonly #messages: Messages;
  readonly #volcanos: Volcano[] = [];

  constructor({ volcanos, chance, breaks = {} }: StaticRingOptions) {
    this.count = volcanos;
    this.#chance = chance;
    this.#breaks = breaks;
    this.#messages = new Messages(this.time, chance('messages'));
    for (let at = 0; at < volcanos; at++) {
      const clock = this.#clock(at, 0);
      const disk = breaks.disk?.(clock) ?? new SimulatedDisk({ clock });
      disk.delays = { read: 0.02, write: 0.1, sync: 1, name: 0.05 };
      this.#volcanos.push({ life: null, lives: 0, next: { disk, clock } });
    }
  }

  get network(): Readonly<NetworkMood> {
    return this.#messages.mood;
  }

  setMood(mood: Partial<NetworkMood>): void {
    Object.assign(this.#messages.mood, mood);
  }

  root(): FlareId {
    return this.#volcanos[this.ownerOf(sliceOf(ROOT_KEY))]!.life!.store!.root();
  }

  begin(): void {
    for (let at = 0; at < this.count; at++) this.start(at);
  }

  gateways(): readonly number[] {
    return [...this.#volcanos.keys()];
  }

  async differences(): Promise<string[]> {
    return [];
  }

  readonly failoverMs = 0;

  hang(): void {}

  readonly register = null;
  readonly wasFull = false;

  setClock(): void {}

  failSync(): void {}

  readonly arbiter = -1;

  takeOver(): void {}

  leave(): void {}

  rot(): null {
    return null;
  }

  hasLost(): boolean {
    return false;
  }

  leaveRoom(): void {}

  part(one: number, other: number, parted: boolean): void {
    this.#messages.part(one, other, parted);
  }

  ownerOf(slice: number): number {
    return slice % this.count;
  }

  process(at: number): Process | null {
    return this.#volcanos[at]!.life;
  }

  /** A clock that is up to two seconds off and drifts a little. */
  #clock(at: number, life: number): VirtualClock {
    const random = this.#chance(`clock ${at} ${life}`);
    const wall = 1_600_000_000_000_000 + this.time.now + random.below(4_000_000) - 2_000_000;
    return this.time.clock({ wall, driftPpm: random.below(200) - 100, origin: random.below(1_000_000) });
  }

  #logger(at: number): Logger {
    const keep = (fields: object, message: string): void => {
      if (this.#volcanos[at]!.life?.alive !== true) return;
      this.faults.push(`volcano ${at} logged: ${message}: ${'err' in fields ? fields.err : JSON.stringify(fields)}`);
    };
    return { ...silentLogger, error: keep, fatal: keep };
  }

  start(at: number): void {
    const volcano = this.#volcanos[at]!;
    if (volcano.life !== null) return;
    const life = new Life(at, volcano.next.disk, volcano.next.clock);
    volcano.life = life;
    volcano.lives++;
    this.#open(life).catch((error: unknown) => {
      if (life.alive) this.faults.push(`volcano ${at} does not start: ${error instanceof Error ? error.stack : error}`);
    });
  }

  async #open(life: Life): Promise<void> {
    const { at, disk, clock } = life;
    const random = this.#chance(`volcano ${at} ${this.#volcanos[at]!.lives}`);
    const logger = this.#logger(at);
    const store = await openStore({
      disk,
      clock,
      random,
      logger,
      boot: true,
      indexHost: ({ disk }) => inlineIndexHost({ disk }),
      segmentBytes: 16 * 1024,
      root: { mode: 0o777 },
      limits: { ...SMALL, cacheBytes: 3000 },
    });
    if (!life.alive) return;
    store.serve((slice) => this.ownerOf(slice) === at);
    const joint = this.#breaks.joint?.(store.joint, at, clock) ?? store.joint;
    const owners = {
      isOwn: (slice: number): boolean => this.ownerOf(slice) === at,
      of: (slice: number): Owner => this.#reach(life, this.ownerOf(slice)),
    };
    const router = new Router({
      store: joint === store.joint ? store : withJoint(store, joint),
      owners,
      clock,
      random,
      logger,
      statfs: () => store.statfs(),
    });
    router.outcomes.start();
    Object.assign(life, { store, router, joint });
  }

  /** Another volcano as this one reaches it. */
  #reach(from: Life, at: number): Owner {
    const reached = <T extends object>(kind: MessageKind, target: (life: Life) => T): T =>
      new Proxy({} as T, {
        get: (_, name) => {
          if (name === 'locks') return reached(kind, (life) => target(life)[name as keyof T] as object);
          return (...args: unknown[]) =>
            this.#call(from, at, kind, (life) => {
              const part = target(life);
              const method = part[name as keyof T] as (...args: unknown[]) => unknown;
              return method.apply(part, args);
            });
        },
      });
    return {
      id: String(at),
      service: reached<FlareService>('service', (life) => life.router!),
      joint: reached<JointPart>('joint', (life) => life.joint!),
    };
  }

  /** False when the volcano is dead, or dies at this moment. */
  #moment(life: Life, kind: MessageKind, stage: MessageStage): boolean {
    if (!life.alive) return false;
    this.onMoment?.({ kind, stage, at: life.at });
    return life.alive;
  }

  #call(from: Life, at: number, kind: MessageKind, run: (life: Life) => unknown): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    if (!this.#moment(from, kind, 'sent')) return promise;
    const to = this.#volcanos[at]!.life;
    const fail = (why: string): void => reject(new RetryError(why));
    const timer = from.clock.after(ANSWER_MS, () => fail('no answer'));
    const broken = (): void => this.#messages.carry(at, from.at, () => from.alive && fail('the connection broke'));
    if (to === null || to.router === null) {
      broken();
      return promise;
    }
    to.mourners.add(broken);
    const answer = (settle: () => void): void => {
      if (!this.#moment(to, kind, 'answered')) return;
      to.mourners.delete(broken);
      this.#messages.carry(at, from.at, () => {
        timer.cancel();
        if (from.alive) settle();
      });
    };
    const arrive = (): void => {
      if (!this.#moment(to, kind, 'arrived')) return;
      void (async () => run(to))().then(
        (value) => {
          const copy = copied(value);
          answer(() => resolve(copy));
        },
        (error: unknown) => answer(() => reject(overTheWire(error))),
      );
    };
    this.#messages.carry(from.at, at, arrive, true);
    return promise;
  }

  ask<T>(at: number, identity: string | null, run: (service: FlareService) => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const arrive = (): void => {
      const life = this.#volcanos[at]!.life;
      if (life === null || life.router === null || !this.#moment(life, 'client', 'arrived')) return;
      if (identity !== null && life.asked.has(identity)) return;
      if (identity !== null) life.asked.add(identity);
      const answer = (settle: () => void): void => {
        if (identity !== null) life.asked.delete(identity);
        if (this.#moment(life, 'client', 'answered')) this.#messages.carry(at, -1, settle);
      };
      const { router } = life;
      void (async () => run(router))().then(
        (value) => answer(() => resolve(value)),
        (error: unknown) => answer(() => reject(error)),
      );
    };
    this.#messages.carry(-1, at, arrive, true);
    return promise;
  }

  crash(at: number, how: 'power' | 'killed'): void {
    const volcano = this.#volcanos[at]!;
    const { life } = volcano;
    if (life === null) return;
    life.ended = true;
    life.clock.stop();
    life.router?.outcomes.stop();
    const clock = this.#clock(at, volcano.lives);
    // A disk whose power has gone at a step of its own has lost its cache, too.
    const power = how === 'power' || life.disk.stopped;
    const random = this.#chance(`crash ${at} ${volcano.lives}`);
    volcano.next = { disk: power ? life.disk.powerCut(random, clock) : life.disk.killed(clock), clock };
    volcano.life = null;
    for (const mourn of life.mourners) mourn();
    life.mourners.clear();
    this.onForgotten?.((slice) => this.ownerOf(slice) === at);
  }

  get quiet(): boolean {
    return this.unquiet().length === 0;
  }

  unquiet(): string[] {
    const found: string[] = [];
    for (const [at, { life }] of this.#volcanos.entries()) {
      const store = life?.store;
      if (store === null || store === undefined) {
        found.push(`volcano ${at} does not serve`);
        continue;
      }
      found.push(...unquietStore(at, store, (slice) => this.ownerOf(slice)));
    }
    return found;
  }

  async step(): Promise<boolean> {
    const happened = await this.time.step();
    for (const [at, { life }] of this.#volcanos.entries()) if (life?.disk.stopped === true) this.crash(at, 'power');
    return happened;
  }

  async close(): Promise<readonly SimulatedDisk[]> {
    const disks: SimulatedDisk[] = [];
    for (const volcano of this.#volcanos) {
      const { life } = volcano;
      if (life === null) {
        disks.push(volcano.next.disk);
        continue;
      }
      life.router?.outcomes.stop();
      // Copies of calls that were answered long ago may still be on their way: they find nobody.
      life.ended = true;
      if (life.store !== null) await this.time.settle(life.store.close(), WAIT_MS);
      disks.push(life.disk);
    }
    return disks;
  }
}

/** What is the answerer's own memory is copied before it uses that again. */
function copied(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || !('data' in value)) return value;
  return { ...value, data: Buffer.from(value.data as Buffer) };
}

/** The store with another side of operations over several owners. */
function withJoint(store: LocalStore, joint: JointStore): OwnStore {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'joint') return joint;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
