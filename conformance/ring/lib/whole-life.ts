import type { Random } from '../../../src/base/random.ts';
import type { SimulatedHost } from '../../../src/base/simulated/host.ts';
import type { SimulatedProcess } from '../../../src/base/simulated/process.ts';
import type { SimulatedDisk } from '../../../src/base/simulated-disk.ts';
import type { VirtualClock } from '../../../src/base/virtual-clock.ts';
import type { BalanceOptions } from '../../../src/dht/balance/balancer.ts';
import type { Failover, FailoverParts } from '../../../src/dht/failover/failover.ts';
import type { Projection } from '../../../src/dht/projection/types.ts';
import type { Mirroring } from '../../../src/dht/replication/mirroring.ts';
import type { Replication, ReplicationParts } from '../../../src/dht/volcano/replication.ts';
import type { Ring } from '../../../src/dht/volcano.ts';
import type { IndexHost } from '../../../src/flare/index/types.ts';
import type { JointStore } from '../../../src/flare/joint.ts';
import type { LocalStore } from '../../../src/flare/store/local-store.ts';
import type { Process, Trouble } from './world.ts';

/** What a mutation test breaks: each is handed the real thing and gives what is used in its place. */
export interface WholeBreaks {
  readonly joint?: (joint: JointStore, at: number, clock: VirtualClock) => JointStore;
  readonly replication?: (replication: Mirroring, parts: ReplicationParts, at: number) => Replication;
  readonly failover?: (parts: FailoverParts) => Failover;
  /** How a volcano takes part in the balance; it does not when absent. */
  readonly balance?: (at: number) => BalanceOptions;
  /** What brings it out; anything when absent. */
  readonly troubles?: readonly Trouble[];
  /** What kind of ring brings it out; by chance when absent. */
  readonly ring?: RingSize;
}

/** How many volcanos there are in the end and at first, and copies of each slice. */
export interface RingSize {
  readonly volcanos: number;
  readonly atFirst: number;
  readonly replicas: number;
}

/** A size by chance. */
export function sizeOf(random: Random): RingSize {
  const volcanos = [1, 2, 2, 3, 3, 3, 4, 5][random.below(8)]!;
  const replicas = [1, 2, 2, 2, 3][random.below(5)]!;
  return { volcanos, replicas, atFirst: random.below(3) === 0 ? volcanos : 1 + random.below(volcanos) };
}

/** One life of a whole volcano. */
export class Life implements Process {
  readonly at: number;
  readonly disk: SimulatedDisk;
  readonly clock: VirtualClock;
  readonly net: SimulatedProcess;
  store: LocalStore | null = null;
  replication: Mirroring | null = null;
  holds: ((slice: number) => boolean) | null = null;
  projection: Projection | null = null;
  /** Null until it serves. */
  ring: Ring | null = null;
  ended = false;
  /** Its disk had no room at some time: it may say so, also later. */
  short = false;
  /** A sync of its disk is to fail. */
  failing = false;
  index: IndexHost | null = null;
  /** How far its wall clock was set off, in microseconds. */
  wrong = 0;
  /** Identities of clients' calls in progress. */
  readonly asked = new Set<string>();

  constructor(at: number, disk: SimulatedDisk, clock: VirtualClock, net: SimulatedProcess) {
    this.at = at;
    this.disk = disk;
    this.clock = clock;
    this.net = net;
  }

  get alive(): boolean {
    return !this.ended && !this.disk.stopped;
  }

  get failed(): boolean {
    return this.failing || this.store?.replica.sound === false;
  }
}

/** A volcano: its host, and its life while it has one. */
export interface Volcano {
  readonly host: SimulatedHost;
  life: Life | null;
  lives: number;
  /** It has served, in some life: clients know of it. */
  served: boolean;
  /** Its disk has no room, and it may say so. */
  full: boolean;
  /** It has lost power in some life, and with it what it had not synced. */
  unsynced: boolean;
  /** Where its log is damaged. */
  readonly rotten: { readonly name: string; readonly position: number }[];
  /** It has left the network in some life: it begins none. */
  departed: boolean;
  /** What the next life begins with, and the segment from which on it reads its log then. */
  next: { readonly disk: SimulatedDisk; readonly clock: VirtualClock; readonly readFrom: number };
}
