import type { Endpoint } from '../net.ts';
import type { SimulatedHost } from './host.ts';
import type { Packet, SimulatedNetwork } from './network.ts';

/** What a host takes of a stream before its peer has, and before its reader has, in bytes. */
export const BUFFER_BYTES = 256 * 1024;
/** Room from which on a writer that waits is told of it, in bytes, as Linux does. */
const ROOM_WORTH_TELLING = BUFFER_BYTES / 3;
/** The longest piece of a stream that travels at once, in bytes. */
const PIECE_BYTES = 16 * 1024;
/** One piece in so many is shorter than it could be, by chance: nobody may rely on where pieces end. */
const SHORT_PIECES = 8;
/** How long until a piece that was not acknowledged is sent again, in milliseconds; then twice as long, and so on (RFC 6298). */
const RETRY_MS = 200;
const RETRY_MS_MAX = 120_000;
/** After so many tries a host gives up: about 15 minutes, as Linux does. */
const TRIES_MAX = 15;
/** And earlier when no process waits for it. */
const ORPHAN_TRIES_MAX = 8;
/** How long until a connection that was not answered is tried again; then twice as long, and so on. */
const OPEN_RETRY_MS = 1000;
/** How often an answer to a new connection is sent. */
const OPENED_TRIES_MAX = 5;

interface Piece {
  readonly at: number;
  readonly data: Buffer;
  readonly last: boolean;
}

/** What a connection tells whoever uses it. */
export interface TcpUser {
  /** It is open, on this side. */
  opened(): void;
  /** There is something to read, or the end. */
  readable(): void;
  /** There is room to write. */
  writable(): void;
  /** It is gone: ECONNRESET, ECONNREFUSED or ETIMEDOUT. */
  failed(code: string): void;
}

/** One end of a connection, as the kernel of its host keeps it: reliable, in order, bounded. It outlives the process that used it. */
export class Tcp {
  readonly host: SimulatedHost;
  readonly id: number;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #network: SimulatedNetwork;
  #state: 'opening' | 'answering' | 'open' | 'gone';
  #user: TcpUser | null;
  // What is to be sent.
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #underWay: Piece[] = [];
  #next = 0;
  #taken = 0;
  #window = BUFFER_BYTES;
  #newestSerial = 0;
  #shut: 'no' | 'wanted' | 'sent' = 'no';
  #tries = 0;
  #timer: { cancel(): void } | null = null;
  // What came.
  #expected = 0;
  readonly #early = new Map<number, Piece>();
  readonly #unread: Buffer[] = [];
  #unreadBytes = 0;
  #ended = false;
  #told = BUFFER_BYTES;
  #serial = 0;

  constructor(host: SimulatedHost, local: Endpoint, remote: Endpoint, id: number, user: TcpUser, active: boolean) {
    this.host = host;
    this.local = local;
    this.remote = remote;
    this.id = id;
    this.#network = host.network;
    this.#user = user;
    this.#state = active ? 'opening' : 'answering';
    host.keep(this);
    this.#open();
  }

  /** Bytes that `write` takes now. */
  get room(): number {
    return BUFFER_BYTES - this.#waitingBytes - (this.#next - this.#taken);
  }

  /** True when all that the peer sent has been read, and it sends no more. */
  get ended(): boolean {
    return this.#ended && this.#unreadBytes === 0;
  }

  get gone(): boolean {
    return this.#state === 'gone';
  }

  /** Takes bytes to send, `room` at most; they are copied. */
  write(data: Uint8Array): void {
    this.#waiting.push(Buffer.from(data));
    this.#waitingBytes += data.length;
    this.#transmit();
  }

  /** Sends the end behind all that was written. */
  shut(): void {
    if (this.#shut !== 'no') return;
    this.#shut = 'wanted';
    this.#transmit();
  }

  /** Some of what came; null when there is nothing now. */
  read(): Buffer | null {
    const data = this.#unread.shift();
    if (data === undefined) return null;
    this.#unreadBytes -= data.length;
    // The peer has stopped, or will soon: it is told when there is room worth sending for.
    if (this.#told < BUFFER_BYTES / 2 && BUFFER_BYTES - this.#unreadBytes >= BUFFER_BYTES / 2) this.#acknowledge();
    return data;
  }

  /** Its process is done with it. What was written is still sent; but what was not read, or still comes, resets the connection. */
  release(): void {
    if (this.#user === null) return;
    this.#user = null;
    if (this.#state !== 'open' || this.#unreadBytes > 0 || this.#early.size > 0) {
      this.reset();
      return;
    }
    this.shut();
    this.#leaveWhenDone();
  }

  /** Breaks the connection off, and tells the peer. */
  reset(): void {
    if (this.#state === 'gone') return;
    this.#send({ kind: 'reset', id: this.id });
    this.vanish();
  }

  /** Forgets the connection without a word to anyone. */
  vanish(): void {
    this.#state = 'gone';
    this.#timer?.cancel();
    this.#timer = null;
    this.#user = null;
    this.host.forget(this);
  }

  /** A packet of this connection came. */
  receive(packet: Packet): void {
    if (packet.kind === 'reset') {
      this.#fail(this.#state === 'opening' ? 'ECONNREFUSED' : 'ECONNRESET');
      return;
    }
    if (packet.kind === 'open') {
      this.#send({ kind: 'opened', id: this.id });
      return;
    }
    if (packet.kind === 'opened') this.#acknowledge();
    if (this.#state === 'opening' || this.#state === 'answering') this.#established();
    if (packet.kind === 'data') this.#take(packet);
    else if (packet.kind === 'probe') this.#acknowledge();
    else if (packet.kind === 'taken') this.#acknowledged(packet.upTo, packet.window, packet.serial);
  }

  #send(packet: Packet): void {
    this.#network.send(this.host, this.local, this.remote, packet);
  }

  #after(milliseconds: number, fire: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#network.time.after(milliseconds * 1000, () => {
      this.#timer = null;
      fire();
    });
  }

  #open(): void {
    const answering = this.#state === 'answering';
    if (answering && this.#tries === OPENED_TRIES_MAX) {
      this.vanish();
      return;
    }
    this.#send({ kind: answering ? 'opened' : 'open', id: this.id });
    this.#after(OPEN_RETRY_MS * 2 ** this.#tries, () => this.#open());
    this.#tries += 1;
  }

