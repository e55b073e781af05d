import type { Clock, Timer } from '../base/clock.ts';
import type { DatagramSocket, Endpoint, Net, Stream } from '../base/net.ts';
import { Outgoing } from './outgoing.ts';
import { RecordReader, TurnRecordMemory } from './record.ts';
import { RpcError } from './rpc-error.ts';
import { XdrError, XdrWriter } from './xdr.ts';

/** How a client's messages travel. */
export interface ClientTransport {
  readonly local: Endpoint;
  /** Resolves with the reply that has the message's xid (its first four bytes). Rejects with `RpcError` TIMEOUT or CLOSED. */
  exchange(message: Buffer, patience: Patience): Promise<Buffer>;
  /** As `exchange`, with the message that `write` writes, at once and only once; it begins with `xid`. What `write` throws is thrown, and nothing is sent. */
  ask(xid: number, write: (writer: XdrWriter) => void, patience: Patience): Promise<Buffer>;
  /** Sends bytes as they are: a datagram, or a piece of the stream. */
  sendRaw(bytes: Buffer): void;
  /** True while a call with that xid waits. */
  awaits(xid: number): boolean;
  /** Rejects what waits with CLOSED. */
  close(): Promise<void>;
}

/** How long to wait for a reply. */
export interface Patience {
  /** Over TCP: how long, in milliseconds. Over UDP: how long until the first retransmission; each further wait is twice as long. */
  readonly timeoutMs: number;
  /** Over UDP: how often the call is sent at most. */
  readonly tries: number;
}

interface Waiting {
  readonly resolve: (reply: Buffer) => void;
  readonly reject: (error: RpcError) => void;
  timer: Timer | undefined;
}

/** Calls that wait for their replies, by xid. */
class Outstanding {
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(xid: number): boolean {
    return this.#waiting.has(xid);
  }

  /** Sends, and waits; `send` is called up to `tries` times, first before this returns: when it throws then, nothing is waited for. */
  wait(xid: number, patience: Patience, send: () => void): Promise<Buffer> {
    if (this.#waiting.has(xid)) return Promise.reject(new RpcError('CLOSED', `a call with xid ${xid} waits already`));
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const waiting: Waiting = { resolve, reject, timer: undefined };
    this.#waiting.set(xid, waiting);
    const attempt = (left: number, ms: number): void => {
      send();
      waiting.timer = this.#clock.after(ms, () => {
        if (left > 1) attempt(left - 1, ms * 2);
        else if (this.#waiting.delete(xid)) reject(new RpcError('TIMEOUT', `no reply after ${patience.tries} tries`));
      });
    };
    try {
      attempt(patience.tries, patience.timeoutMs);
    } catch (error) {
      this.#waiting.delete(xid);
      throw error;
    }
    return promise;
  }

  /** Gives a reply to whoever waits for it; others are ignored. */
  settle(reply: Buffer): void {
    if (reply.length < 4) return;
    const xid = reply.readUInt32BE(0);
    const waiting = this.#waiting.get(xid);
    if (waiting === undefined) return;
    this.#waiting.delete(xid);
    waiting.timer?.cancel();
    waiting.resolve(reply);
  }

  fail(error: RpcError): void {
    for (const waiting of this.#waiting.values()) {
      waiting.timer?.cancel();
      waiting.reject(error);
    }
    this.#waiting.clear();
  }
}

/** Calls as datagrams to one peer, sent again until there is a reply. */
export class UdpTransport implements ClientTransport {
  readonly #socket: DatagramSocket;
  readonly #to: Endpoint;
  readonly #outstanding: Outstanding;
  #closed = false;

  constructor(socket: DatagramSocket, to: Endpoint, clock: Clock) {
    this.#socket = socket;
    this.#to = to;
    this.#outstanding = new Outstanding(clock);
    socket.onMessage((data, from) => {
      // The memory is the socket's.
      if (from.address === to.address && from.port === to.port) this.#outstanding.settle(Buffer.from(data));
    });
  }

  /** Opens a socket of its own, on `localAddress` when given. */
  static async open(net: Net, clock: Clock, to: Endpoint, localAddress?: string): Promise<UdpTransport> {
    const any = to.address.includes(':') ? '::' : '0.0.0.0';
    const socket = await net.bindDatagram([localAddress ?? any], 0, { sole: true });
    return new UdpTransport(socket, to, clock);
  }

