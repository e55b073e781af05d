import { constants } from 'node:os';
import { Area, BATCH_DATAGRAMS, MessageBatch } from './batch.ts';
import { isUnspecified } from './endpoint.ts';
import type { Host } from './host.ts';
import * as layout from './layout.ts';

/** Memory for datagrams that wait in a socket's queue, in bytes; those beyond get memory of their own. Room for the longest and more. */
export const SEND_MEMORY_BYTES = 1024 * 1024;
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
const NOWHERE = new Uint32Array(layout.NAME_WORDS);

/** What one message of the batch is. */
interface Message {
  to: Uint32Array;
  from: Uint32Array | undefined;
  /** The length of its first datagram: that of all of them, but the last may be shorter. */
  segment: number;
  datagrams: number;
  bytes: number;
  controlBytes: number;
}

/**
 * Gives datagrams to the host, many in one system call. Those for one peer that lie one behind the other and have one length are one message, which
 * the host cuts again: it costs little more than one datagram. All sockets share one.
 */
export class Sender {
  readonly #host: Host;
  readonly #batch: MessageBatch;
  readonly #messages: Message[] = Array.from({ length: BATCH_DATAGRAMS }, () => ({
    to: NOWHERE,
    from: undefined,
    segment: 0,
    datagrams: 0,
    bytes: 0,
    controlBytes: 0,
  }));
  #filled = 0;
  #cut = false;
  /** Behind the last message's data. */
  #end = 0;

  constructor(host: Host) {
    this.#host = host;
    this.#batch = new MessageBatch(host);
  }

  /** Starts a new batch; `cut` says that the host can cut messages for the socket that it is for. */
  clear(cut: boolean): void {
    this.#filled = 0;
    this.#cut = cut;
  }

  /** Adds one more datagram, which lies at that address until the batch is sent; false when the batch has no room left. */
  add(address: number, length: number, family: 4 | 6, to: Uint32Array, from: Uint32Array | undefined): boolean {
    if (this.#joins(address, length, to, from)) {
      this.#join(length, family);
      return true;
    }
    const n = this.#filled;
    if (n === BATCH_DATAGRAMS) return false;
    const batch = this.#batch;
    batch.setData(n, address, length);
    this.#end = address + length;
    const name = n * layout.NAME_WORDS;
    for (let word = 0; word < layout.SOCKADDR_WORDS[family]; word++) batch.names[name + word] = to[word]!;
    const controlled = from !== undefined && !isUnspecified(from, family);
    if (controlled) this.#leaveFrom(n, family, from);
    const message = this.#messages[n]!;
    message.to = to;
    message.from = from;
    message.segment = message.bytes = length;
    message.datagrams = 1;
    message.controlBytes = controlled ? layout.PKTINFO[family].space : 0;
    batch.setHeader(n, layout.SOCKADDR_BYTES[family], message.controlBytes);
    this.#filled = n + 1;
    return true;
  }

  #joins(address: number, length: number, to: Uint32Array, from: Uint32Array | undefined): boolean {
    if (!this.#cut || this.#filled === 0 || address !== this.#end || length === 0) return false;
    const last = this.#messages[this.#filled - 1]!;
    if (last.to !== to || last.from !== from || length > last.segment) return false;
    // A shorter one ends its message.
    if (last.bytes !== last.segment * last.datagrams) return false;
    if (last.datagrams === layout.SEGMENTS_MAX || last.bytes + length > layout.SEGMENTS_BYTES_MAX) return false;
    const wholeFrom = to[layout.WHOLE_FROM_WORD]!;
    return wholeFrom === 0 || last.segment < wholeFrom;
  }

  #join(length: number, family: 4 | 6): void {
    const n = this.#filled - 1;
    const last = this.#messages[n]!;
    last.datagrams += 1;
    last.bytes += length;
    this.#end += length;
    this.#batch.setLength(n, last.bytes);
    if (last.datagrams > 2) return;
    const { controls } = this.#batch;
    const at = n * layout.CONTROL_WORDS + last.controlBytes / 4;
    controls[at + layout.CMSG.length] = layout.SEGMENT.length;
    controls[at + layout.CMSG.length + 1] = 0;
    controls[at + layout.CMSG.level] = layout.SEGMENT.level;
    controls[at + layout.CMSG.type] = layout.SEGMENT.type;
    controls[at + layout.CMSG.data] = last.segment;
    this.#batch.setHeader(n, layout.SOCKADDR_BYTES[family], last.controlBytes + layout.SEGMENT.space);
  }

  /**
   * Sends the batch. Returns how many datagrams the host took, `LATER` when it takes none for now, or `REFUSED` when it refuses the first. 0 means
   * that it does not cut the first message (the way there carries only shorter ones, or wants them whole): fill again.
   */
  send(fd: number): number {
    for (;;) {
      const sent = this.#host.sendmmsg(fd, this.#batch.address, this.#filled, layout.MSG_DONTWAIT);
      if (sent >= 0) return this.#datagrams(sent);
      const error = this.#host.errno();
      if (error === EAGAIN) return LATER;
      if (error === EINTR) continue;
      const first = this.#messages[0]!;
      if (first.datagrams === 1) return REFUSED;
      first.to[layout.WHOLE_FROM_WORD] = first.segment;
      return 0;
    }
  }

  #datagrams(messages: number): number {
    let count = 0;
    for (let n = 0; n < messages; n++) count += this.#messages[n]!.datagrams;
    return count;
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

