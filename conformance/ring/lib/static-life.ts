import type { SimulatedDisk } from '../../../src/base/simulated-disk.ts';
import type { VirtualClock } from '../../../src/base/virtual-clock.ts';
import type { Router } from '../../../src/dht/router.ts';
import type { JointPart, JointStore } from '../../../src/flare/joint.ts';
import type { LocalStore } from '../../../src/flare/store/local-store.ts';
import type { Process } from './world.ts';

/** What a mutation test breaks: each is handed the real thing and gives what is used in its place. */
export interface Breaks {
  readonly joint?: (joint: JointStore, at: number, clock: VirtualClock) => JointStore;
  /** The disk that a volcano is first started with. */
  readonly disk?: (clock: VirtualClock) => SimulatedDisk;
}

/** One life of a store with its router. */
export class Life implements Process {
  readonly at: number;
  readonly disk: SimulatedDisk;
  readonly clock: VirtualClock;
  store: LocalStore | null = null;
  router: Router | null = null;
  joint: JointPart | null = null;
  ended = false;
  /** Identities of clients' calls in progress. */
  readonly asked = new Set<string>();
  /** Called at its death. */
  readonly mourners = new Set<() => void>();

  constructor(at: number, disk: SimulatedDisk, clock: VirtualClock) {
    this.at = at;
    this.disk = disk;
    this.clock = clock;
  }

  get alive(): boolean {
    return !this.ended && !this.disk.stopped;
  }
}

/** A volcano, with its life while it has one. */
export interface Volcano {
  life: Life | null;
  lives: number;
  /** What the next life begins with. */
  next: { readonly disk: SimulatedDisk; readonly clock: VirtualClock };
}
