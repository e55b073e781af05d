import type { Clock, Timer } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { DatagramSocket, Endpoint, Net, Stream, StreamListener } from '../base/net.ts';
import { DEFAULT_BOUNDS, type RpcBounds } from './bounds.ts';
import { Dispatcher, type Exchange } from './dispatch.ts';
import { Load } from './load.ts';
import type { RpcObserver } from './observer.ts';
import type { Program } from './program.ts';
import { Connection } from './tcp.ts';
import { Throttle } from './throttle.ts';
import { UdpService } from './udp.ts';
import { XdrWriter } from './xdr.ts';

/** How often a port is looked for that is free for UDP and TCP. */
const PORT_TRIES_MAX = 20;
/** How long `stop` waits for callers to close their end, at most. */
const CLOSE_MS = 2_000;
/** The part of the shortest of its times after which connections are looked at. */
const SWEEP_PART = 4;

/** What a server is made with. */
export interface RpcServerOptions {
  readonly net: Net;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Others than `DEFAULT_BOUNDS`. */
  readonly bounds?: Partial<RpcBounds>;
  readonly observer?: RpcObserver;
}

/** What to serve, and where. */
export interface ListenOptions {
  /** The programs of this port. */
  readonly programs: readonly Program[];
  /** Numeric local addresses; none means all. */
  readonly addresses?: readonly string[];
  /** 0 takes a free one, the same for UDP and TCP. */
  readonly port: number;
  /** Both, unless said otherwise. */
  readonly transports?: readonly ('udp' | 'tcp')[];
}

/** Where programs are served. */
export interface Listening {
  readonly port: number;
  readonly udp: readonly Endpoint[];
  readonly tcp: readonly Endpoint[];
}

/** Serves ONC RPC programs over UDP and TCP (RFC 5531), on any number of ports, within its bounds. */
export class RpcServer {
  readonly #net: Net;
  readonly #bounds: RpcBounds;
  readonly #exchange: Exchange;
  readonly #refused: Throttle;
  readonly #udp: UdpService[] = [];
  readonly #listeners: StreamListener[] = [];
  readonly #connections = new Set<Connection>();
  readonly #perAddress = new Map<string, number>();
  #sweep: Timer | undefined;
  #stopping: Promise<void> | undefined;
  #allGone: (() => void) | undefined;

  constructor(options: RpcServerOptions) {
    this.#net = options.net;
    this.#bounds = { ...DEFAULT_BOUNDS, ...options.bounds };
    this.#exchange = {
      clock: options.clock,
      logger: options.logger,
      observer: options.observer,
      load: new Load(this.#bounds.inFlight),
      writer: new XdrWriter(),
      inProgress: new Map(),
    };
    this.#refused = new Throttle(options.clock);
  }

  /** Open TCP connections. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Calls that wait for their answer. */
  get inFlight(): number {
    return this.#exchange.load.inFlight;
  }

