import { createSocket, type Socket } from 'node:dgram';
import type { Clock, Timer } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { DatagramSocket, Endpoint } from '../net.ts';
import { familyOf, normalAddress, normalEndpoint } from './address.ts';
import { ANY, codeOf, type Family, PORT_TRIES_MAX, RECEIVE_BUFFER_BYTES, splitAddresses } from './ports.ts';

/** The most sockets of one binding; addresses beyond it are served by the wildcard socket. */
export const SOCKETS_MAX = 256;
/** How often the host's addresses are looked at anew, in milliseconds. */
export const RESCAN_MS = 10_000;
/** The least time between two looks when datagrams come to addresses that have no socket of their own. */
export const RESCAN_EARLY_MS = 1_000;

/** What a binding needs of its surroundings. */
export interface DatagramHost {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The host's addresses at this moment. */
  readonly addresses: () => readonly string[];
}

function ignore(): void {}

/** Opens one socket. `shared` lets others have the same port, on an address that covers this one or is covered by it. */
async function openSocket(address: string, port: number, shared: boolean): Promise<Socket> {
  const family = familyOf(address);
  const socket = createSocket({
    type: family === 4 ? 'udp4' : 'udp6',
    reuseAddr: shared,
    ipv6Only: family === 6,
    // Addresses are numeric: without this each send would wait for a turn of the event loop.
    lookup: (host, _options, callback) => callback(null, host, family),
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once('error', reject);
  socket.bind({ address, port, exclusive: true }, resolve);
  try {
    await promise;
  } catch (error) {
    socket.close();
    throw error;
  }
  socket.removeListener('error', reject);
  socket.on('error', ignore);
  return socket;
}

function closeSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(resolve));
}

/** Sockets on several addresses and one port that act as one. */
export class DatagramFamily implements DatagramSocket {
  readonly #host: DatagramHost;
  readonly #port: number;
  readonly #sockets = new Map<string, Socket>();
  readonly #any: readonly Family[];
  #handler: ((data: Buffer, from: Endpoint, to: Endpoint) => void) | undefined;
  #timer: Timer | undefined;
  #lastScan = 0;
  #scanning: Promise<void> | undefined;
  #closed = false;
  #receiveBytes = Number.POSITIVE_INFINITY;

  constructor(host: DatagramHost, port: number, any: readonly Family[]) {
    this.#host = host;
    this.#port = port;
    this.#any = any;
  }

