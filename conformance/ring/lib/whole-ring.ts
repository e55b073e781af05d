import { type Logger, silentLogger } from '../../../src/base/logger.ts';
import type { Random } from '../../../src/base/random.ts';
import { type PacketNote, SimulatedNetwork } from '../../../src/base/simulated/network.ts';
import { SimulatedDisk } from '../../../src/base/simulated-disk.ts';
import { type VirtualClock, VirtualTime } from '../../../src/base/virtual-clock.ts';
import type { BalanceOptions } from '../../../src/dht/balance/balancer.ts';
import type { MoveNote } from '../../../src/dht/balance/moves.ts';
import { Failover, type FailoverParts } from '../../../src/dht/failover/failover.ts';
import type { Peers } from '../../../src/dht/peers.ts';
import { copiesWanted, indexOf } from '../../../src/dht/projection/queries.ts';
import { SharedProjectionStore } from '../../../src/dht/projection/shared-store.ts';
import type { MemberId, Projection } from '../../../src/dht/projection/types.ts';
import { Mirroring } from '../../../src/dht/replication/mirroring.ts';
import type { MirrorNode } from '../../../src/dht/replication/types.ts';
import { NODE_PORT, usualOptions } from '../../../src/dht/testing/virtual-ring.ts';
import { JoinError } from '../../../src/dht/volcano/join.ts';
import type { RingOptions } from '../../../src/dht/volcano/options.ts';
import type { Replication, ReplicationParts } from '../../../src/dht/volcano/replication.ts';
import { openRing, type Ring } from '../../../src/dht/volcano.ts';
import { FlareError, UnavailableError } from '../../../src/flare/errors.ts';
import { inlineIndexHost } from '../../../src/flare/index/inline-host.ts';
import { SLICES } from '../../../src/flare/keys.ts';
import { recordHead } from '../../../src/flare/record/head.ts';
import type { FlareService } from '../../../src/flare/service.ts';
import type { StoreLimits } from '../../../src/flare/store/limits.ts';
import type { LocalStore } from '../../../src/flare/store/local-store.ts';
import { openStore } from '../../../src/flare/store/open.ts';
import { SMALL } from '../../../src/flare/store/testing/harness.ts';
import type { FlareId } from '../../../src/flare/types.ts';
import { missingCopies, unlikeCopies } from './copies.ts';
import { Messages } from './messages.ts';
import { SimulatedOperator } from './operator.ts';
import { SharedRegister } from './shared-register.ts';
import { unquietOf } from './unquiet.ts';
import { WholeDisks } from './whole-disks.ts';
import { Life, sizeOf, type Volcano, type WholeBreaks } from './whole-life.ts';
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
  ...(['crashAtTime', 'crashAtJoint', 'crashAtCall', 'crashAtMirror', 'crashAtMirror', 'crashAtPacket'] as const),
  ...(['crashAtPacket', 'crashAtDiskStep', 'crashAtDiskStep', 'slowDisk', 'part', 'isolate', 'join', 'join'] as const),
  ...([
    'crashAhead',
    'crashAhead',
    'crashAhead',
    'leaveBehind',
    'leaveBehind',
    'leaveBehind',
    'hang',
    'hang',
    'hangAsking',
    'hangAsking',
    'partOneWay',
  ] as const),
  ...(['registerAway', 'registerAway', 'clockJump', 'fullDisk', 'fullDisk', 'failedSync', 'failedSync'] as const),
  ...(['rot', 'rot', 'takeover', 'takeover', 'leave', 'leave'] as const),
];
/** Milliseconds that closing may take before the run is given up. */
const WAIT_MS = 600_000;
/** A volcano that could not start is started again after so long, in milliseconds, as by who looks after the host's services. */
const RESTART_MS = 1000;
/** Bounds by which a run has no checkpoint. */
const SELDOM: Partial<StoreLimits> = { compactionMinBytes: 400_000, pendingUnits: 2000 };
const LIMITS: Partial<StoreLimits> = { ...SMALL, cacheBytes: 3000, replays: 1000, refusals: 1000 };
/** The operator looks again after so long, in milliseconds. */
const OPERATOR_MS = 5_000;
/** Volcanos that a newcomer is told to join through, at most: the first ones. */
const SEEDS_MAX = 8;
/** How far clocks are off at most, in microseconds, either way: with what they drift less than what a newcomer may be. */
const CLOCK_OFF_US = 1_000_000;
/** By how many millionths clocks run fast or slow at most. */
const DRIFT_PPM = 5_000;