  #established(): void {
    this.#state = 'open';
    this.#timer?.cancel();
    this.#timer = null;
    this.#tries = 0;
    this.#user?.opened();
  }

  #fail(code: string): void {
    const user = this.#user;
    // What came before stays readable.
    this.vanish();
    user?.failed(code);
  }

  #acknowledge(): void {
    this.#told = BUFFER_BYTES - this.#unreadBytes;
    this.#serial += 1;
    this.#send({ kind: 'taken', id: this.id, upTo: this.#expected, window: this.#told, serial: this.#serial });
  }

  #take(piece: Piece): void {
    if (this.#user === null && piece.data.length > 0) {
      this.reset();
      return;
    }
    if (piece.at > this.#expected) this.#early.set(piece.at, piece);
    let news = false;
    for (let next: Piece | undefined = piece.at === this.#expected ? piece : undefined; next !== undefined; ) {
      this.#early.delete(next.at);
      this.#expected += next.data.length + (next.last ? 1 : 0);
      if (next.data.length > 0) this.#unread.push(next.data);
      this.#unreadBytes += next.data.length;
      this.#ended ||= next.last;
      news = true;
      next = this.#early.get(this.#expected);
    }
    this.#acknowledge();
    if (news) this.#user?.readable();
  }

  #acknowledged(upTo: number, window: number, serial: number): void {
    if (serial <= this.#newestSerial) return;
    this.#newestSerial = serial;
    this.#window = window;
    if (this.#user !== null || upTo > this.#taken) this.#tries = 0;
    if (upTo > this.#taken) {
      this.#taken = upTo;
      this.#underWay = this.#underWay.filter((piece) => piece.at >= upTo);
      this.#timer?.cancel();
      this.#timer = null;
    }
    this.#transmit();
    this.#leaveWhenDone();
    if (this.room >= ROOM_WORTH_TELLING) this.#user?.writable();
  }

  /** Nobody uses it, and the peer has all: nothing is left to do. */
  #leaveWhenDone(): void {
    if (this.#user === null && this.#shut === 'sent' && this.#underWay.length === 0 && this.#state === 'open')
      this.vanish();
  }

  #transmit(): void {
    if (this.#state !== 'open') return;
    while (this.#waitingBytes > 0) {
      const bytes = this.#pieceBytes();
      if (bytes <= 0) break;
      this.#dispatch({ at: this.#next, data: this.#cut(bytes), last: false });
      if (this.gone) return;
    }
    if (this.#shut === 'wanted' && this.#waitingBytes === 0) {
      this.#shut = 'sent';
      this.#dispatch({ at: this.#next, data: Buffer.alloc(0), last: true });
    }
    if (this.#timer === null && (this.#underWay.length > 0 || this.#waitingBytes > 0)) this.#arm();
  }

  #pieceBytes(): number {
    const open = this.#window - (this.#next - this.#taken);
    const bytes = Math.min(PIECE_BYTES, this.#waitingBytes, open);
    // No small pieces for want of a little room: there will be more (RFC 9293 §3.8.6.2).
    if (bytes === open && bytes < this.#waitingBytes && this.#underWay.length > 0) return 0;
    const { random } = this.#network;
    return bytes > 1 && random.below(SHORT_PIECES) === 0 ? 1 + random.below(bytes - 1) : bytes;
  }

  /** The first bytes of what waits. */
  #cut(bytes: number): Buffer {
    const parts: Buffer[] = [];
    let missing = bytes;
    while (missing > 0) {
      const first = this.#waiting[0]!;
      parts.push(first.subarray(0, missing));
      if (first.length > missing) this.#waiting[0] = first.subarray(missing);
      else this.#waiting.shift();
      missing -= Math.min(missing, first.length);
    }
    this.#waitingBytes -= bytes;
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts, bytes);
  }

  #dispatch(piece: Piece): void {
    this.#underWay.push(piece);
    this.#next = piece.at + piece.data.length + (piece.last ? 1 : 0);
    if (this.#network.breaks(this.host, this.remote.address)) {
      // What breaks it tells both ends.
      this.#send({ kind: 'reset', id: this.id });
      this.#fail('ECONNRESET');
      return;
    }
    this.#send({ kind: 'data', id: this.id, ...piece });
  }

  #arm(): void {
    this.#after(Math.min(RETRY_MS * 2 ** this.#tries, RETRY_MS_MAX), () => {
      this.#tries += 1;
      if (this.#tries > (this.#user === null ? ORPHAN_TRIES_MAX : TRIES_MAX)) {
        this.#fail('ETIMEDOUT');
        return;
      }
      for (const piece of this.#underWay) this.#send({ kind: 'data', id: this.id, ...piece });
      if (this.#underWay.length === 0) this.#send({ kind: 'probe', id: this.id });
      this.#arm();
    });
  }
}
