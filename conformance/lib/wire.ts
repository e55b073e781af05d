import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { connect, type Socket } from 'node:net';

/*
 * ONC RPC (RFC 5531) over real sockets, written by hand and knowing nothing of src/rpc, so that a mistake made there is not made here too.
 */

/** One call, before it is bytes. */
export interface Call {
  readonly xid: number;
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly args: Uint8Array;
  /** Flavor and body; default AUTH_UNIX as root of `conformance`. */
  readonly credential?: { readonly flavor: number; readonly body: Uint8Array };
  /** Default 2. */
  readonly rpcVersion?: number;
}

/** One reply, as far as every reply has it (RFC 5531 §9). */
export type Reply =
  | { readonly denied: false; readonly xid: number; readonly status: number; readonly results: Buffer }
  | { readonly denied: true; readonly xid: number; readonly reason: number; readonly details: Buffer };

/** `accept_stat` (RFC 5531 §9). */
export const Accept = {
  SUCCESS: 0,
  PROG_UNAVAIL: 1,
  PROG_MISMATCH: 2,
  PROC_UNAVAIL: 3,
  GARBAGE_ARGS: 4,
  SYSTEM_ERR: 5,
} as const;

/** 32-bit big-endian numbers. */
export function u32(...values: number[]): Buffer {
  const out = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    out.writeUInt32BE(value >>> 0, index * 4);
  });
  return out;
}

/** A variable-length opaque (RFC 4506 §4.10). */
export function opaque(bytes: Uint8Array | string): Buffer {
  const data = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
  return Buffer.concat([u32(data.length), data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
}

/** The body of an AUTH_UNIX credential (RFC 5531 appendix A). */
export function unixCredential(uid: number, gid: number, gids: number[] = []): { flavor: number; body: Buffer } {
  const body = Buffer.concat([u32(0), opaque('conformance'), u32(uid, gid, gids.length, ...gids)]);
  return { flavor: 1, body };
}

const asRoot = unixCredential(0, 0);

/** The call's bytes, without record marking. */
export function encodeCall(call: Call): Buffer {
  const { flavor, body } = call.credential ?? asRoot;
  return Buffer.concat([
    u32(call.xid, 0, call.rpcVersion ?? 2, call.program, call.version, call.procedure, flavor),
    opaque(body),
    u32(0, 0),
    call.args,
  ]);
}

/** Puts a record mark in front: the last fragment, all in one (RFC 5531 §11). */
export function record(bytes: Uint8Array): Buffer {
  return Buffer.concat([u32(0x80000000 | bytes.length), bytes]);
}

/** Takes a reply apart; throws on bytes that are none, or whose verifier is not AUTH_NULL of length 0. */
export function decodeReply(bytes: Buffer): Reply {
  const xid = bytes.readUInt32BE(0);
  if (bytes.readUInt32BE(4) !== 1) throw new Error('this is no reply');
  const state = bytes.readUInt32BE(8);
  if (state === 1) return { denied: true, xid, reason: bytes.readUInt32BE(12), details: bytes.subarray(16) };
  if (state !== 0) throw new Error(`reply_stat ${state}`);
  if (bytes.readUInt32BE(12) !== 0 || bytes.readUInt32BE(16) !== 0) throw new Error('a verifier that is not AUTH_NULL');
  return { denied: false, xid, status: bytes.readUInt32BE(20), results: bytes.subarray(24) };
}

/** No reply came in time, or the connection went. */
export class NoReply extends Error {}

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
  timer: NodeJS.Timeout | undefined;
}

/** How long one call is waited for. */
export interface Patience {
  /** Milliseconds from one transmission to the next over UDP. Default 500. */
  readonly retransmitMs?: number;
  /** Transmissions over UDP in all, default 20. Over TCP a call is sent once and waited for as long. */
  readonly transmissions?: number;
}

/** A way to one server for calls; many may be in flight. */
export abstract class Wire {
  protected readonly waiting = new Map<number, Waiting>();
  #xid: number;
  /** Replies that nobody waited for: late copies. */
  strays = 0;
  /** Calls sent again. */
  retransmissions = 0;

  constructor(firstXid = Math.floor(Math.random() * 0xffffffff)) {
    this.#xid = firstXid;
  }

  nextXid(): number {
    this.#xid = (this.#xid + 1) >>> 0;
    return this.#xid;
  }

  /** Sends bytes as one message. */
  abstract send(bytes: Uint8Array): void;
  abstract close(): void;
  protected abstract readonly repeats: boolean;

  /** Sends a call until its reply is there; rejects with `NoReply`. */
  call(call: Call, patience: Patience = {}): Promise<Reply> {
    const bytes = encodeCall(call);
    return this.exchange(call.xid, bytes, patience);
  }

  /** As `call`, with bytes that are made already. */
  exchange(xid: number, bytes: Uint8Array, patience: Patience = {}): Promise<Reply> {
    const every = patience.retransmitMs ?? 500;
    let left = patience.transmissions ?? 20;
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { resolve, reject, timer: undefined };
      this.waiting.set(xid, waiting);
      const transmit = (): void => {
        if (left-- <= 0) {
          this.waiting.delete(xid);
          reject(new NoReply(`no reply to call ${xid}`));
          return;
        }
        if (waiting.timer === undefined || this.repeats) {
          if (waiting.timer !== undefined) this.retransmissions++;
          this.send(bytes);
        }
        waiting.timer = setTimeout(transmit, every);
      };
      transmit();
    });
  }

  protected arrived(bytes: Buffer): void {
    const waiting = bytes.length >= 4 ? this.waiting.get(bytes.readUInt32BE(0)) : undefined;
    if (waiting === undefined) {
      this.strays++;
      return;
    }
    this.waiting.delete(bytes.readUInt32BE(0));
    clearTimeout(waiting.timer);
    try {
      waiting.resolve(decodeReply(bytes));
    } catch (error) {
      waiting.reject(error as Error);
    }
  }

  /** Gives up every call that has no reply yet: each rejects with `NoReply`. */
  abandon(): void {
    for (const waiting of this.waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(new NoReply('the connection is gone'));
    }
    this.waiting.clear();
  }
}

