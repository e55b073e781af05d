import { constants } from 'node:os';
import { BATCH_DATAGRAMS, MessageBatch } from './batch.ts';
import { isUnspecified } from './endpoint.ts';
import type { Host } from './host.ts';
import * as layout from './layout.ts';

/** The most bytes that one system call sends. Room for the longest datagram and more. */
export const SEND_BATCH_BYTES = 1024 * 1024;
/** The longest datagram that is looked at; the host knows the true limit. */
export const SEND_DATAGRAM_BYTES_MAX = 65_535;
/** The host takes no datagram before the socket is writable. */
export const LATER = -1;
/** The host refuses the first datagram: it is too long, or goes where there is no way. */
export const REFUSED = -2;
/** How many datagrams wait at most while the host takes no more, and their bytes; what comes beyond is lost. */
export const SEND_QUEUE_DATAGRAMS = 4096;
export const SEND_QUEUE_BYTES = 16 * 1024 * 1024;

const { EAGAIN, EINTR } = constants.errno;
const NOTHING = new Uint8Array(0);

/** Gives datagrams to the host, many in one system call. All sockets share one. */
export class Sender {
  readonly #host: Host;
  readonly #batch: MessageBatch;
  #filled = 0;
  #bytes = 0;

  constructor(host: Host) {
    this.#host = host;
    this.#batch = new MessageBatch(host, SEND_BATCH_BYTES);
  }

  /** Starts a new batch. */
  clear(): void {
    this.#filled = 0;
    this.#bytes = 0;
  }

  /** Copies one more datagram into the batch; false when it has no room left. */
  add(data: Uint8Array, family: 4 | 6, to: Uint32Array, from: Uint32Array | undefined): boolean {
    const batch = this.#batch;
    const n = this.#filled;
    if (n === BATCH_DATAGRAMS || this.#bytes + data.length > SEND_BATCH_BYTES) return false;
    batch.data.set(data, this.#bytes);
    batch.setData(n, this.#bytes, data.length);
    this.#bytes += data.length;
    const name = n * layout.NAME_WORDS;
    for (let word = 0; word < layout.SOCKADDR_WORDS[family]; word++) batch.names[name + word] = to[word]!;
    const controlled = from !== undefined && !isUnspecified(from, family);
    if (controlled) this.#leaveFrom(n, family, from);
    batch.setHeader(n, layout.SOCKADDR_BYTES[family], controlled ? layout.PKTINFO[family].space : 0);
    this.#filled = n + 1;
    return true;
  }

  /** Sends the batch. Returns how many datagrams the host took, `LATER` when it takes none for now, or `REFUSED` when it refuses the first. */
  send(fd: number): number {
    for (;;) {
      const sent = this.#host.sendmmsg(fd, this.#batch.address, this.#filled, layout.MSG_DONTWAIT);
      if (sent >= 0) return sent;
      const error = this.#host.errno();
      if (error === EAGAIN) return LATER;
      if (error !== EINTR) return REFUSED;
    }
  }

  #leaveFrom(n: number, family: 4 | 6, from: Uint32Array): void {
    const { controls } = this.#batch;
    const at = n * layout.CONTROL_WORDS;
    const { length, level, type } = layout.PKTINFO[family];
    controls[at + layout.CMSG.length] = length;
    controls[at + layout.CMSG.length + 1] = 0;
    controls[at + layout.CMSG.level] = level;
    controls[at + layout.CMSG.type] = type;
    if (family === 4) {
      controls[at + layout.CMSG.data] = 0;
      controls[at + layout.PKTINFO4_OWN_WORD] = from[layout.ADDRESS_WORD[4]]!;
      controls[at + layout.PKTINFO4_OWN_WORD + 1] = 0;
      return;
    }
    for (let n = 0; n < 4; n++) controls[at + layout.PKTINFO6_ADDRESS_WORD + n] = from[layout.ADDRESS_WORD[6] + n]!;
    controls[at + layout.PKTINFO6_INTERFACE_WORD] = from[layout.SCOPE_WORD]!;
  }
}

/** Datagrams of one socket that wait to be sent, in order. */
export class SendQueue {
  #data: Uint8Array[] = [];
  #to: Uint32Array[] = [];
  #from: (Uint32Array | undefined)[] = [];
  #head = 0;
  #bytes = 0;

  get length(): number {
    return this.#data.length - this.#head;
  }

  /** False when it is full. */
  push(data: Uint8Array, to: Uint32Array, from: Uint32Array | undefined): boolean {
    if (this.length >= SEND_QUEUE_DATAGRAMS || this.#bytes + data.length > SEND_QUEUE_BYTES) return false;
    this.#data.push(data);
    this.#to.push(to);
    this.#from.push(from);
    this.#bytes += data.length;
    return true;
  }

  /** Puts as many as fit into the batch. */
  fill(sender: Sender, family: 4 | 6): void {
    sender.clear();
    for (let at = this.#head; at < this.#data.length; at++)
      if (!sender.add(this.#data[at]!, family, this.#to[at]!, this.#from[at])) return;
  }

  /** Forgets the first ones. */
  drop(count: number): void {
    const end = this.#head + count;
    for (let at = this.#head; at < end; at++) {
      this.#bytes -= this.#data[at]!.length;
      this.#data[at] = NOTHING;
    }
    this.#head = end;
    if (end === this.#data.length) this.#restart(0);
    else if (end >= SEND_QUEUE_DATAGRAMS) this.#restart(end);
  }

  #restart(from: number): void {
    if (from === 0) this.#data.length = this.#to.length = this.#from.length = 0;
    else {
      this.#data = this.#data.slice(from);
      this.#to = this.#to.slice(from);
      this.#from = this.#from.slice(from);
    }
    this.#head = 0;
  }
}
