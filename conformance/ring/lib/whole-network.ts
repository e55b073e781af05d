import { type PacketNote, SimulatedNetwork } from '../../../src/base/simulated/network.ts';
import type { VirtualTime } from '../../../src/base/virtual-clock.ts';
import { Messages } from './messages.ts';
import type { Chance, NetworkMood } from './world.ts';

/** The network of whole volcanos, `v0` and on, and the ways of clients to them, in one mood. */
export class WholeNetwork {
  readonly net: SimulatedNetwork;
  /** The ways of clients; those between volcanos are the network's. */
  readonly messages: Messages;
  readonly #partitions = new Map<string, () => void>();

  constructor(time: VirtualTime, chance: Chance, observe: (note: PacketNote) => void) {
    this.messages = new Messages(time, chance('messages'));
    this.net = new SimulatedNetwork({ time, random: chance('network'), observe });
  }

  /** `World.setMood`. */
  setMood(mood: Partial<NetworkMood>): void {
    const { mood: now } = this.messages;
    Object.assign(now, mood);
    this.net.faults.set({
      jitterMs: now.delayMs,
      late: now.late / 1000,
      lateMs: 100 * now.delayMs,
      loss: now.lost / 1000,
      duplicate: now.doubled / 1000,
      reset: now.broken / 1000,
    });
  }

  /** `World.part`. */
  part(one: number, other: number, parted: boolean, oneWay: boolean): void {
    const pair = `${Math.min(one, other)} ${Math.max(one, other)}`;
    this.#partitions.get(pair)?.();
    this.#partitions.delete(pair);
    if (parted) this.#partitions.set(pair, this.net.faults.partition([`v${one}`], [`v${other}`], { oneWay }));
  }
}
