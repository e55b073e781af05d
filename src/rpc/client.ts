import type { Clock } from '../base/clock.ts';
import type { Endpoint, Net } from '../base/net.ts';
import type { Random } from '../base/random.ts';
import { type ClientTransport, type Patience, TcpTransport, UdpTransport } from './client-transport.ts';
import { encodeCredential, noCredential } from './credential.ts';
import { writeCallHeader } from './message.ts';
import type { Procedure, RpcCredential } from './program.ts';
import { decodeReply } from './reply.ts';
import { type Codec, XdrWriter } from './xdr.ts';

export { RpcError, type RpcErrorKind } from './rpc-error.ts';

/** Over UDP, a call is sent again after this many milliseconds, then after twice as many, and so on. */
export const RETRY_MS = 500;
/** Over UDP, a call is sent this often at most: with `RETRY_MS` a client gives up after 15.5 s. */
export const TRIES_MAX = 5;
/** Over TCP, a reply is waited for so many milliseconds. */
export const TIMEOUT_MS = 30_000;

/** A procedure as its caller sees it. */
export interface RemoteProcedure<Arguments, Result> {
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly arguments: Codec<Arguments>;
  readonly result: Codec<Result>;
}

/** What one call may say besides its arguments. */
export interface CallOptions {
  readonly credential?: RpcCredential;
  /** Instead of the client's next one. */
  readonly xid?: number;
  /** Instead of the client's own. */
  readonly patience?: Patience;
}

/** What a client is made with. */
export interface RpcClientOptions {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: 'udp' | 'tcp';
  readonly to: Endpoint;
  /** AUTH_NONE, if not given. */
  readonly credential?: RpcCredential;
  /** A numeric address to call from. */
  readonly localAddress?: string;
  readonly patience?: Patience;
}

/** The procedure of a program, as a caller sees it: for callers that have the server's own tables. */
export function remote<A, R>(
  program: number,
  version: number,
  number: number,
  procedure: Pick<Procedure<A, R>, 'arguments' | 'result'>,
): RemoteProcedure<A, R> {
  return { program, version, procedure: number, arguments: procedure.arguments, result: procedure.result };
}

/** Calls the programs behind one endpoint (RFC 5531). Any number of calls may be under way. */
export class RpcClient {
  /** For those that send bytes of their own. */
  readonly transport: ClientTransport;
  readonly #credential: RpcCredential;
  readonly #patience: Patience;
  #xid: number;

  constructor(transport: ClientTransport, firstXid: number, credential: RpcCredential, patience: Patience) {
    this.transport = transport;
    this.#xid = firstXid;
    this.#credential = credential;
    this.#patience = patience;
  }

  /** Opens a socket, or connects. Rejects with the host's error. */
  static async open(options: RpcClientOptions): Promise<RpcClient> {
    const { net, clock, random, to, transport: kind, localAddress, credential = noCredential } = options;
    const transport = await (kind === 'udp' ? UdpTransport : TcpTransport).open(net, clock, to, localAddress);
    const patience = options.patience ?? { timeoutMs: kind === 'udp' ? RETRY_MS : TIMEOUT_MS, tries: TRIES_MAX };
    return new RpcClient(transport, random.below(2 ** 32), credential, patience);
  }

  /** The endpoint that calls leave from. */
  get local(): Endpoint {
    return this.transport.local;
  }

  /** Resolves with the result. Rejects with `RpcError`, or with `XdrError` when the arguments do not fit. They are read before it returns. */
  async call<A, R>(procedure: RemoteProcedure<A, R>, args: A, options: CallOptions = {}): Promise<R> {
    const xid = options.xid ?? this.#nextXid();
    const write = (writer: XdrWriter): void => this.#write(writer, procedure, args, xid, options);
    return decodeReply(await this.transport.ask(xid, write, options.patience ?? this.#patience), procedure.result);
  }

  /** The whole message of a call, for callers that send it themselves (`transport.exchange`, `transport.sendRaw`). */
  encode<A>(procedure: RemoteProcedure<A, any>, args: A, options: CallOptions = {}): Buffer {
    const writer = new XdrWriter();
    this.#write(writer, procedure, args, options.xid ?? this.#nextXid(), options);
    // The writer is used once: its memory is the message's.
    return writer.written();
  }

  #write<A>(
    writer: XdrWriter,
    { program, version, procedure, arguments: codec }: RemoteProcedure<A, any>,
    args: A,
    xid: number,
    { credential = this.#credential }: CallOptions,
  ): void {
    const { flavor, body } = encodeCredential(credential);
    writeCallHeader(writer, { xid, program, version, procedure }, flavor, body);
    codec.write(writer, args);
  }

  /** Lets go of the socket; calls under way are rejected with CLOSED. */
  close(): Promise<void> {
    return this.transport.close();
  }

  #nextXid(): number {
    do this.#xid = (this.#xid + 1) >>> 0;
    while (this.transport.awaits(this.#xid));
    return this.#xid;
  }
}