  get local(): Endpoint {
    return this.#socket.local[0] ?? { address: '0.0.0.0', port: 0 };
  }

  exchange(message: Buffer, patience: Patience): Promise<Buffer> {
    if (this.#closed) return Promise.reject(new RpcError('CLOSED', 'this client has been closed'));
    return this.#outstanding.wait(message.readUInt32BE(0), patience, () => this.sendRaw(message));
  }

  ask(_xid: number, write: (writer: XdrWriter) => void, patience: Patience): Promise<Buffer> {
    // The writer is used once: its memory is the message's.
    const writer = new XdrWriter();
    write(writer);
    return this.exchange(writer.written(), patience);
  }

  sendRaw(bytes: Buffer): void {
    this.#socket.send(bytes, this.#to);
  }

  awaits(xid: number): boolean {
    return this.#outstanding.has(xid);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#outstanding.fail(new RpcError('CLOSED', 'this client has been closed'));
    await this.#socket.close();
  }
}

/** The largest reply that a client takes over TCP unless told otherwise, in bytes. */
export const REPLY_BYTES_MAX = 4 * 1024 * 1024;
/** The most fragments of a reply. */
const REPLY_FRAGMENTS_MAX = 1024;

/** Calls over one TCP connection, many at a time. */
export class TcpTransport implements ClientTransport {
  /** The connection itself, for those that hold it back. */
  readonly stream: Stream;
  readonly #outstanding: Outstanding;
  readonly #records: RecordReader;
  readonly #outgoing: Outgoing;
  readonly #gone = Promise.withResolvers<void>();
  #closed = false;

  /**
   * `replyBytes`: the largest reply that is taken. `lent`: what the stream gives is lent (`ConnectOptions`), and so are long replies, until the next turn of the event loop.
   */
  constructor(stream: Stream, clock: Clock, replyBytes = REPLY_BYTES_MAX, lent = false) {
    this.stream = stream;
    this.#outstanding = new Outstanding(clock);
    this.#outgoing = new Outgoing(clock, stream);
    const manners = lent ? { lent, memory: new TurnRecordMemory(clock) } : {};
    this.#records = new RecordReader({ recordBytes: replyBytes, fragments: REPLY_FRAGMENTS_MAX }, manners);
    stream.onData((data) => this.#take(data));
    stream.onClose((error) => {
      this.#closed = true;
      this.#outstanding.fail(new RpcError('CLOSED', `the connection was closed${error ? `: ${error.message}` : ''}`));
      this.#gone.resolve();
    });
  }

  /** Connects. Rejects with the host's error. */
  static async open(net: Net, clock: Clock, to: Endpoint, localAddress?: string): Promise<TcpTransport> {
    return new TcpTransport(await net.connect(to, localAddress === undefined ? {} : { localAddress }), clock);
  }

  get local(): Endpoint {
    return this.stream.local;
  }

  /** Resolves when the connection is gone. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  exchange(message: Buffer, patience: Patience): Promise<Buffer> {
    return this.ask(message.readUInt32BE(0), (writer) => writer.append(message), patience);
  }

  ask(xid: number, write: (writer: XdrWriter) => void, patience: Patience): Promise<Buffer> {
    if (this.#closed) return Promise.reject(new RpcError('CLOSED', 'the connection was closed'));
    const once = { timeoutMs: patience.timeoutMs, tries: 1 };
    return this.#outstanding.wait(xid, once, () => this.#outgoing.put(write));
  }

  sendRaw(bytes: Buffer): void {
    this.#outgoing.flush();
    this.stream.write(bytes);
  }

  awaits(xid: number): boolean {
    return this.#outstanding.has(xid);
  }

  async close(): Promise<void> {
    if (!this.#closed) this.stream.destroy();
    await this.#gone.promise;
  }

  #take(data: Buffer): void {
    try {
      this.#records.push(data);
      for (let reply = this.#records.next(); reply !== undefined; reply = this.#records.next()) {
        this.#outstanding.settle(reply);
      }
    } catch (error) {
      if (!(error instanceof XdrError)) throw error;
      this.#outstanding.fail(new RpcError('BAD_REPLY', error.message));
      this.stream.destroy();
    }
  }
}