/** Calls over UDP, from one port. */
export class UdpWire extends Wire {
  readonly #socket: Datagrams;
  protected readonly repeats = true;

  private constructor(socket: Datagrams) {
    super();
    this.#socket = socket;
    socket.on('message', (data) => this.arrived(data));
    // A server that is down between two starts answers with ICMP "port unreachable"; the retransmissions go on.
    socket.on('error', () => {});
  }

  static open(port: number, host = '127.0.0.1', from?: string): Promise<UdpWire> {
    const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 });
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(0, from, () =>
        socket.connect(port, host, () => {
          socket.removeListener('error', reject);
          resolve(new UdpWire(socket));
        }),
      );
    });
  }

  send(bytes: Uint8Array): void {
    this.#socket.send(bytes, () => {});
  }

  close(): void {
    this.abandon();
    this.#socket.close();
  }
}

/** Calls over one TCP connection. */
export class TcpWire extends Wire {
  readonly socket: Socket;
  #pending: Buffer = Buffer.alloc(0);
  #fragments: Buffer[] = [];
  protected readonly repeats = false;
  /** True when the server has closed the connection. */
  closed = false;

  private constructor(socket: Socket) {
    super();
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (data: Buffer) => this.#take(data));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.abandon();
    });
  }

  static open(port: number, host = '127.0.0.1', from?: string): Promise<TcpWire> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host, ...(from === undefined ? {} : { localAddress: from }) });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.removeListener('error', reject);
        resolve(new TcpWire(socket));
      });
    });
  }

  send(bytes: Uint8Array): void {
    this.socket.write(record(bytes));
  }

  close(): void {
    this.abandon();
    this.socket.destroy();
  }

  #take(data: Buffer): void {
    let rest = this.#pending.length === 0 ? data : Buffer.concat([this.#pending, data]);
    while (rest.length >= 4) {
      const mark = rest.readUInt32BE(0);
      const length = mark & 0x7fffffff;
      if (rest.length < 4 + length) break;
      this.#fragments.push(rest.subarray(4, 4 + length));
      rest = rest.subarray(4 + length);
      if (mark >>> 31 === 1) {
        this.arrived(Buffer.concat(this.#fragments));
        this.#fragments = [];
      }
    }
    this.#pending = rest;
  }
}
