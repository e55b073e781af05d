import type { Clock } from '../../clock.ts';
import type { Logger } from '../../logger.ts';
import type { Endpoint } from '../../net.ts';
import { BATCH_DATAGRAMS } from './batch.ts';
import type { Engine } from './engine.ts';
import { fail } from './host.ts';
import * as layout from './layout.ts';
import { LATER, REFUSED, SEND_DATAGRAM_BYTES_MAX, SendQueue } from './send.ts';
import type { Watch } from './watch.ts';

/** The least time between two looks at how many datagrams were lost, in milliseconds. */
export const LOSSES_MS = 10_000;
/** So much is sent before the turn ends: what is still in the processor's cache is copied faster. */
const FLUSH_BYTES = 256 * 1024;

type Handler = (data: Buffer, from: Endpoint, to: Endpoint) => void;

/** What a socket needs of its surroundings. */
export interface SocketHost {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One UDP socket on one address, which may be that for all of its family. */
export class BatchedSocket {
  readonly local: Endpoint;
  readonly family: 4 | 6;
  /** Gets each datagram. */
  handler: Handler | undefined;
  /** Datagrams that were not sent: refused by the host, or there were too many. */
  unsent = 0;
  readonly #engine: Engine;
  readonly #surroundings: SocketHost;
  readonly #fd: number;
  readonly #portWord: number;
  readonly #queue: SendQueue;
  /** The host can cut a message into datagrams. */
  readonly #cuts: boolean;
  readonly #watch: Watch;
  #nextLook: number;
  #missed = 0;
  #receiving = false;
  #blocked = false;
  #flushing = false;
  #closed = false;

  /** Takes over a bound, non-blocking descriptor. */
  constructor(engine: Engine, surroundings: SocketHost, fd: number, family: 4 | 6) {
    this.#engine = engine;
    this.#surroundings = surroundings;
    this.#fd = fd;
    this.family = family;
    this.#queue = new SendQueue(engine.host);
    const { level, type } = layout.SEGMENT;
    this.#cuts = engine.host.getsockopt(fd, level, type, new Uint32Array(1), new Uint32Array([4])) === 0;
    const name = new Uint32Array(layout.NAME_WORDS);
    if (engine.host.getsockname(fd, name, new Uint32Array([layout.NAME_BYTES])) < 0)
      fail(engine.host, 'getsockname', '');
    this.#portWord = name[0]!;
    this.local =
      family === 4
        ? engine.endpoints.ipv4(name[0]!, name[layout.ADDRESS_WORD[4]]!)
        : engine.endpoints.ipv6(name[0]!, name, layout.ADDRESS_WORD[6], name[layout.SCOPE_WORD]!);
    this.#nextLook = surroundings.clock.monotonic() + LOSSES_MS;
    this.#watch = engine.watcher.watch(fd, layout.UV_READABLE, (events) => this.#ready(events));
  }

  /** Datagrams that came while the receive buffer was full, as the host counts them. */
  get missed(): number {
    if (this.#closed) return this.#missed;
    const words = new Uint32Array(layout.MEMINFO_WORDS);
    const bytes = new Uint32Array([layout.MEMINFO_WORDS * 4]);
    const got = this.#engine.host.getsockopt(this.#fd, layout.SOL_SOCKET, layout.SO_MEMINFO, words, bytes);
    return got < 0 ? 0 : words[layout.MEMINFO_DROPS_WORD]!;
  }

  /** Copies a datagram, for the end of this turn. `to` and `from` are socket addresses of this family. */
  send(data: Uint8Array, to: Uint32Array, from: Uint32Array | undefined): void {
    if (this.#closed) return;
    if (data.length > SEND_DATAGRAM_BYTES_MAX || !this.#queue.push(data, to, from)) {
      this.unsent += 1;
      return;
    }
    if (this.#blocked) return;
    if (this.#queue.length >= BATCH_DATAGRAMS || this.#queue.bytes >= FLUSH_BYTES) this.#flush();
    else if (!this.#receiving && !this.#flushing) {
      this.#flushing = true;
      setImmediate(flushLater, this);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#flush();
    this.#reportMissed();
    this.#closed = true;
    const gone = this.#watch.close();
    this.#engine.host.close(this.#fd);
    await gone;
  }

  /** Sends what was gathered. */
  flushNow(): void {
    this.#flushing = false;
    if (!this.#closed && !this.#blocked) this.#flush();
  }

  #ready(events: number): void {
    if (events < 0) this.#await(this.#blocked);
    if (events < 0 || (events & layout.UV_READABLE) !== 0) this.#receive();
    if (this.#closed || !this.#blocked || (events > 0 && (events & layout.UV_WRITABLE) === 0)) return;
    this.#blocked = false;
    this.#await(false);
    this.#flush();
  }

  #receive(): void {
    const { receiver } = this.#engine;
    const { family, local } = this;
    const count = receiver.take(this.#fd);
    this.#receiving = true;
    for (let n = 0; n < count && !this.#closed; n++) {
      const to = receiver.to(n, family, this.#portWord) ?? local;
      try {
        this.handler?.(receiver.data(n), receiver.from(n, family), to);
      } catch (error) {
        // As from any other callback: but the datagrams behind it are not to suffer.
        process.nextTick(rethrow, error);
      }
    }
    this.#receiving = false;
    receiver.renew(count);
    if (this.#closed) return;
    if (this.#queue.length > 0 && !this.#blocked) this.#flush();
    if (count === BATCH_DATAGRAMS && this.#surroundings.clock.monotonic() >= this.#nextLook) this.#reportMissed();
  }

  #flush(): void {
    const { sender } = this.#engine;
    const queue = this.#queue;
    while (queue.length > 0) {
      queue.fill(sender, this.family, this.#cuts);
      const sent = sender.send(this.#fd);
      if (sent === LATER) {
        this.#blocked = true;
        this.#await(true);
        return;
      }
      if (sent === REFUSED) this.unsent += 1;
      queue.drop(sent === REFUSED ? 1 : sent);
    }
  }

  #await(writable: boolean): void {
    this.#watch.want(writable ? layout.UV_READABLE | layout.UV_WRITABLE : layout.UV_READABLE);
  }

  #reportMissed(): void {
    const { clock, logger } = this.#surroundings;
    this.#nextLook = clock.monotonic() + LOSSES_MS;
    const total = this.missed;
    const lost = (total - this.#missed) >>> 0;
    this.#missed = total;
    if (lost === 0) return;
    const { address, port } = this.local;
    logger.warn({ address, port, lost, total }, 'UDP datagrams were lost because the receive buffer was full');
  }
}

function flushLater(socket: BatchedSocket): void {
  socket.flushNow();
}

function rethrow(error: unknown): never {
  throw error;
}
