import { connect, createServer, type Server, type Socket } from 'node:net';
import type { ConnectOptions, Endpoint, Stream, StreamListener } from '../net.ts';
import { familyOf, normalAddress, normalEndpoint } from './address.ts';
import type { LentMemory } from './lent-memory.ts';
import { PORT_TRIES_MAX } from './ports.ts';

/** Silence on a connection, in milliseconds, after which the host asks whether the peer is still there. */
export const KEEP_ALIVE_MS = 60_000;
/** How long a connection may take to open, unless the caller says otherwise. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** A socket of the host as a `Stream`. */
export class SystemStream implements Stream {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #socket: Socket;
  readonly #lent: LentMemory | null;
  #error: Error | undefined;
  #onClose: ((error?: Error) => void) | undefined;
  #onEnd: () => void = () => this.end();

  /** `lent`: what the socket reads into, if it does not take memory of its own. */
  constructor(socket: Socket, lent: LentMemory | null = null) {
    this.#lent = lent;
    this.#socket = socket;
    this.local = normalEndpoint(socket.localAddress ?? '', socket.localPort ?? 0);
    this.remote = normalEndpoint(socket.remoteAddress ?? '', socket.remotePort ?? 0);
    socket.on('error', (error) => {
      this.#error = error;
    });
    socket.on('end', () => this.#onEnd());
    socket.on('close', () => this.#onClose?.(this.#error));
  }

  onData(handler: (data: Buffer) => void): void {
    if (this.#lent === null) this.#socket.on('data', handler);
    else this.#lent.onData(handler);
  }

  onClose(handler: (error?: Error) => void): void {
    this.#onClose = handler;
    if (this.#socket.closed) queueMicrotask(() => handler(this.#error));
  }

  onEnd(handler: () => void): void {
    this.#onEnd = handler;
  }

  onDrain(handler: () => void): void {
    this.#socket.on('drain', handler);
  }

  write(data: Uint8Array): boolean {
    return this.#socket.writable && this.#socket.write(data);
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  get queued(): number {
    return this.#socket.writableLength;
  }

  end(): void {
    this.#socket.end();
  }

  destroy(reset = false): void {
    if (reset) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }
}

/** Makes the server that is to listen on an address. */
export type MakeServer = (address: string) => Server;

const plainServer: MakeServer = () =>
  createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });

function listenOne(address: string, port: number, make: MakeServer): Promise<Server> {
  const server = make(address);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port, ipv6Only: false, exclusive: true }, () => {
      server.removeListener('error', reject);
      // Errors of accepting (no more descriptors) pass; the next connection is accepted again.
      server.on('error', () => {});
      resolve(server);
    });
  });
}

async function listenAny(port: number, make: MakeServer): Promise<Server[]> {
  try {
    return [await listenOne('::', port, make)];
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') throw error;
    return [await listenOne('0.0.0.0', port, make)];
  }
}

/** Where a server listens. */
export function endpointOf(server: Server): Endpoint {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server without an address');
  return normalEndpoint(address.address, address.port);
}

async function listenAll(addresses: readonly string[], port: number, make: MakeServer): Promise<Server[]> {
  if (addresses.length === 0) return listenAny(port, make);
  const servers: Server[] = [];
  try {
    for (const address of addresses) {
      const first = servers[0];
      servers.push(await listenOne(address, first === undefined ? port : endpointOf(first).port, make));
    }
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
  return servers;
}

class SystemListener implements StreamListener {
  readonly local: readonly Endpoint[];
  readonly #servers: readonly Server[];

  constructor(servers: readonly Server[]) {
    this.#servers = servers;
    this.local = servers.map(endpointOf);
  }

  onConnection(handler: (stream: Stream) => void): void {
    for (const server of this.#servers) {
      server.on('connection', (socket) => {
        // A peer that is gone already has no address any more.
        if (socket.remoteAddress === undefined) socket.destroy();
        else handler(new SystemStream(socket));
      });
    }
  }

  async close(): Promise<void> {
    // The callback of close() waits for open connections too, and those stay.
    for (const server of this.#servers) server.close();
  }
}

/** Listening sockets for those addresses, as `Net.listen` says. Nobody takes their connections yet, unless the servers are made so. */
export async function openServers(
  addresses: readonly string[],
  port: number,
  make: MakeServer = plainServer,
): Promise<readonly Server[]> {
  const unique = [...new Set(addresses.map(normalAddress))];
  // Listening on :: covers IPv4.
  const wanted = unique.includes('::') ? [] : unique;
  for (const address of wanted) familyOf(address);
  for (let tries = 1; ; tries++) {
    try {
      return await listenAll(wanted, port, make);
    } catch (error) {
      const taken = (error as { code?: unknown }).code === 'EADDRINUSE';
      if (port !== 0 || !taken || tries === PORT_TRIES_MAX) throw error;
    }
  }
}

/** Listens on TCP as `Net.listen` says. */
export async function listenStreams(addresses: readonly string[], port: number): Promise<StreamListener> {
  return new SystemListener(await openServers(addresses, port));
}

/** Connects as `Net.connect` says. Rejects with the host's error, or with code ETIMEDOUT. */
export function connectStream(to: Endpoint, options: ConnectOptions = {}): Promise<Stream> {
  familyOf(to.address);
  const timeout = options.timeoutMs ?? CONNECT_TIMEOUT_MS;
  const { localAddress } = options;
  const socket = connect({
    host: to.address,
    port: to.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  return new Promise((resolve, reject) => {
    const give = (): void => {
      const error = new Error(`no connection to ${to.address} port ${to.port} within ${timeout} ms`);
      socket.destroy(Object.assign(error, { code: 'ETIMEDOUT' }));
    };
    socket.setTimeout(timeout, give);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.removeListener('timeout', give);
      socket.removeListener('error', reject);
      resolve(new SystemStream(socket));
    });
  });
}
