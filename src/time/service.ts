import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { DatagramSocket, Endpoint, Net, Stream, StreamListener } from '../base/net.ts';
import { Throttle } from '../rpc/throttle.ts';

/** The port of TIME (RFC 868). */
export const TIME_PORT = 37;
/** Seconds from 1900, from which RFC 868 counts, to 1970. */
const EPOCH = 2_208_988_800;
const MICROSECONDS = 1_000_000;
/** The most connections at a time; further ones are closed without an answer. */
export const CONNECTIONS_MAX = 64;
/** After that long a caller who does not close his end is cut off, in milliseconds. */
export const LINGER_MS = 2_000;
/** Ports of services that answer whatever comes: an answer to them would be answered, for ever. */
const ANSWERING: ReadonlySet<number> = new Set([0, 7, 13, 17, 19, TIME_PORT]);

/** What the time is served with. */
export interface TimeOptions {
  readonly net: Net;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Numeric local addresses; none means all. */
  readonly addresses: readonly string[];
  /** 0 takes a free one, the same for UDP and TCP. */
  readonly port: number;
  /** Seconds that are added: for machines that take no year from a certain one on. */
  readonly offset: number;
}

/** The time as it is sent: seconds since 1900, which begin anew in 2036 (RFC 868). */
export function timeBytes(clock: Clock, offset: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE((Math.floor(clock.now() / MICROSECONDS) + EPOCH + offset) >>> 0);
  return bytes;
}

/** TIME over UDP and TCP, as `rdate` of SunOS and others ask at boot (FIELD.md row 26). */
export class TimeService {
  readonly port: number;
  readonly #options: TimeOptions;
  readonly #socket: DatagramSocket;
  readonly #listener: StreamListener;
  readonly #streams = new Set<Stream>();
  readonly #full: Throttle;

  private constructor(options: TimeOptions, socket: DatagramSocket, listener: StreamListener) {
    this.#options = options;
    this.#socket = socket;
    this.#listener = listener;
    this.#full = new Throttle(options.clock);
    this.port = socket.local[0]?.port ?? options.port;
    socket.onMessage((_data, from, to) => this.#answer(from, to));
    listener.onConnection((stream) => this.#accept(stream));
  }

  /** Serves it. Rejects with the host's error; then nothing is served. */
  static async open(options: TimeOptions): Promise<TimeService> {
    const socket = await options.net.bindDatagram(options.addresses, options.port);
    try {
      const listener = await options.net.listen(options.addresses, socket.local[0]?.port ?? options.port);
      return new TimeService(options, socket, listener);
    } catch (error) {
      await socket.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const stream of this.#streams) stream.destroy();
    await Promise.all([this.#socket.close(), this.#listener.close()]);
  }

  #now(): Buffer {
    return timeBytes(this.#options.clock, this.#options.offset);
  }

  #answer(from: Endpoint, to: Endpoint): void {
    if (!ANSWERING.has(from.port)) this.#socket.send(this.#now(), from, to);
  }

  #accept(stream: Stream): void {
    const { clock, logger } = this.#options;
    if (this.#streams.size >= CONNECTIONS_MAX) {
      stream.destroy();
      const fields = { client: stream.remote.address, connections: this.#streams.size };
      this.#full.run((before) => logger.warn({ ...fields, before }, 'too many ask for the time: one was refused'));
      return;
    }
    this.#streams.add(stream);
    const late = clock.after(LINGER_MS, () => stream.destroy());
    stream.onClose(() => {
      late.cancel();
      this.#streams.delete(stream);
    });
    stream.write(this.#now());
    stream.end();
  }
}
