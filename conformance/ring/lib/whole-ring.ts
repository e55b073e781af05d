import type { Random } from '../../../src/base/random.ts';
import type { PacketNote } from '../../../src/base/simulated/network.ts';
import { SimulatedDisk } from '../../../src/base/simulated-disk.ts';
import { type VirtualClock, VirtualTime } from '../../../src/base/virtual-clock.ts';
import type { Projection } from '../../../src/dht/projection/types.ts';
import { JoinError } from '../../../src/dht/volcano/join.ts';
import type { Ring } from '../../../src/dht/volcano.ts';
import type { FlareService } from '../../../src/flare/service.ts';
import type { StoreLimits } from '../../../src/flare/store/limits.ts';
import { SMALL } from '../../../src/flare/store/testing/harness.ts';
import type { FlareId } from '../../../src/flare/types.ts';
import { SimulatedOperator } from './operator.ts';
import { Operators } from './operators.ts';
import { SharedRegister } from './shared-register.ts';
import { unquietOf } from './unquiet.ts';
import { WholeClients } from './whole-clients.ts';
import { WHOLE_COUNTS, type WholeCounts } from './whole-counts.ts';
import { WholeDisks } from './whole-disks.ts';
import { Life, sizeOf, type Volcano, type WholeBreaks } from './whole-life.ts';
import { WholeMap } from './whole-map.ts';
import { WholeNetwork } from './whole-network.ts';
import { Opening, type OpeningParts } from './whole-opening.ts';
import { WHOLE_TROUBLES } from './whole-troubles.ts';
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

/** Milliseconds that closing may take before the run is given up. */
const WAIT_MS = 600_000;
/** A volcano that could not start is started again after so long, in milliseconds, as by who looks after the host's services. */
const RESTART_MS = 1000;
/** Bounds by which a run has no checkpoint. */
const SELDOM: Partial<StoreLimits> = { compactionMinBytes: 400_000, pendingUnits: 2000 };
const LIMITS: Partial<StoreLimits> = { ...SMALL, cacheBytes: 3000, replays: 1000, refusals: 1000 };
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
  readonly counts: WholeCounts = { ...WHOLE_COUNTS };
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
  readonly #chance: Chance;
  readonly #atFirst: number;
  readonly failoverMs: number;
  readonly #network: WholeNetwork;
  readonly #volcanos: Volcano[] = [];
  readonly #addresses = new Map<string, number>();
  /** What volcanos have sent each other: connections' bytes, without headers. */
  sentBytes = 0;
  /** All have been started: all are to serve before it is quiet. */
  #allStarted = false;
  readonly #map: WholeMap;
  readonly #opening: Opening;
  readonly #operators: Operators;
  readonly #clients: WholeClients;

  constructor({ chance, breaks = {} }: WholeRingOptions) {
    const random = chance('size');
    const { volcanos, replicas, atFirst } = breaks.ring ?? sizeOf(random);
    this.count = volcanos;
    this.replicas = replicas;
    this.#atFirst = atFirst;
    this.troubles = breaks.troubles ?? WHOLE_TROUBLES;
    // Troubles that a mutation needs may concern who does not arbitrate.
    const shared = random.below(2) === 0 && breaks.troubles === undefined;
    this.register = shared ? new SharedRegister() : null;
    this.failoverMs = [2000, 3000, 5000][random.below(3)]!;
    // A checkpoint of an index in memory costs time: few runs make one for each small segment.
    const compacted = random.below(4) === 0;
    const limits = compacted ? LIMITS : { ...LIMITS, ...SELDOM };
    this.#chance = chance;
    this.#network = new WholeNetwork(this.time, chance, (note) => this.#observed(note));
    for (let at = 0; at < this.count; at++) {
      const address = `10.0.${(at + 1) >> 8}.${(at + 1) & 255}`;
      this.#addresses.set(address, at);
      const clock = this.#clock(at, 0);
      const disk = new SimulatedDisk({ clock });
      // What is on a mirror's disk may or may not be on its primary's already.
      disk.delays = { read: 0.02, write: 0.1, sync: [0.3, 1, 8][random.below(3)]!, name: 0.05 };
      this.#volcanos.push({
        host: this.#network.net.host(`v${at}`, [address]),
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
    this.#map = new WholeMap({
      ...{ volcanos: this.#volcanos, numbers: this.#addresses, counts: this.counts, faults: this.faults },
      forgotten: (moved) => this.onForgotten?.(moved),
    });
    const moment: OpeningParts['moment'] = (life, kind, stage, by) => this.#moment(life, kind, stage, by);
    this.#opening = new Opening({
      ...{ time: this.time, chance, breaks, limits, replicas, failoverMs: this.failoverMs, register: this.register },
      ...{ volcanos: this.#volcanos, map: this.#map },
      ...{ counts: this.counts, faults: this.faults, warnings: this.warnings },
      moment,
      departed: (at) => this.#departed(at),
    });
    const operator = (): SimulatedOperator => new SimulatedOperator(this.time, this.#network.net, chance('operator'));
    this.#operators = new Operators(this.time, this.counts, operator);
    this.#clients = new WholeClients({
      ...{ volcanos: this.#volcanos, messages: this.#network.messages, disks: this.#disks, map: this.#map },
      ...{ faults: this.faults, moment },
    });
  }

  get network(): Readonly<NetworkMood> {
    return this.#network.messages.mood;
  }

  setMood(mood: Partial<NetworkMood>): void {
    this.#network.setMood(mood);
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
    this.#network.part(one, other, parted, oneWay);
  }

  /** Of the newest map. */
  get arbiter(): number {
    return this.#map.arbiter;
  }

  takeOver(breaksOff: boolean): void {
    if (this.register === null && this.#map.newest !== null) this.#operators.takeOver(() => this.map, breaksOff);
  }

  leave(at: number, leaves: boolean): void {
    const { newest } = this.#map;
    const member = newest?.volcanos.find((_, index) => this.#map.numberOf(newest, index) === at);
    if (newest !== null && member !== undefined) this.#operators.leave(newest, member.id, leaves);
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

  begin(): void {
    for (let at = 0; at < this.#atFirst; at++) this.start(at);
  }

  gateways(): readonly number[] {
    return [...this.#volcanos.keys()].filter((at) => this.#volcanos[at]!.served);
  }

  /** The newest map; there must be one. */
  get map(): Projection {
    return this.#map.newest!;
  }

  root(): FlareId {
    for (const { life } of this.#volcanos) if (life?.ring != null) return life.ring.flares.root();
    throw new Error('no volcano serves');
  }

  /** Of volcano numbers, not of places in the map. -1: nobody's. */
  ownerOf(slice: number): number {
    return this.#map.ownerOf(slice);
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
    this.#opening.open(life).then(
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
    return this.#clients.ask(at, identity, run);
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
    for (const map of [this.#map.newest, life.projection]) {
      for (const [slice, { primary }] of map?.map.entries() ?? []) {
        if (this.#map.numberOf(map!, primary) === at) owned.add(slice);
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
    return !this.#operators.busy && this.#firstUnquiet().next().done === true;
  }

  unquiet(): string[] {
    return [...this.#firstUnquiet()];
  }

  #firstUnquiet(): Generator<string> {
    return unquietOf({
      volcanos: this.#volcanos,
      wanted: this.#allStarted ? this.count : this.#atFirst,
      newest: this.#map.newest,
      ownerOf: (slice) => this.ownerOf(slice),
    });
  }

  differences(): Promise<string[]> {
    return this.time.settle(this.#map.differences(Math.min(this.replicas, this.count)), WAIT_MS);
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
