import { readable } from '../acl/problem.ts';
import { RefusalLog } from '../acl/refusals.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { DatagramSocket, Endpoint, Net } from '../base/net.ts';
import { FlareError, type FlareStatusName, UnavailableError } from '../flare/errors.ts';
import { Throttle } from '../rpc/throttle.ts';
import { agree } from './options.ts';
import { errorPacket, parseRequest, type Request, TftpError, type TftpErrorCode } from './packet.ts';
import { Source } from './source.ts';
import { Transfer } from './transfer.ts';
import { AstrayError, type Found, findFile, type TftpTree } from './tree.ts';

/** The port of TFTP (RFC 1350). */
export const TFTP_PORT = 69;
/** The most transfers at a time, and of one address. */
export const TRANSFERS_MAX = 128;
export const TRANSFERS_PER_CLIENT_MAX = 8;

/** What TFTP is served with. */
export interface TftpOptions {
  readonly net: Net;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Numeric local addresses; none means all. */
  readonly addresses: readonly string[];
  /** 0 takes a free one. */
  readonly port: number;
  readonly tree: TftpTree;
}

const REFUSALS: Partial<Record<FlareStatusName, readonly [TftpErrorCode, string]>> = {
  NOENT: [TftpError.NOT_FOUND, 'there is no such file'],
  NOTDIR: [TftpError.NOT_FOUND, 'there is no such file'],
  NAMETOOLONG: [TftpError.NOT_FOUND, 'there is no such file'],
  STALE: [TftpError.NOT_FOUND, 'there is no such file any more'],
  ACCES: [TftpError.ACCESS, 'the rules or its permissions do not let this client read it'],
  PERM: [TftpError.ACCESS, 'its permissions do not let this client read it'],
  ISDIR: [TftpError.ACCESS, 'it is a directory'],
  INVAL: [TftpError.ACCESS, 'it is no file'],
};

/** Read-only TFTP below a share: RFC 1350 with the options of RFC 2347 to 2349, for the first stage of a boot. */
export class TftpServer {
  readonly port: number;
  readonly #options: TftpOptions;
  readonly #socket: DatagramSocket;
  readonly #refusals: RefusalLog;
  readonly #crowded: Throttle;
  /** By the client's endpoint; null while the file is looked for. */
  readonly #transfers = new Map<string, Transfer | null>();
  readonly #perClient = new Map<string, number>();
  #closed = false;

  private constructor(options: TftpOptions, socket: DatagramSocket) {
    this.#options = options;
    this.#socket = socket;
    this.#refusals = new RefusalLog(options.clock, options.logger);
    this.#crowded = new Throttle(options.clock);
    this.port = socket.local[0]?.port ?? options.port;
    socket.onMessage((data, from, to) => this.#hear(data, from, to));
  }

  /** Serves it. Rejects with the host's error. */
  static async open(options: TftpOptions): Promise<TftpServer> {
    return new TftpServer(options, await options.net.bindDatagram(options.addresses, options.port));
  }

  /** Transfers under way. */
  get transfers(): number {
    return this.#transfers.size;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const transfer of this.#transfers.values()) transfer?.abort('the server ends');
    await this.#socket.close();
  }

  #hear(data: Buffer, from: Endpoint, to: Endpoint): void {
    const request = parseRequest(data);
    // What is no request gets no answer: it may be one itself, or nobody's who would read it.
    if (request === null || this.#closed || from.port === this.port || from.port === 0) return;
    const client = `${from.address} ${from.port}`;
    // A request that came twice: its transfer sends its first packet again by itself.
    if (this.#transfers.has(client)) return;
    const refused = wrongWith(request);
    if (refused !== null) {
      this.#refuse(request, from, to, refused);
      return;
    }
    const own = this.#perClient.get(from.address) ?? 0;
    if (this.#transfers.size >= TRANSFERS_MAX || own >= TRANSFERS_PER_CLIENT_MAX) {
      this.#socket.send(errorPacket(TftpError.UNDEFINED, 'too many transfers: try again later'), from, to);
      const fields = { client: from.address, transfers: this.#transfers.size, own };
      this.#crowded.run((before) =>
        this.#options.logger.warn({ ...fields, before }, 'too many transfers: one was refused'),
      );
      return;
    }
    this.#transfers.set(client, null);
    this.#perClient.set(from.address, own + 1);
    void this.#serve(request, from, to).finally(() => {
      this.#transfers.delete(client);
      const left = this.#perClient.get(from.address)! - 1;
      if (left === 0) this.#perClient.delete(from.address);
      else this.#perClient.set(from.address, left);
    });
  }

  #refuse({ file }: Request, from: Endpoint, to: Endpoint, [code, reason]: readonly [TftpErrorCode, string]): void {
    this.#socket.send(errorPacket(code, reason), from, to);
    this.#refusals.refused(from, file, null, reason);
  }

  async #serve(request: Request, from: Endpoint, to: Endpoint): Promise<void> {
    const { logger } = this.#options;
    try {
      const found = await findFile(this.#options.tree, request.file, from);
      if (!this.#closed) await this.#transfer(request, found, from, to);
    } catch (error) {
      const why = reasonOf(error);
      if (why !== null) this.#refuse(request, from, to, why);
      else if (error instanceof UnavailableError)
        logger.warn(
          { client: from.address, reason: error.message },
          'a file could not be sent: its client will ask again',
        );
      else {
        this.#socket.send(errorPacket(TftpError.UNDEFINED, 'this server has failed'), from, to);
        logger.error({ err: error, client: from.address, path: readable(request.file) }, 'a file could not be sent');
      }
    }
  }

  async #transfer({ file: path, mode, options }: Request, found: Found, client: Endpoint, to: Endpoint): Promise<void> {
    const { net, clock, logger, tree } = this.#options;
    const source = new Source(tree.service, found.caller, found.file, mode === 'octet' ? 'octet' : 'netascii');
    await source.begin();
    // How long a text will be is not known before its ends of lines have been seen.
    const agreed = agree(options, mode === 'octet' ? found.file.size : null, found.access.options.tsize);
    const socket = await openPort(net, to);
    const began = clock.monotonic();
    try {
      const transfer = new Transfer({ clock, socket, client, source, agreed });
      this.#transfers.set(`${client.address} ${client.port}`, transfer);
      if (this.#closed) return;
      const { reason, bytes, again } = await transfer.run();
      const milliseconds = Math.round(clock.monotonic() - began);
      const { address, port } = client;
      const fields = { client: address, port, path: readable(path), bytes, again, milliseconds };
      if (reason === null) logger.info(fields, 'Sent by TFTP');
      else logger.warn({ ...fields, reason }, 'Not sent by TFTP');
    } finally {
      await socket.close();
    }
  }
}

/** A port of its own at the address that was asked; where that is none of this host's (a broadcast), at all of them. */
async function openPort(net: Net, { address }: Endpoint): Promise<DatagramSocket> {
  try {
    return await net.bindDatagram([address], 0);
  } catch {
    return net.bindDatagram([], 0, { sole: true });
  }
}

function wrongWith({ write, mode }: Request): readonly [TftpErrorCode, string] | null {
  if (write) return [TftpError.ACCESS, 'nothing is written by TFTP here'];
  return mode === 'octet' || mode === 'netascii' ? null : [TftpError.ILLEGAL, 'the modes are octet and netascii'];
}

function reasonOf(error: unknown): readonly [TftpErrorCode, string] | null {
  if (error instanceof AstrayError) return [TftpError.ACCESS, error.message];
  return error instanceof FlareError ? (REFUSALS[error.status] ?? null) : null;
}
