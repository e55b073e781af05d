import { isLoopback } from '../address.ts';
import type { Clock } from '../clock.ts';
import { familyOf, normalAddress } from '../net/address.ts';
import { ANY } from '../net/ports.ts';
import type { Endpoint } from '../net.ts';
import type { SimulatedDatagrams } from './datagrams.ts';
import type { Packet, SimulatedNetwork } from './network.ts';
import { SimulatedProcess } from './process.ts';
import type { Tcp } from './tcp.ts';

/** Ports that are given out when none is asked for. */
const FREE_PORT_FIRST = 32_768;
const FREE_PORTS = 28_000;

/** A TCP port that is listened on. */
export interface SimulatedPort {
  readonly local: readonly Endpoint[];
  readonly process: SimulatedProcess;
  /** Makes the host's end of a new connection. */
  accept(local: Endpoint, remote: Endpoint, id: number): Tcp;
}

function nameOf(local: Endpoint, remote: Endpoint): string {
  return `${local.address} ${local.port} ${remote.address} ${remote.port}`;
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code });
}

/** True when one of each would be the same socket. */
function clash(bound: readonly Endpoint[], port: number, addresses: readonly string[]): boolean {
  return bound.some(
    (one) =>
      one.port === port &&
      addresses.some((address) => {
        if (familyOf(one.address) !== familyOf(address)) return false;
        const any = ANY[familyOf(address)];
        return one.address === address || one.address === any || address === any;
      }),
  );
}

/** A machine on a simulated network. Its processes come and go; what its kernel knows lives until the power goes. */
export class SimulatedHost {
  readonly network: SimulatedNetwork;
  readonly name: string;
  /** Normalised; without loopback. */
  readonly addresses: readonly string[];
  readonly datagrams = new Set<SimulatedDatagrams>();
  readonly ports = new Set<SimulatedPort>();
  readonly #connections = new Map<string, Tcp>();
  readonly #processes = new Set<SimulatedProcess>();
  #nextPort = 0;
  #up = true;

  constructor(network: SimulatedNetwork, name: string, addresses: readonly string[]) {
    for (const address of addresses) familyOf(address);
    this.network = network;
    this.name = name;
    this.addresses = addresses.map(normalAddress);
  }

  get up(): boolean {
    return this.#up;
  }

  /** The network as a new process on this host has it. Its waiting goes by `clock`. */
  process(clock: Clock): SimulatedProcess {
    if (!this.#up) throw new Error(`${this.name} is switched off`);
    const made = new SimulatedProcess(this, clock);
    this.#processes.add(made);
    return made;
  }

  /** All sockets are gone at once, without a word: peers meet silence, and resets when the host is back. */
  powerOff(): void {
    this.#up = false;
    for (const process of this.#processes) process.vanish();
    for (const tcp of [...this.#connections.values()]) tcp.vanish();
    this.#processes.clear();
    this.#connections.clear();
    this.datagrams.clear();
    this.ports.clear();
  }

  /** The host is there again, without any process. */
  powerOn(): void {
    this.#up = true;
  }

  /** True for an address of this host, loopback included. */
  has(address: string): boolean {
    return this.addresses.includes(address) || isLoopback(address);
  }

  /** From which address what goes there leaves, of a socket bound to those; null when it cannot. */
  sourceFor(to: string, bound: readonly string[]): string | null {
    let family: 4 | 6;
    try {
      family = familyOf(to);
    } catch {
      return null;
    }
    const any = ANY[family];
    const fixed = bound.find((address) => address !== any && familyOf(address) === family && this.has(address));
    if (fixed !== undefined) return fixed;
    if (!bound.includes(any)) return null;
    if (this.has(to)) return to;
    return this.addresses.find((address) => familyOf(address) === family) ?? null;
  }

  /** A port to bind to at those addresses, free for that protocol. Throws EADDRNOTAVAIL and EADDRINUSE. */
  choosePort(kind: 'udp' | 'tcp', addresses: readonly string[], port: number): number {
    for (const address of addresses) {
      if (address !== ANY[4] && address !== ANY[6] && !this.has(address)) throw failure('EADDRNOTAVAIL');
    }
    const bound = [...(kind === 'udp' ? this.datagrams : this.ports)].flatMap((one) => one.local);
    if (port !== 0) {
      if (clash(bound, port, addresses)) throw failure('EADDRINUSE');
      return port;
    }
    for (let tries = 0; tries < FREE_PORTS; tries++) {
      const found = this.freePort();
      if (!clash(bound, found, addresses)) return found;
    }
    throw failure('EADDRINUSE');
  }

  /** The next of the ports that are given out. */
  freePort(): number {
    this.#nextPort = (this.#nextPort + 1) % FREE_PORTS;
    return FREE_PORT_FIRST + this.#nextPort;
  }

  /** Keeps a connection until `forget`. */
  keep(tcp: Tcp): void {
    this.#connections.set(nameOf(tcp.local, tcp.remote), tcp);
  }

  forget(tcp: Tcp): void {
    const name = nameOf(tcp.local, tcp.remote);
    if (this.#connections.get(name) === tcp) this.#connections.delete(name);
  }

  /** True when there is a connection between these ends. */
  connected(local: Endpoint, remote: Endpoint): boolean {
    return this.#connections.has(nameOf(local, remote));
  }

  /** A packet for this host. */
  receive(from: Endpoint, to: Endpoint, packet: Packet): void {
    if (!this.#up) return;
    if (packet.kind === 'datagram') {
      this.#receiveDatagram(packet.data, from, to);
      return;
    }
    const known = this.#connections.get(nameOf(to, from));
    if (known?.id === packet.id) {
      known.receive(packet);
      return;
    }
    if (packet.kind === 'reset') return;
    if (packet.kind === 'open' && this.#accept(from, to, packet.id)) return;
    this.network.send(this, to, from, { kind: 'reset', id: packet.id });
  }

  #receiveDatagram(data: Buffer, from: Endpoint, to: Endpoint): void {
    for (const exactly of [true, false]) {
      for (const socket of this.datagrams) {
        if (!socket.listens(to, exactly)) continue;
        socket.receive(data, from, to);
        return;
      }
    }
  }

  #accept(from: Endpoint, to: Endpoint, id: number): boolean {
    for (const port of this.ports) {
      if (!clash(port.local, to.port, [to.address])) continue;
      // An older connection between the same ends is one that the peer has forgotten.
      this.#connections.get(nameOf(to, from))?.vanish();
      port.accept(to, from, id);
      return true;
    }
    return false;
  }
}