export interface WholeRingOptions {
  readonly chance: Chance;
  readonly breaks?: WholeBreaks;
}

/** Whole volcanos as `openRing` makes them, with copies, on a simulated network: the first one boots the network, the others join it when they are started. */
export class WholeRing implements World {
  readonly time = new VirtualTime();
  readonly count: number;
  readonly replicas: number;
  readonly faults: string[] = [];
  readonly warnings: string[] = [];
  /**
   * Maps; records that a mirror had and its primary not, any more; volcanos that have left; slices that were taken over, and of which the old owner had records that the new one had not; records that were found damaged, and those of them that came anew; slices that became whole on
   * a mirror from the log, after something was undone there, and from nothing; moves for the balance that came to their end, and that were given up.
   */
  readonly counts = {
    maps: 0,
    tails: 0,
    taken: 0,
    ahead: 0,
    damaged: 0,
    repaired: 0,
    moved: 0,
    left: 0,
    replayed: 0,
    undone: 0,
    filled: 0,
    balanced: 0,
    unmoved: 0,
  };
  readonly troubles: readonly Trouble[];
  readonly troubledMs = 4000;
  readonly deedsMax = 8;
  // Time for somebody to join while they work.
  readonly pauseMs = 40;
  readonly calls = { least: 60, more: 60 };
  readonly stepsMax = 1_000_000;
  readonly mirrored = true;
  onMoment: ((moment: MessageMoment) => void) | null = null;
  onForgotten: ((owned: (slice: number) => boolean) => void) | null = null;
  readonly register: SharedRegister | null;
  readonly #disks = new WholeDisks();
  #operator: SimulatedOperator | null = null;
  /** Deeds of operators that are under way. */
  #operating = 0;
  /** Of these, takeovers that may be broken off. */
  #mayBreakOff = 0;
  readonly #chance: Chance;
  readonly #breaks: WholeBreaks;
  readonly #limits: Partial<StoreLimits>;
  readonly #atFirst: number;
  readonly failoverMs: number;
  /** The ways of clients; those between volcanos are the network's. */
  readonly #messages: Messages;
  readonly #net: SimulatedNetwork;
  readonly #volcanos: Volcano[] = [];
  readonly #addresses = new Map<string, number>();
  readonly #partitions = new Map<string, () => void>();
  /** What volcanos have sent each other: connections' bytes, without headers. */
  sentBytes = 0;
  /** All have been started: all are to serve before it is quiet. */
  #allStarted = false;
  /** The newest map that any volcano goes by. */
  #newest: Projection | null = null;

