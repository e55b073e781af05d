import type { Endpoint } from '../../net.ts';
import { Area, BATCH_DATAGRAMS, DATAGRAM_ROOM, MessageBatch } from './batch.ts';
import type { Endpoints } from './endpoint.ts';
import type { Host } from './host.ts';
import * as layout from './layout.ts';

const { CMSG, MESSAGE, PKTINFO } = layout;

/** Takes datagrams from sockets, many in one system call. All sockets share one, because each batch is dealt with before the next is taken. */
export class Receiver {
  readonly #host: Host;
  readonly #endpoints: Endpoints;
  readonly #batch: MessageBatch;
  /** A slot of `DATAGRAM_ROOM` for each datagram. */
  readonly #area: Area;

  constructor(host: Host, endpoints: Endpoints) {
    this.#host = host;
    this.#endpoints = endpoints;
    this.#batch = new MessageBatch(host);
    this.#area = new Area(host, BATCH_DATAGRAMS * DATAGRAM_ROOM);
    for (let n = 0; n < BATCH_DATAGRAMS; n++) {
      this.#batch.setData(n, this.#area.address + n * DATAGRAM_ROOM, DATAGRAM_ROOM);
      this.#batch.setHeader(n, layout.NAME_BYTES, layout.CONTROL_BYTES);
    }
  }

  /** Takes what is there, `BATCH_DATAGRAMS` at most. Returns how many, 0 when there is nothing or an error was reported instead. */
  take(fd: number): number {
    return Math.max(0, this.#host.recvmmsg(fd, this.#batch.address, BATCH_DATAGRAMS, layout.MSG_DONTWAIT, 0));
  }

  /** What datagram `n` says, valid until the next batch is taken. */
  data(n: number): Buffer {
    const start = n * DATAGRAM_ROOM;
    const length = this.#batch.messages[n * layout.MESSAGE_WORDS + MESSAGE.length]!;
    return this.#area.bytes.subarray(start, start + length);
  }

  /** Who sent datagram `n`. */
  from(n: number, family: 4 | 6): Endpoint {
    const { names } = this.#batch;
    const at = n * layout.NAME_WORDS;
    if (family === 4) return this.#endpoints.ipv4(names[at]!, names[at + 1]!);
    return this.#endpoints.ipv6(names[at]!, names, at + layout.ADDRESS_WORD[6], names[at + layout.SCOPE_WORD]!);
  }

  /**
   * The local endpoint that datagram `n` came to, with that word of family and port: for a broadcast the address of the interface, from which an
   * answer may leave. Undefined when that is not known, as for IPv6 multicast.
   */
  to(n: number, family: 4 | 6, port: number): Endpoint | undefined {
    const { controls } = this.#batch;
    const at = n * layout.CONTROL_WORDS;
    const { length, level, type } = PKTINFO[family];
    const given = this.#batch.messages[n * layout.MESSAGE_WORDS + MESSAGE.controlBytes]! >= length;
    if (!given || controls[at + CMSG.level] !== level || controls[at + CMSG.type] !== type) return undefined;
    if (family === 4) return this.#endpoints.ipv4(port, controls[at + layout.PKTINFO4_OWN_WORD]!);
    const multicast = (controls[at + layout.PKTINFO6_ADDRESS_WORD]! & 0xff) === 0xff;
    const scope = controls[at + layout.PKTINFO6_INTERFACE_WORD]!;
    return multicast ? undefined : this.#endpoints.ipv6(port, controls, at + layout.PKTINFO6_ADDRESS_WORD, scope);
  }

  /** Makes the first `count` entries ready for the next batch: the host left in them what it filled. */
  renew(count: number): void {
    for (let n = 0; n < count; n++) this.#batch.setHeader(n, layout.NAME_BYTES, layout.CONTROL_BYTES);
  }
}