/** Datagrams of one socket that wait to be sent, in order, in memory of their own. */
export class SendQueue {
  readonly #host: Host;
  readonly #lengths: number[] = [];
  readonly #addresses: number[] = [];
  /** The memory of those that have their own; it must stay referenced while C knows its address. */
  readonly #areas: (Area | undefined)[] = [];
  readonly #to: Uint32Array[] = [];
  readonly #from: (Uint32Array | undefined)[] = [];
  #memory: Area | undefined;
  #used = 0;
  #head = 0;
  #bytes = 0;

  constructor(host: Host) {
    this.#host = host;
  }

  get length(): number {
    return this.#lengths.length - this.#head;
  }

  /** What waits, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Copies a datagram in; false when the queue is full. */
  push(data: Uint8Array, to: Uint32Array, from: Uint32Array | undefined): boolean {
    const { length } = data;
    if (this.length >= SEND_QUEUE_DATAGRAMS || this.#bytes + length > SEND_QUEUE_BYTES) return false;
    this.#memory ??= new Area(this.#host, SEND_MEMORY_BYTES);
    const fits = this.#used + length <= SEND_MEMORY_BYTES;
    const area = fits ? this.#memory : new Area(this.#host, Math.max(1, length));
    const at = fits ? this.#used : 0;
    area.bytes.set(data, at);
    if (fits) this.#used += length;
    this.#lengths.push(length);
    this.#addresses.push(area.address + at);
    this.#areas.push(fits ? undefined : area);
    this.#to.push(to);
    this.#from.push(from);
    this.#bytes += length;
    return true;
  }

  /** Puts as many as fit into the batch. `cut`: see `Sender.clear`. */
  fill(sender: Sender, family: 4 | 6, cut: boolean): void {
    sender.clear(cut);
    for (let at = this.#head; at < this.#lengths.length; at++)
      if (!sender.add(this.#addresses[at]!, this.#lengths[at]!, family, this.#to[at]!, this.#from[at])) return;
  }

  /** Forgets the first ones. */
  drop(count: number): void {
    const end = this.#head + count;
    for (let at = this.#head; at < end; at++) {
      this.#bytes -= this.#lengths[at]!;
      this.#areas[at] = undefined;
    }
    this.#head = end;
    if (end === this.#lengths.length) {
      this.#forget(end);
      this.#used = 0;
    } else if (end >= SEND_QUEUE_DATAGRAMS) this.#forget(end);
  }

  #forget(count: number): void {
    for (const list of [this.#lengths, this.#addresses, this.#areas, this.#to, this.#from]) list.splice(0, count);
    this.#head = 0;
  }
}