  constructor({ chance, breaks = {} }: WholeRingOptions) {
    const random = chance('size');
    const { volcanos, replicas, atFirst } = breaks.ring ?? sizeOf(random);
    this.count = volcanos;
    this.replicas = replicas;
    this.#atFirst = atFirst;
    this.troubles = breaks.troubles ?? TROUBLES;
    // Troubles that a mutation needs may concern who does not arbitrate.
    const shared = random.below(2) === 0 && breaks.troubles === undefined;
    this.register = shared ? new SharedRegister() : null;
    this.failoverMs = [2000, 3000, 5000][random.below(3)]!;
    // A checkpoint of an index in memory costs time: few runs make one for each small segment.
    const compacted = random.below(4) === 0;
    this.#limits = compacted ? LIMITS : { ...LIMITS, ...SELDOM };
    this.#chance = chance;
    this.#breaks = breaks;
    this.#messages = new Messages(this.time, chance('messages'));
    this.#net = new SimulatedNetwork({
      time: this.time,
      random: chance('network'),
      observe: (note) => this.#observed(note),
    });
    for (let at = 0; at < this.count; at++) {
      const address = `10.0.${(at + 1) >> 8}.${(at + 1) & 255}`;
      this.#addresses.set(address, at);
      const clock = this.#clock(at, 0);
      const disk = new SimulatedDisk({ clock });
      // What is on a mirror's disk may or may not be on its primary's already.
      disk.delays = { read: 0.02, write: 0.1, sync: [0.3, 1, 8][random.below(3)]!, name: 0.05 };
      this.#volcanos.push({
        host: this.#net.host(`v${at}`, [address]),
        life: null,
        lives: 0,
        served: false,
        full: false,
        unsynced: false,
        rotten: [],
        departed: false,
        next: { disk, clock, readFrom: 0 },
      });
    }
  }

  get network(): Readonly<NetworkMood> {
    return this.#messages.mood;
  }

  setMood(mood: Partial<NetworkMood>): void {
    const { mood: now } = this.#messages;
    Object.assign(now, mood);
    this.#net.faults.set({
      jitterMs: now.delayMs,
      late: now.late / 1000,
      lateMs: 100 * now.delayMs,
      loss: now.lost / 1000,
      duplicate: now.doubled / 1000,
      reset: now.broken / 1000,
    });
  }

  hang(at: number, milliseconds: number): void {
    this.#volcanos[at]!.life?.clock.hang(milliseconds);
  }

  setClock(at: number, wrongMs: number): void {
    const { life } = this.#volcanos[at]!;
    if (life === null) return;
    life.clock.setWall(life.clock.now() + wrongMs * 1000 - life.wrong);
    life.wrong = wrongMs * 1000;
  }

  rot(at: number, random: Random): string | null {
    return this.#disks.rot(this.#volcanos[at]!, random);
  }

  hasLost(at: number): boolean {
    return this.#disks.hasLost(this.#volcanos[at]!);
  }

  failSync(at: number): void {
    this.#disks.failSync(this.#volcanos[at]!);
  }

  leaveRoom(at: number, bytes: number): void {
    this.#disks.leaveRoom(this.#volcanos[at]!, bytes);
  }

  get wasFull(): boolean {
    return this.#disks.wasFull;
  }

  part(one: number, other: number, parted: boolean, oneWay = false): void {
    const pair = `${Math.min(one, other)} ${Math.max(one, other)}`;
    this.#partitions.get(pair)?.();
    this.#partitions.delete(pair);
    if (parted) this.#partitions.set(pair, this.#net.faults.partition([`v${one}`], [`v${other}`], { oneWay }));
  }

  /** Of the newest map. */
  get arbiter(): number {
    const newest = this.#newest;
    return newest === null || newest.arbiter === null ? -1 : this.#numberOf(newest, indexOf(newest, newest.arbiter));
  }

  takeOver(breaksOff: boolean): void {
    // Several may be at it at the same time.
    if (this.register !== null || this.#newest === null) return;
    this.#operator ??= new SimulatedOperator(this.time, this.#net, this.#chance('operator'));
    this.#operating++;
    if (breaksOff) this.#mayBreakOff++;
    const over = (): void => {
      this.#operating--;
      if (breaksOff) this.#mayBreakOff--;
    };
    void this.#operate(this.#operator, breaksOff).finally(over);
  }

  leave(at: number, leaves: boolean): void {
    const newest = this.#newest;
    const member = newest?.volcanos.find((_, index) => this.#numberOf(newest, index) === at);
    if (newest === null || member === undefined) return;
    this.#operator ??= new SimulatedOperator(this.time, this.#net, this.#chance('operator'));
    this.#operating++;
    void this.#operator.leave(newest, member.id, leaves).finally(() => this.#operating--);
  }

  /** A volcano is none of the network any more: what is on its disk is of no use, and it may come as a new one. */
  #departed(at: number): void {
    const volcano = this.#volcanos[at]!;
    this.counts.left++;
    this.crash(at, 'killed');
    volcano.departed = true;
    const { clock } = volcano.next;
    volcano.next = { disk: new SimulatedDisk({ clock }), clock, readFrom: 0 };
    this.time.after(RESTART_MS * 1000, () => this.start(at));
  }

  /** What was begun is brought to an end by an operator who does it once more until there is no need, and nobody is left who may begin it and break it off. */
  async #operate(operator: SimulatedOperator, breaksOff: boolean): Promise<void> {
    for (;;) {
      const outcome = await operator.takeOver(() => this.map, breaksOff);
      if (outcome === 'moved') this.counts.moved++;
      if (breaksOff || (outcome === 'not needed' && this.#mayBreakOff === 0)) return;
      await new Promise<void>((resolve) => void this.time.after(OPERATOR_MS * 1000, resolve));
    }
  }

  begin(): void {
    for (let at = 0; at < this.#atFirst; at++) this.start(at);
  }

  gateways(): readonly number[] {
    return [...this.#volcanos.keys()].filter((at) => this.#volcanos[at]!.served);
  }

  /** The newest map; there must be one. */
  get map(): Projection {
    return this.#newest!;
  }

  root(): FlareId {
    for (const { life } of this.#volcanos) if (life?.ring != null) return life.ring.flares.root();
    throw new Error('no volcano serves');
  }

  /** Of volcano numbers, not of places in the map. -1: nobody's. */
  ownerOf(slice: number): number {
    const newest = this.#newest;
    return newest === null ? -1 : this.#numberOf(newest, newest.map[slice]!.primary);
  }

  #numberOf({ volcanos }: Projection, member: number): number {
    return this.#addresses.get(volcanos[member]!.addresses[0]!)!;
  }

  process(at: number): Process | null {
    return this.#volcanos[at]!.life;
  }

  /** A volcano that serves. */
  ringOf(at: number): Ring {
    const ring = this.#volcanos[at]!.life?.ring;
    if (ring == null) throw new Error(`volcano ${at} does not serve`);
    return ring;
  }

  #clock(at: number, life: number): VirtualClock {
    const random = this.#chance(`clock ${at} ${life}`);
    const wall = 1_600_000_000_000_000 + this.time.now + random.below(2 * CLOCK_OFF_US) - CLOCK_OFF_US;
    return this.time.clock({
      wall,
      driftPpm: random.below(2 * DRIFT_PPM) - DRIFT_PPM,
      origin: random.below(1_000_000),
    });
  }

  /** It may well tell of something that is wrong. */
  #isExcused({ at, failed, short }: Life, message: string): boolean {
    const { rotten, unsynced } = this.#volcanos[at]!;
    // Records that a mirror has, and its primary had not synced, may be in the mirror's log no more when the primary is back.
    return failed || short || rotten.length > 0 || (unsynced && message.startsWith('this volcano lacks records'));
  }

  #logger(life: Life): Logger {
    const text = (fields: object, message: string): string => {
      const { err, ...rest } = fields as { err?: unknown };
      const why = err === undefined ? '' : `: ${err instanceof Error ? err.stack : err}`;
      return `volcano ${life.at} logged: ${message} ${JSON.stringify(rest)}${why}`;
    };
    const into = (list: string[]) => (fields: object, message: string) => {
      if (life.alive)
        (this.#isExcused(life, message) ? this.warnings : list).push(`${this.time.now} µs: ${text(fields, message)}`);
    };
    const keep = into(this.faults);
    const warn = into(this.warnings);
    const debug = process.env.MAGMA_DEBUG ? warn : silentLogger.debug;
    return { ...silentLogger, error: keep, fatal: keep, warn, debug, child: () => this.#logger(life) };
  }

  start(at: number): void {
    const volcano = this.#volcanos[at]!;
    if (volcano.life !== null) return;
    volcano.host.powerOn();
    const { disk, clock } = volcano.next;
    const life = new Life(at, disk, clock, volcano.host.process(clock));
    disk.onStopped = () => this.crash(at, 'power');
    life.short = volcano.full;
    volcano.life = life;
    volcano.lives++;
    this.#allStarted ||= this.#volcanos.every(({ lives }) => lives > 0);
    this.#open(life).then(
      (ring) => {
        life.ring = ring;
        volcano.served = true;
      },
      (error: unknown) => {
        if (!life.alive) return;
        if (error instanceof JoinError && error.message.includes('it has left')) {
          this.#departed(at);
          return;
        }
        // Without the others, or with that disk, it cannot begin: whoever starts it tries again.
        if (!(error instanceof JoinError || life.failed || life.short))
          this.faults.push(`volcano ${at} does not start: ${error instanceof Error ? error.stack : error}`);
        this.crash(at, 'killed');
        this.time.after(RESTART_MS * 1000, () => this.start(at));
      },
    );
  }

  #open(life: Life): Promise<Ring> {
    const { at, disk, clock, net } = life;
    const random = this.#chance(`volcano ${at} ${this.#volcanos[at]!.lives}`);
    const logger = this.#logger(life);
    const others = this.#volcanos.slice(0, SEEDS_MAX + 1).filter((_, other) => other !== at);
    const first = at === 0 && !this.#volcanos[at]!.departed;
    const seeds = others.map(({ host }) => ({ address: host.addresses[0]!, port: NODE_PORT }));
    return openRing({
      ...usualOptions({ process: net, clock, random, nickname: `v${at}` }),
      ...{ disk, logger },
      open: async (how) => {
        const store = await openStore({
          ...{ disk, clock, random, logger },
          indexHost: async ({ disk }) => {
            const index = await inlineIndexHost({ disk });
            life.index = index;
            return index;
          },
          segmentBytes: 16 * 1024,
          root: { mode: 0o777 },
          limits: this.#limits,
          ...how,
        });
        const joint = this.#breaks.joint?.(store.joint, at, clock) ?? store.joint;
        Object.assign(store, { joint: this.#watched(life, 'joint', joint, ['prepare', 'resolve']) });
        life.store = store;
        return store;
      },
      boot: first,
      seeds: first ? [] : seeds,
      // What has called it is done first.
      left: () => this.time.after(0, () => life.alive && this.#departed(at)),
      replicas: this.replicas,
      failoverMs: this.failoverMs,
      register: this.#registerOf(life, random),
      balance: this.#balance(life),
      replication: (parts) => this.#replication(life, parts),
      failover: (parts) => this.#failover(life, parts),
    });
  }

  #registerOf({ at, clock }: Life, random: Random): NonNullable<RingOptions['register']> | null {
    const { register } = this;
    if (register === null) return null;
    return (networkId) => new SharedProjectionStore(register.client(at, clock, random), `magma/${networkId}/`);
  }

  #balance({ at }: Life): BalanceOptions | null {
    const options = this.#breaks.balance?.(at);
    if (options === undefined) return null;
    const told = ({ end }: MoveNote): void => {
      if (end === 'done') this.counts.balanced++;
      else this.counts.unmoved++;
    };
    return { ...options, told };
  }

  #failover(life: Life, parts: FailoverParts): Failover {
    const ask: FailoverParts['ask'] = (member, patienceMs) => {
      this.#moment(life, 'lease', 'sent');
      return parts.ask(member, patienceMs);
    };
    const make = this.#breaks.failover ?? ((all: FailoverParts) => new Failover(all));
    const failover = make({ ...parts, ask });
    const holds = failover.holds.bind(failover);
    life.holds = holds;
    failover.holds = (slice) => {
      const held = holds(slice);
      if (held && life.alive) this.#checkAlone(life, slice);
      return held;
    };
    return failover;
  }

  /** Who answers for a slice is the only one who does, whether he knows the newest map or not. */
  #checkAlone({ at, projection }: Life, slice: number): void {
    const owner = this.ownerOf(slice);
    if (owner === -1 || owner === at) return;
    const text = `volcano ${at} answers for slice ${slice} by epoch ${projection?.epoch}, and it belongs to volcano ${owner} by now`;
    if (this.faults.at(-1) !== text) this.faults.push(text);
  }

  #replication(life: Life, parts: ReplicationParts): Replication {
    const mirroring = new Mirroring({ ...parts, peers: this.#told(life, parts.peers) });
    life.replication = mirroring;
    const update = mirroring.update.bind(mirroring);
    mirroring.update = (projection) => {
      if (life.alive) this.#learned(life, projection);
      update(projection);
    };
    const tail = mirroring.tail.bind(mirroring);
    mirroring.tail = (ask) => {
      this.counts.tails++;
      return tail(ask);
    };
    const replication = this.#breaks.replication?.(mirroring, parts, life.at) ?? mirroring;
    return this.#watched(life, 'mirror', replication, ['append', 'followed', 'tail', 'common']);
  }

  /** The same, but that a volcano may be cut off when it is about to send records. */
  #told(life: Life, peers: Peers): Peers {
    return new Proxy(peers, {
      get: (target, name) => {
        if (name !== 'peer') return Reflect.get(target, name, target);
        return (member: MemberId) => {
          const { node } = target.peer(member);
          const append: MirrorNode['append'] = (message) => {
            const records = message.groups.flat().some(({ payload }) => !recordHead(payload).base);
            if (records) this.#moment(life, 'mirror', 'sent');
            return node.append(message);
          };
          return {
            node: {
              append,
              followed: (ask) => node.followed(ask),
              tail: (ask) => node.tail(ask),
              common: (ask) => node.common(ask),
            } satisfies MirrorNode,
          };
        };
      },
    });
  }

  /** A volcano goes by that map from now on. */
  #learned(life: Life, projection: Projection): void {
    life.projection = projection;
    const before = this.#newest;
    if (before !== null && projection.epoch <= before.epoch) return;
    this.#newest = projection;
    this.counts.maps++;
    if (before === null) return;
    const moved = new Set<number>();
    for (let slice = 0; slice < SLICES; slice++) {
      const was = this.#numberOf(before, before.map[slice]!.primary);
      const is = this.ownerOf(slice);
      if (was === is) continue;
      moved.add(slice);
      const { inSync } = projection.map[slice]!;
      const handedOver = inSync.some((member) => this.#numberOf(projection, member) === was);
      if (handedOver) this.#checkHandOver(slice, was, is);
      else this.#checkTakenOver(slice, was, is);
    }
    if (moved.size > 0) this.onForgotten?.((slice) => moved.has(slice));
  }

  /** From the moment when somebody may know that a slice was taken over, who had it holds no lease of it, or knows, too. */
  #checkTakenOver(slice: number, was: number, is: number): void {
    this.counts.taken++;
    const [left, got] = [was, is].map((at) => this.#volcanos[at]!.life?.store?.lastOf(slice).number ?? 0);
    if (left! > got!) this.counts.ahead++;
    const { life } = this.#volcanos[was]!;
    const map = life?.projection;
    if (life?.alive !== true || map == null || this.#numberOf(map, map.map[slice]!.primary) !== was) return;
    if (life.holds?.(slice) !== true) return;
    this.faults.push(`slice ${slice} was taken over by volcano ${is} while volcano ${was} held the leases`);
  }

  /** Who gets a slice has all that its owner has had of it: nothing more comes. */
  #checkHandOver(slice: number, was: number, is: number): void {
    const [old, next] = [was, is].map((at) => {
      const { life } = this.#volcanos[at]!;
      return life?.alive === true ? (life.store?.lastOf(slice).number ?? null) : null;
    });
    if (old == null || next == null || old <= next) return;
    this.faults.push(
      `slice ${slice} was handed over from volcano ${was} at ${old} to volcano ${is}, which is at ${next}`,
    );
  }

  /** The same, but that it may die when it is asked one of those, and when it is about to answer. */
  #watched<T extends object>(life: Life, kind: MessageKind, target: T, names: readonly (keyof T & string)[]): T {
    const asked = new Map<PropertyKey, unknown>();
    for (const name of names) {
      const method = (target[name] as (...args: unknown[]) => unknown).bind(target);
      asked.set(name, async (...args: unknown[]): Promise<unknown> => {
        const by = this.#memberIn(args[0]);
        if (!this.#moment(life, kind, 'arrived', by)) return new Promise(() => {});
        const answer = await method(...args);
        return this.#moment(life, kind, 'answered', by) ? answer : new Promise(() => {});
      });
    }
    return new Proxy(target, {
      get(real, name) {
        const known = asked.get(name);
        if (known !== undefined) return known;
        const value = Reflect.get(real, name, real) as unknown;
        if (typeof value !== 'function') return value;
        const bound = value.bind(real) as unknown;
        asked.set(name, bound);
        return bound;
      },
    });
  }

  /** The number of the volcano that says that it asks; undefined: it does not say. */
  #memberIn(argument: unknown): number | undefined {
    const { sender } = argument as { readonly sender?: MemberId };
    const at = sender === undefined || this.#newest === null ? -1 : indexOf(this.#newest, sender);
    return at === -1 ? undefined : this.#numberOf(this.#newest!, at);
  }

  /** False when the volcano is dead, or dies at this moment. */
  #moment(life: Life, kind: MessageKind, stage: MessageStage, by?: number): boolean {
    if (!life.alive) return false;
    this.onMoment?.({ kind, stage, at: life.at, ...(by === undefined ? {} : { by }) });
    return life.alive;
  }

  #observed({ at, from, to, packet, arrives }: PacketNote): void {
    if (packet.kind !== 'data') return;
    this.sentBytes += packet.data.length;
    if (this.onMoment === null) return;
    const sender = this.#addresses.get(from.address);
    const life = sender === undefined ? null : this.#volcanos[sender]!.life;
    if (life !== null) this.#moment(life, 'packet', 'sent');
    const receiver = this.#addresses.get(to.address);
    if (receiver === undefined) return;
    for (const when of arrives) {
      this.time.after(when - at, () => {
        const { life } = this.#volcanos[receiver]!;
        if (life !== null) this.#moment(life, 'packet', 'arrived');
      });
    }
  }

  ask<T>(at: number, identity: string | null, run: (service: FlareService) => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const arrive = (): void => {
      const { life } = this.#volcanos[at]!;
      if (life === null || life.ring === null || !this.#moment(life, 'client', 'arrived')) return;
      if (identity !== null && life.asked.has(identity)) return;
      if (identity !== null) life.asked.add(identity);
      const answer = (settle: () => void, error?: unknown): void => {
        if (identity !== null) life.asked.delete(identity);
        if (!this.#moment(life, 'client', 'answered')) return;
        if (error instanceof FlareError && error.status === 'IO') this.#checkFailed(identity);
        else if (identity !== null && !(error instanceof UnavailableError)) this.#checkCopies(identity);
        this.#messages.carry(at, -1, settle);
      };
      const { flares } = life.ring;
      const serve = (): void =>
        void (async () => run(flares))().then(
          (value) => answer(() => resolve(value)),
          (error: unknown) => answer(() => reject(error), error),
        );
      if (life.clock.hung) life.clock.soon(serve);
      else serve();
    };
    this.#messages.carry(-1, at, arrive, true);
    return promise;
  }

  /** A client is told of a failure only where nobody else can go on. */
  #checkFailed(identity: string | null): void {
    const single = this.#newest?.map.some(({ inSync }) => inSync.length === 0);
    // A log fails also when others take the room that it counts on between its looks.
    const failed = this.#disks.failed || this.#volcanos.some(({ life }) => life?.short === true && life.failed);
    if (!failed || !single) this.faults.push(`${identity ?? 'a look'} was answered with IO`);
  }

  /** What has been answered is durable on every volcano that the map says has it. */
  #checkCopies(identity: string): void {
    if (this.#newest !== null)
      this.faults.push(...missingCopies(this.#newest, identity, (member) => this.#storeOf(member)));
  }

  /** Of a place in the newest map; null while that volcano is dead. */
  #storeOf(member: number): LocalStore | null {
    const { life } = this.#volcanos[this.#numberOf(this.#newest!, member)]!;
    return life?.alive === true ? life.store : null;
  }

  #ended(life: Life): void {
    life.ended = true;
    const { replayed = 0, undone = 0, filled = 0 } = life.replication?.restored ?? {};
    this.counts.replayed += replayed;
    this.counts.undone += undone;
    this.counts.filled += filled;
  }

  /** What starts on that disk, or looks at it, is to find it sound. */
  #mended(volcano: Volcano, disk: SimulatedDisk): void {
    const { damaged, repaired } = this.#disks.mend(volcano, disk);
    this.counts.damaged += damaged;
    this.counts.repaired += repaired;
  }

  crash(at: number, how: 'power' | 'killed'): void {
    const volcano = this.#volcanos[at]!;
    const { life } = volcano;
    if (life === null) return;
    const owned = new Set<number>();
    for (const map of [this.#newest, life.projection]) {
      for (const [slice, { primary }] of map?.map.entries() ?? []) {
        if (this.#numberOf(map!, primary) === at) owned.add(slice);
      }
    }
    this.#ended(life);
    life.clock.stop();
    // A disk whose power has gone at a step of its own has lost its cache, too.
    const power = how === 'power' || life.disk.stopped;
    volcano.unsynced ||= power;
    if (power) volcano.host.powerOff();
    else life.net.kill();
    const clock = this.#clock(at, volcano.lives);
    const random = this.#chance(`crash ${at} ${volcano.lives}`);
    const disk = power ? life.disk.powerCut(random, clock) : life.disk.killed(clock);
    this.#mended(volcano, disk);
    volcano.next = { disk, clock, readFrom: life.index?.checkpointed.segment ?? 0 };
    volcano.life = null;
    this.onForgotten?.((slice) => owned.has(slice));
  }

  get quiet(): boolean {
    return this.#operating === 0 && this.#firstUnquiet().next().done === true;
  }

  unquiet(): string[] {
    return [...this.#firstUnquiet()];
  }

  #firstUnquiet(): Generator<string> {
    return unquietOf({
      volcanos: this.#volcanos,
      wanted: this.#allStarted ? this.count : this.#atFirst,
      newest: this.#newest,
      ownerOf: (slice) => this.ownerOf(slice),
    });
  }

  async differences(): Promise<string[]> {
    const newest = this.#newest!;
    const found: string[] = [];
    const copies = copiesWanted(newest);
    if (copies !== Math.min(this.replicas, this.count)) found.push(`there are ${copies} copies of everything`);
    for (const [slice, { inSync, filling }] of newest.map.entries()) {
      if (inSync.length !== copies - 1 || filling.length > 0)
        found.push(`slice ${slice} has ${inSync.length} mirrors, and ${filling.length} that are filled`);
    }
    const unlike = unlikeCopies(newest, (member) => this.#storeOf(member)!.replica);
    found.push(...(await this.time.settle(unlike, WAIT_MS)));
    return found;
  }

  step(): Promise<boolean> {
    return this.time.step();
  }

  async close(): Promise<readonly SimulatedDisk[]> {
    const disks: SimulatedDisk[] = [];
    for (const volcano of this.#volcanos) {
      const { life } = volcano;
      if (life === null) {
        this.#mended(volcano, volcano.next.disk);
        if (volcano.lives > 0) disks.push(volcano.next.disk);
        continue;
      }
      // Copies of calls that were answered long ago may still be on their way: they find nobody.
      this.#ended(life);
      if (life.ring !== null) await this.time.settle(life.ring.close(), WAIT_MS);
      else life.clock.stop();
      this.#mended(volcano, life.disk);
      disks.push(life.disk);
    }
    return disks;
  }
}
