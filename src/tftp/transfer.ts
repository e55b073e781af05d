import type { Clock, Timer } from '../base/clock.ts';
import type { DatagramSocket, Endpoint } from '../base/net.ts';
import type { Agreed } from './options.ts';
import { dataPacket, errorPacket, oackPacket, parseSaid, TftpError } from './packet.ts';
import { ChangedError, type Source } from './source.ts';

/** Milliseconds to the second try; each further one comes after twice as long, `WAIT_MAX_MS` at most. */
export const WAIT_MS = 1_000;
export const WAIT_MAX_MS = 8_000;
/** How often a packet is sent, at most; the first one less often, since who asked may be somebody else than the address says. */
export const TRIES_MAX = 8;
export const FIRST_TRIES_MAX = 3;

/** How a transfer ended. */
export interface Ended {
  /** Null: the client has all. */
  readonly reason: string | null;
  readonly bytes: number;
  /** Packets that were sent again. */
  readonly again: number;
}

/** What a transfer works with. */
export interface TransferParts {
  readonly clock: Clock;
  /** A port of its own at the address that the client asked, by which both sides know this transfer (RFC 1350 §4). */
  readonly socket: DatagramSocket;
  readonly client: Endpoint;
  readonly source: Pick<Source, 'next'>;
  readonly agreed: Agreed;
}

/**
 * One file on its way to a client, a block at a time (RFC 1350 §2). Only time makes it send a block again, never an ACK that came twice, or each of
 * a pair would bring forth another pair (RFC 1123 §4.2.3.1).
 */
export class Transfer {
  readonly #parts: TransferParts;
  readonly #over = Promise.withResolvers<Ended>();
  /** The block that is to be acknowledged; 0: the options. */
  #block = 0;
  #packet: Buffer = Buffer.alloc(0);
  /** Bytes of data in the packet. */
  #length = 0;
  #last = false;
  #tries = 0;
  #timer: Timer | undefined;
  #reading = false;
  #done = false;
  #heard = false;
  #bytes = 0;
  #again = 0;

  constructor(parts: TransferParts) {
    this.#parts = parts;
    parts.socket.onMessage((data, from) => this.#hear(data, from));
  }

  /** Sends the file; resolves when that is over, however it went. The socket is the caller's to close. */
  run(): Promise<Ended> {
    const { told } = this.#parts.agreed;
    if (told.size > 0) this.#send(oackPacket(told));
    else void this.#advance();
    return this.#over.promise;
  }

  /** Ends it, and tells the client. */
  abort(reason: string): void {
    if (this.#done) return;
    this.#transmit(errorPacket(TftpError.UNDEFINED, reason));
    this.#end(reason);
  }

  #hear(data: Buffer, { address, port }: Endpoint): void {
    const { client, socket } = this.#parts;
    if (this.#done) return;
    const said = parseSaid(data);
    if (address !== client.address || port !== client.port) {
      if (said.kind === 'ack')
        socket.send(errorPacket(TftpError.UNKNOWN_TID, 'this is another transfer'), { address, port });
      return;
    }
    if (said.kind === 'error') this.#end(`the client said: ${said.text === '' ? `error ${said.code}` : said.text}`);
    if (said.kind !== 'ack' || said.block !== (this.#block & 0xffff) || this.#reading) return;
    this.#heard = true;
    this.#timer?.cancel();
    this.#bytes += this.#length;
    if (this.#last) this.#end(null);
    else void this.#advance();
  }

  /** Sends the next block. */
  async #advance(): Promise<void> {
    const { source, agreed } = this.#parts;
    this.#reading = true;
    try {
      const data = await source.next(agreed.blockBytes);
      if (this.#done) return;
      this.#block += 1;
      this.#length = data.length;
      this.#last = data.length < agreed.blockBytes;
      this.#send(dataPacket(this.#block, data));
    } catch (error) {
      this.abort(error instanceof ChangedError ? error.message : 'the file cannot be read');
    } finally {
      this.#reading = false;
    }
  }

  #send(packet: Buffer): void {
    this.#packet = packet;
    this.#tries = 0;
    this.#try();
  }

  #try(): void {
    const { clock, agreed } = this.#parts;
    if (this.#tries >= (this.#heard ? TRIES_MAX : FIRST_TRIES_MAX)) {
      this.abort('the client does not answer');
      return;
    }
    if (this.#tries > 0) this.#again += 1;
    this.#transmit(this.#packet);
    const wait = agreed.timeoutMs ?? Math.min(WAIT_MS * 2 ** this.#tries, WAIT_MAX_MS);
    this.#tries += 1;
    this.#timer = clock.after(wait, () => this.#try());
  }

  #transmit(packet: Buffer): void {
    const { socket, client } = this.#parts;
    socket.send(packet, client);
  }

  #end(reason: string | null): void {
    if (this.#done) return;
    this.#done = true;
    this.#timer?.cancel();
    this.#over.resolve({ reason, bytes: this.#bytes, again: this.#again });
  }
}