  /** Serves programs on one more port. Rejects with the host's error (`code` EADDRINUSE, EACCES, ...), and serves nothing of it then. */
  async listen(options: ListenOptions): Promise<Listening> {
    if (this.#stopping !== undefined) throw new Error('this RPC server has been stopped');
    const dispatcher = new Dispatcher(this.#exchange, options.programs);
    const { socket, listener } = await this.#bind(options);
    if (this.#stopping !== undefined) {
      await Promise.all([socket?.close(), listener?.close()]);
      throw new Error('this RPC server has been stopped');
    }
    if (socket !== undefined) this.#udp.push(new UdpService(this.#exchange, this.#bounds, dispatcher, socket));
    if (listener !== undefined) {
      this.#listeners.push(listener);
      listener.onConnection((stream) => this.#accept(stream, dispatcher));
      this.#sweep ??= this.#armSweep();
    }
    const udp = socket?.local ?? [];
    const tcp = listener?.local ?? [];
    return { port: (udp[0] ?? tcp[0])?.port ?? 0, udp, tcp };
  }

  /**
   * An address is not this host's any more. Connections that came to it are reset: their peers go on with who has it now, and when it comes back, what this host still thinks
   * of such a connection would not fit what the peer thinks of its next one, which has the same ports.
   */
  forsake(address: string): void {
    for (const connection of this.#connections) if (connection.server.address === address) connection.destroy(true);
  }

  /** Cuts connections off, by what calls have as theirs (`CallContext.connection`). */
  cut(which: (connection: object) => boolean): void {
    for (const connection of this.#connections) if (which(connection)) connection.destroy();
  }

  /** Takes no more calls, answers those under way, and closes everything; after `stopMs` whatever is still there is cut off. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #bind(options: ListenOptions): Promise<{ socket?: DatagramSocket; listener?: StreamListener }> {
    const { addresses = [], port, transports = ['udp', 'tcp'] } = options;
    if (!transports.includes('udp')) return { listener: await this.#net.listen(addresses, port) };
    for (let tries = 1; ; tries++) {
      const socket = await this.#net.bindDatagram(addresses, port);
      if (!transports.includes('tcp')) return { socket };
      try {
        return { socket, listener: await this.#net.listen(addresses, socket.local[0]?.port ?? port) };
      } catch (error) {
        await socket.close();
        const taken = (error as { code?: unknown }).code === 'EADDRINUSE';
        if (port !== 0 || !taken || tries === PORT_TRIES_MAX) throw error;
      }
    }
  }

  #accept(stream: Stream, dispatcher: Dispatcher): void {
    const { observer, logger } = this.#exchange;
    const { remote } = stream;
    const fromThere = this.#perAddress.get(remote.address) ?? 0;
    const full = this.#connections.size >= this.#bounds.connections || fromThere >= this.#bounds.connectionsPerAddress;
    if (full || this.#stopping !== undefined) {
      stream.destroy();
      observer?.connection?.('refused', remote);
      const fields = { client: remote.address, connections: this.#connections.size, fromThere };
      this.#refused.run((held) => logger.warn({ ...fields, before: held }, 'too many connections: one was refused'));
      return;
    }
    this.#perAddress.set(remote.address, fromThere + 1);
    const connection: Connection = new Connection(this.#exchange, this.#bounds, dispatcher, stream, () =>
      this.#gone(connection),
    );
    this.#connections.add(connection);
    observer?.connection?.('opened', remote);
  }

  #gone(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    const { address } = connection.client;
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, left);
    this.#exchange.observer?.connection?.('closed', connection.client);
    if (this.#connections.size === 0) this.#allGone?.();
  }

  #armSweep(): Timer {
    const { clock } = this.#exchange;
    return clock.after(Math.min(this.#bounds.idleMs, this.#bounds.stallMs) / SWEEP_PART, () => {
      const now = clock.monotonic();
      for (const connection of this.#connections) connection.sweep(now);
      if (this.#stopping === undefined) this.#sweep = this.#armSweep();
    });
  }

  async #stop(): Promise<void> {
    const { clock, load, logger } = this.#exchange;
    this.#sweep?.cancel();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    for (const service of this.#udp) service.refuse();
    for (const connection of this.#connections) connection.refuse();
    const over = Promise.withResolvers<void>();
    const timer = clock.after(this.#bounds.stopMs, over.resolve);
    await Promise.race([load.whenIdle(), over.promise]);
    if (load.inFlight > 0)
      logger.warn({ calls: load.inFlight }, 'stopped without waiting any longer for calls under way');
    timer.cancel();
    for (const connection of this.#connections) connection.end();
    const closing = clock.after(Math.min(CLOSE_MS, this.#bounds.stopMs), () => this.#allGone?.());
    await this.#whenAllGone();
    closing.cancel();
    for (const connection of this.#connections) connection.destroy();
    await this.#whenAllGone();
    await Promise.all(this.#udp.map((service) => service.socket.close()));
  }

  #whenAllGone(): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#allGone = resolve;
    });
  }
}
