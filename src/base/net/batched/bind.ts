import type { DatagramSocket, Endpoint } from '../../net.ts';
import { normalAddress } from '../address.ts';
import { ANY, codeOf, type Family, PORT_TRIES_MAX, RECEIVE_BUFFER_BYTES, splitAddresses } from '../ports.ts';
import { familyOfWords } from './endpoint.ts';
import type { Engine } from './engine.ts';
import { fail, type Host } from './host.ts';
import * as layout from './layout.ts';
import { BatchedSocket, type SocketHost } from './socket.ts';

const ON = new Uint32Array([1]);

/** Sockets that act as one: one a family for all addresses, or one for each address. */
class BatchedDatagrams implements DatagramSocket {
  readonly #engine: Engine;
  readonly #sockets: readonly BatchedSocket[];

  constructor(engine: Engine, sockets: readonly BatchedSocket[]) {
    this.#engine = engine;
    this.#sockets = sockets;
  }

  get local(): readonly Endpoint[] {
    return this.#sockets.map((socket) => socket.local);
  }

  get lost(): { readonly received: number; readonly sent: number } {
    let [received, sent] = [0, 0];
    for (const socket of this.#sockets) {
      received += socket.missed;
      sent += socket.unsent;
    }
    return { received, sent };
  }

  onMessage(handler: (data: Buffer, from: Endpoint, to: Endpoint) => void): void {
    for (const socket of this.#sockets) socket.handler = handler;
  }

  send(data: Uint8Array, to: Endpoint, from?: Endpoint): void {
    const { endpoints } = this.#engine;
    const peer = endpoints.words(to);
    if (peer === undefined) return;
    const own = from === undefined ? undefined : endpoints.words(from);
    const family = familyOfWords(peer);
    const socket = this.#socketFor(family, from);
    socket?.send(data, peer, own !== undefined && familyOfWords(own) === family ? own : undefined);
  }

  async close(): Promise<void> {
    await Promise.all(this.#sockets.map((socket) => socket.close()));
  }

  #socketFor(family: 4 | 6, from: Endpoint | undefined): BatchedSocket | undefined {
    let first: BatchedSocket | undefined;
    for (const socket of this.#sockets) {
      if (socket.family !== family) continue;
      if (from === undefined || socket.local.address === from.address) return socket;
      first ??= socket;
    }
    return first;
  }
}

/** Gives the socket large buffers, beyond the host's limit if this process may. */
function widen(host: Host, surroundings: SocketHost, fd: number, place: Endpoint): void {
  const wanted = new Uint32Array([RECEIVE_BUFFER_BYTES]);
  for (const [force, option] of [
    [layout.SO_RCVBUFFORCE, layout.SO_RCVBUF],
    [layout.SO_SNDBUFFORCE, layout.SO_SNDBUF],
  ] as const)
    if (host.setsockopt(fd, layout.SOL_SOCKET, force, wanted, 4) < 0)
      host.setsockopt(fd, layout.SOL_SOCKET, option, wanted, 4);
  const got = new Uint32Array(1);
  host.getsockopt(fd, layout.SOL_SOCKET, layout.SO_RCVBUF, got, new Uint32Array([4]));
  const fields = { address: place.address, port: place.port, bytes: got[0], wanted: RECEIVE_BUFFER_BYTES };
  if (got[0]! >= RECEIVE_BUFFER_BYTES) surroundings.logger.debug(fields, 'UDP receive buffer');
  else
    surroundings.logger.info(
      fields,
      'UDP receive buffer is smaller than wanted: bursts of requests may be lost; raise net.core.rmem_max',
    );
}

function openSocket(engine: Engine, surroundings: SocketHost, address: string, port: number): BatchedSocket {
  const { host, endpoints } = engine;
  const name = endpoints.words({ address, port });
  if (name === undefined) throw new TypeError(`${JSON.stringify(address)} is no numeric IPv4 or IPv6 address`);
  const family = familyOfWords(name);
  const text = `${address}:${port}`;
  const fd = host.socket(layout.AF[family], layout.SOCK_DGRAM, 0);
  if (fd < 0) fail(host, 'socket', text);
  try {
    const [level, option] =
      family === 4 ? [layout.IPPROTO_IP, layout.IP_PKTINFO] : [layout.IPPROTO_IPV6, layout.IPV6_RECVPKTINFO];
    if (host.setsockopt(fd, level, option, ON, 4) < 0) fail(host, 'setsockopt', text);
    if (family === 6 && host.setsockopt(fd, level, layout.IPV6_V6ONLY, ON, 4) < 0) fail(host, 'setsockopt', text);
    if (host.bind(fd, name, layout.SOCKADDR_BYTES[family]) < 0) fail(host, 'bind', text);
    const socket = new BatchedSocket(engine, surroundings, fd, family);
    widen(host, surroundings, fd, socket.local);
    return socket;
  } catch (error) {
    host.close(fd);
    throw error;
  }
}

/** A host without one of the families serves the other. */
function isMissing(error: unknown): boolean {
  return codeOf(error) === 'EAFNOSUPPORT' || codeOf(error) === 'EADDRNOTAVAIL';
}

async function bindAll(engine: Engine, surroundings: SocketHost, addresses: readonly string[], port: number) {
  const { any, fixed } = splitAddresses(addresses);
  const wanted = any.length > 0 ? any.map((family: Family) => ANY[family]) : fixed;
  const sockets: BatchedSocket[] = [];
  for (const address of wanted) {
    try {
      sockets.push(openSocket(engine, surroundings, address, sockets[0]?.local.port ?? port));
    } catch (error) {
      const last = address === wanted.at(-1);
      if (any.length > 1 && isMissing(error) && !(last && sockets.length === 0)) continue;
      await Promise.all(sockets.map((socket) => socket.close()));
      throw error;
    }
  }
  return new BatchedDatagrams(engine, sockets);
}

/** Binds UDP as `Net.bindDatagram` says; with port 0 it tries again when a port is not free on all addresses. */
export async function bindBatched(
  engine: Engine,
  surroundings: SocketHost,
  addresses: readonly string[],
  port: number,
): Promise<DatagramSocket> {
  const unique = [...new Set(addresses.map(normalAddress))];
  for (let tries = 1; ; tries++) {
    try {
      return await bindAll(engine, surroundings, unique, port);
    } catch (error) {
      if (port !== 0 || codeOf(error) !== 'EADDRINUSE' || tries === PORT_TRIES_MAX) throw error;
    }
  }
}
