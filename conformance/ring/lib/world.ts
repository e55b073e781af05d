import type { Random } from '../../../src/base/random.ts';
import type { SimulatedDisk } from '../../../src/base/simulated-disk.ts';
import type { VirtualTime } from '../../../src/base/virtual-clock.ts';
import type { FlareService } from '../../../src/flare/service.ts';
import type { FlareId } from '../../../src/flare/types.ts';
import type { SharedRegister } from './shared-register.ts';

/**
 * What a message belongs to: a client's call, a call that a volcano passes on, an operation over several owners, records for a mirror, a lease that is asked for, or a packet of
 * whatever between two volcanos.
 */
export type MessageKind = 'client' | 'service' | 'joint' | 'mirror' | 'lease' | 'packet';

/** Where a message is: about to be sent, just arrived, or done with and about to be answered. */
export type MessageStage = 'sent' | 'arrived' | 'answered';

/** One step in the way of a message: a moment at which a volcano may die. */
export interface MessageMoment {
  readonly kind: MessageKind;
  readonly stage: MessageStage;
  /** The volcano that is at work in this step. */
  readonly at: number;
  /** The volcano that asked, when that is known. */
  readonly by?: number;
}

/** How the network behaves; may be changed at any time. */
export interface NetworkMood {
  /** The longest usual way of a message, in milliseconds. */
  delayMs: number;
  /** So many of 1,000 messages take up to 100 times that. */
  late: number;
  /** So many of 1,000 messages are lost. */
  lost: number;
  /** So many of 1,000 requests arrive twice. */
  doubled: number;
  /** With so many of 1,000 pieces of a stream the connection breaks. */
  broken: number;
}

/** What may go wrong, by chance. */
export type Trouble =
  | 'crashAtTime'
  | 'crashAtJoint'
  | 'crashAtCall'
  | 'crashAtMirror'
  | 'crashAtPacket'
  | 'crashAtDiskStep'
  | 'slowDisk'
  | 'part'
  | 'isolate'
  | 'partOneWay'
  | 'hang'
  | 'hangAsking'
  | 'crashAhead'
  | 'leaveBehind'
  | 'registerAway'
  | 'clockJump'
  | 'fullDisk'
  | 'failedSync'
  | 'takeover'
  | 'leave'
  | 'rot'
  | 'join';

/** One life of a volcano, from its start to its death. */
export interface Process {
  readonly at: number;
  readonly disk: SimulatedDisk;
  /** False from the moment of its death: nothing that it does is seen by anybody. */
  readonly alive: boolean;
  /** A sync of its disk has failed, or is about to: it is of no use any more. */
  readonly failed?: boolean;
}

/** Several volcanos that can be made to fail, and the way to ask them. */
export interface World {
  readonly time: VirtualTime;
  /** How many volcanos there are. */
  readonly count: number;
  /** Within how many milliseconds one that is gone is replaced; 0: it is waited for. */
  readonly failoverMs: number;
  /** How the network behaves; changed by `setMood`. */
  readonly network: Readonly<NetworkMood>;
  setMood(mood: Partial<NetworkMood>): void;
  /** What may go wrong here, each as often as it is named. */
  readonly troubles: readonly Trouble[];
  /** For how long things go wrong, in virtual milliseconds: at least that, and less than twice as long. */
  readonly troubledMs: number;
  /** How many calls clients make together, and how many more at most. */
  readonly calls: { readonly least: number; readonly more: number };
  /** The longest usual pause of a client between two calls, in milliseconds. */
  readonly pauseMs: number;
  /** How much goes wrong in a run, at most. */
  readonly deedsMax: number;
  /** Steps within which all must be quiet once everything is well. */
  readonly stepsMax: number;
  /** Told of every step of every message, before it is made. */
  onMoment: ((moment: MessageMoment) => void) | null;
  /** Told, by its slices, of what is remembered in memory only and is forgotten now: at a death, or when the slices get another owner. */
  onForgotten: ((owned: (slice: number) => boolean) => void) | null;
  /** What should not have happened: starts that failed, errors that were logged. */
  readonly faults: string[];
  /** What volcanos logged as warnings, for a report. */
  readonly warnings: readonly string[];
  /** Which volcano owns a slice. */
  ownerOf(slice: number): number;
  /** The root of the tree; some volcano must serve. */
  root(): FlareId;
  /** Starts those volcanos that are there from the beginning. */
  begin(): void;
  /** The volcanos that clients may ask: all that there have been so far, dead or alive. */
  gateways(): readonly number[];
  /** The volcano's life; null while it is dead. */
  process(at: number): Process | null;
  /**
   * A client's call of that volcano. Never settles when the call or the answer is lost, or the volcano dies. A call whose identity is in progress there is
   * dropped, as the RPC layer does.
   */
  ask<T>(at: number, identity: string | null, run: (service: FlareService) => Promise<T>): Promise<T>;
  /** Ends a volcano at once: by a power cut, or, `killed`, with what it has written still there. */
  crash(at: number, how: 'power' | 'killed'): void;
  /** Starts a dead volcano on what its disk holds. */
  start(at: number): void;
  /** Cuts the connection between two volcanos, or mends it; `oneWay`: only what `one` sends is lost. */
  part(one: number, other: number, parted: boolean, oneWay?: boolean): void;
  /** A volcano does not run for so many milliseconds, as when it is stopped with a signal. */
  hang(at: number, milliseconds: number): void;
  /** Where the maps are kept, if volcanos share that; null: the first volcano keeps them. */
  readonly register: SharedRegister | null;
  /** Sets a volcano's wall clock: so many milliseconds wrong; 0: right. */
  setClock(at: number, wrongMs: number): void;
  /** The volcano that keeps the maps; -1: none does. */
  readonly arbiter: number;
  /** The operator tells that volcano to leave, or to stay after all. */
  leave(at: number, leaves: boolean): void;
  /** The operator has another volcano keep the maps (`magma takeover`), if that is needed and can be; `breaksOff`: perhaps not to the end. What was begun before is then brought to an end. */
  takeOver(breaksOff: boolean): void;
  /** The next sync of a volcano's disk fails, and the volcano may say so. */
  failSync(at: number): void;
  /** Turns a bit over in the log of a dead volcano, where its next life does not look at its start; it is turned back when that ends. Says where; null: there is no such place. */
  rot(at: number, random: Random): string | null;
  /** A volcano has found something damaged that nobody could give it: it is to be restored. */
  hasLost(at: number): boolean;
  /** Leaves so many bytes on a volcano's disk; `Infinity`: it is large enough. */
  leaveRoom(at: number, bytes: number): void;
  /** Some disk was full at some time: changes may have been refused for that. */
  readonly wasFull: boolean;
  /** True when all volcanos serve, and no operation over several owners is under way or remembered. */
  readonly quiet: boolean;
  /** What is not quiet, for a report. */
  unquiet(): string[];
  /** What is not as it should be, now that all is quiet. */
  differences(): Promise<string[]>;
  /** Lets the next event happen. False when there is none. */
  step(): Promise<boolean>;
  /** How often what is worth counting has happened, for a report. */
  readonly counts: Readonly<Record<string, number>>;
  /** Whether volcanos hold copies of what others own. */
  readonly mirrored: boolean;
  /** Stops all volcanos cleanly, and gives the disks of all that there have been. */
  close(): Promise<readonly SimulatedDisk[]>;
}

/** A generator for one part of a run, that does not depend on how much chance others take. */
export type Chance = (part: string) => Random;