  get local(): readonly Endpoint[] {
    return [...this.#sockets.keys()].map((address) => ({ address, port: this.#port }));
  }

  /** Adds a socket on that address. Rejects with the host's error. */
  async add(address: string, shared: boolean): Promise<void> {
    const socket = await openSocket(address, this.#port, shared);
    if (this.#closed) return closeSocket(socket);
    const to: Endpoint = { address: normalAddress(address), port: this.#port };
    const covered = address === ANY[4] || address === ANY[6];
    socket.on('message', (data, from) => {
      this.#handler?.(data, normalEndpoint(from.address, from.port), to);
      if (covered && this.#timer !== undefined) this.#rescanEarly();
    });
    this.#widen(socket, to.address);
    this.#sockets.set(to.address, socket);
  }

  /** Follows the host's addresses from now on: sockets come and go with them. */
  async follow(): Promise<void> {
    await this.#rescan();
    this.#arm();
  }

  onMessage(handler: (data: Buffer, from: Endpoint, to: Endpoint) => void): void {
    this.#handler = handler;
  }

  send(data: Uint8Array, to: Endpoint, from?: Endpoint): void {
    try {
      const socket = (from && this.#sockets.get(from.address)) ?? this.#anySocket(to.address);
      socket?.send(Buffer.from(data), to.port, to.address, ignore);
    } catch {
      // An impossible port or address: the datagram is lost, as it may be.
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    await this.#scanning;
    await Promise.all([...this.#sockets.values()].map(closeSocket));
    this.#sockets.clear();
  }

  #anySocket(to: string): Socket | undefined {
    const family = familyOf(to);
    const any = this.#sockets.get(ANY[family]);
    if (any !== undefined) return any;
    for (const [address, socket] of this.#sockets) if (familyOf(address) === family) return socket;
    return undefined;
  }

  #widen(socket: Socket, address: string): void {
    try {
      socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
      socket.setSendBufferSize(RECEIVE_BUFFER_BYTES);
    } catch (error) {
      this.#host.logger.warn({ address, err: error }, 'the host refused a larger UDP buffer');
    }
    const bytes = socket.getRecvBufferSize();
    if (bytes >= RECEIVE_BUFFER_BYTES || bytes >= this.#receiveBytes) return;
    this.#receiveBytes = bytes;
    this.#host.logger.info(
      { address, port: this.#port, bytes, wanted: RECEIVE_BUFFER_BYTES },
      'UDP receive buffer is smaller than wanted: bursts of requests may be lost; raise net.core.rmem_max',
    );
  }

  #arm(): void {
    if (this.#closed) return;
    this.#timer = this.#host.clock.after(RESCAN_MS, () => {
      this.#rescan().then(() => this.#arm());
    });
  }

  #rescanEarly(): void {
    if (this.#scanning === undefined && this.#host.clock.monotonic() - this.#lastScan >= RESCAN_EARLY_MS)
      this.#rescan();
  }

  #rescan(): Promise<void> {
    this.#lastScan = this.#host.clock.monotonic();
    this.#scanning ??= this.#followAddresses().finally(() => {
      this.#scanning = undefined;
    });
    return this.#scanning;
  }

  async #followAddresses(): Promise<void> {
    const wanted = new Set(this.#host.addresses().filter((address) => this.#any.includes(familyOf(address))));
    for (const [address, socket] of this.#sockets) {
      if (address === ANY[4] || address === ANY[6] || wanted.has(address)) continue;
      this.#sockets.delete(address);
      await closeSocket(socket);
    }
    for (const address of wanted) {
      if (this.#closed || this.#sockets.size >= SOCKETS_MAX) return;
      if (this.#sockets.has(address)) continue;
      try {
        await this.add(address, true);
      } catch (error) {
        // A tentative or vanishing address; the next look tries again, and the wildcard socket serves it meanwhile.
        this.#host.logger.debug({ address, port: this.#port, err: error }, 'no UDP socket on this address yet');
      }
    }
  }
}

/**
 * A port on which nobody listens, or that one, checked without sharing: with it, a second server on the same port would silently take
 * over from the first.
 */
async function freePort(any: readonly Family[], port: number): Promise<{ port: number; families: Family[] }> {
  const probes: Socket[] = [];
  const families: Family[] = [];
  let found = port;
  try {
    for (const family of any) {
      try {
        const probe = await openSocket(ANY[family], found, false);
        probes.push(probe);
        families.push(family);
        found = probe.address().port;
      } catch (error) {
        const missing = codeOf(error) === 'EAFNOSUPPORT' || codeOf(error) === 'EADDRNOTAVAIL';
        if (!missing || any.length === 1) throw error;
      }
    }
  } finally {
    await Promise.all(probes.map(closeSocket));
  }
  return { port: found, families };
}

async function tryBind(host: DatagramHost, addresses: readonly string[], port: number, sole: boolean) {
  const { any, fixed } = splitAddresses(addresses);
  if (any.length > 0) {
    const free = await freePort(any, port);
    const family = new DatagramFamily(host, free.port, free.families);
    try {
      for (const one of free.families) await family.add(ANY[one], !sole);
      if (!sole) await family.follow();
    } catch (error) {
      await family.close();
      throw error;
    }
    return family;
  }
  const first = await openSocket(fixed[0]!, port, false);
  const taken = first.address().port;
  await closeSocket(first);
  const family = new DatagramFamily(host, taken, []);
  try {
    for (const address of fixed) await family.add(address, false);
  } catch (error) {
    await family.close();
    throw error;
  }
  return family;
}

/** Binds UDP as `Net.bindDatagram` says; with port 0 it tries again when a port is not free on all addresses. */
export async function bindDatagrams(
  host: DatagramHost,
  addresses: readonly string[],
  port: number,
  sole: boolean,
): Promise<DatagramSocket> {
  const unique = [...new Set(addresses.map(normalAddress))];
  for (let tries = 1; ; tries++) {
    try {
      return await tryBind(host, unique, port, sole);
    } catch (error) {
      if (port !== 0 || codeOf(error) !== 'EADDRINUSE' || tries === PORT_TRIES_MAX) throw error;
    }
  }
}
