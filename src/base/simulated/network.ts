import type { Endpoint } from '../net.ts';
import type { Random } from '../random.ts';
import type { VirtualTime } from '../virtual-clock.ts';
import { type LinkConditions, NetFaults } from './faults.ts';
import { SimulatedHost } from './host.ts';

/** A packet's way through a host itself, in microseconds. */
const LOOPBACK_US = 20;
/** As many parts a chance is told apart in. */
const CHANCE_PARTS = 1_000_000;

/** What travels. Numbers count bytes of a stream from its beginning; its end counts as one. */
export type Packet =
  | { readonly kind: 'datagram'; readonly data: Buffer }
  | { readonly kind: 'open' | 'opened' | 'reset' | 'probe'; readonly id: number }
  | { readonly kind: 'data'; readonly id: number; readonly at: number; readonly data: Buffer; readonly last: boolean }
  | {
      readonly kind: 'taken';
      readonly id: number;
      readonly upTo: number;
      readonly window: number;
      readonly serial: number;
    };

/** One packet's fate, for who watches. Times are microseconds of virtual time. */
export interface PacketNote {
  readonly at: number;
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly packet: Packet;
  /** When it arrives: once, twice or never. */
  readonly arrives: readonly number[];
}

/** What a simulated network is made with. */
export interface SimulatedNetworkOptions {
  readonly time: VirtualTime;
  /** Decides everything that is left to chance; a seed reproduces the run. */
  readonly random: Random;
  /** Told of each packet that leaves a host. */
  readonly observe?: (note: PacketNote) => void;
}

/** A network among any number of simulated hosts, on virtual time. */
export class SimulatedNetwork {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly faults = new NetFaults();
  readonly #observe: ((note: PacketNote) => void) | undefined;
  readonly #hosts = new Map<string, SimulatedHost>();
  #connections = 0;

  constructor(options: SimulatedNetworkOptions) {
    this.time = options.time;
    this.random = options.random;
    this.#observe = options.observe;
  }

  /** A new host with those numeric addresses, besides loopback. Throws when another host has one of them. */
  host(name: string, addresses: readonly string[]): SimulatedHost {
    for (const address of addresses) {
      if (this.#hosts.has(address)) throw new RangeError(`${address} is taken by another host`);
    }
    const host = new SimulatedHost(this, name, addresses);
    for (const address of host.addresses) this.#hosts.set(address, host);
    return host;
  }

  /** A number for a connection that no other one has: what initial sequence numbers are for in TCP. */
  nextConnection(): number {
    this.#connections += 1;
    return this.#connections;
  }

  /** Sends a packet on its way. */
  send(host: SimulatedHost, from: Endpoint, to: Endpoint, packet: Packet): void {
    const target = host.has(to.address) ? host : this.#hosts.get(to.address);
    const arrives = target === undefined ? [] : this.#travel(host, target, packet);
    this.#observe?.({ at: this.time.now, from, to, packet, arrives });
    if (target === undefined) return;
    for (const at of arrives) this.time.after(at - this.time.now, () => target.receive(from, to, packet));
  }

  /** True when a connection is to break between two hosts at this moment. */
  breaks(from: SimulatedHost, to: string): boolean {
    const target = this.#hosts.get(to);
    if (target === undefined || target === from) return false;
    return this.#chance(this.faults.between(from.name, target.name)?.reset ?? 0);
  }

  #travel(from: SimulatedHost, to: SimulatedHost, packet: Packet): number[] {
    const { now } = this.time;
    if (from === to) return [now + LOOPBACK_US];
    const link = this.faults.between(from.name, to.name);
    if (link === null || this.#chance(link.loss)) return [];
    const arrives = [now + this.#delay(link)];
    if (packet.kind === 'datagram' && this.#chance(link.duplicate)) arrives.push(now + this.#delay(link));
    return arrives;
  }

  #delay(link: LinkConditions): number {
    const late = this.#chance(link.late) ? link.lateMs : 0;
    const jitter = link.jitterMs > 0 ? this.random.below(Math.ceil(link.jitterMs * 1000) + 1) : 0;
    return Math.ceil((link.delayMs + late) * 1000) + jitter;
  }

  #chance(chance: number): boolean {
    return chance > 0 && this.random.below(CHANCE_PARTS) < chance * CHANCE_PARTS;
  }
}
