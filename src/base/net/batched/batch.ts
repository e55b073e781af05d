import type { Host } from './host.ts';
import * as layout from './layout.ts';

/** The most datagrams that one system call takes or gives. */
export const BATCH_DATAGRAMS = 64;
/** Room for one received datagram: the longest has 65,527 bytes (RFC 768, RFC 8200). */
export const DATAGRAM_ROOM = 65_536;

/** Memory that C reads and writes by address. Whoever holds this object keeps the memory. */
export class Area {
  readonly bytes: Buffer;
  readonly words: Uint32Array;
  readonly address: number;

  constructor(host: Host, bytes: number) {
    const memory = new ArrayBuffer(bytes);
    this.bytes = Buffer.from(memory);
    this.words = new Uint32Array(memory);
    this.address = host.addressOf(memory);
  }
}

function setPointer(words: Uint32Array, at: number, address: number): void {
  words[at] = address >>> 0;
  words[at + 1] = Math.floor(address / 2 ** 32);
}

/** An array of `struct mmsghdr` with all that its entries point to, but for what the datagrams say. */
export class MessageBatch {
  /** A slot of `NAME_WORDS` for each: the peer. */
  readonly names: Uint32Array;
  /** A slot of `CONTROL_WORDS` for each: the own address. */
  readonly controls: Uint32Array;
  /** The `struct mmsghdr`s. */
  readonly messages: Uint32Array;
  readonly #areas: readonly Area[];
  readonly #iovecs: Uint32Array;

  constructor(host: Host) {
    const names = new Area(host, BATCH_DATAGRAMS * layout.NAME_BYTES);
    const controls = new Area(host, BATCH_DATAGRAMS * layout.CONTROL_BYTES);
    const iovecs = new Area(host, BATCH_DATAGRAMS * layout.IOVEC_WORDS * 4);
    const messages = new Area(host, BATCH_DATAGRAMS * layout.MESSAGE_WORDS * 4);
    this.#areas = [names, controls, iovecs, messages];
    this.names = names.words;
    this.controls = controls.words;
    this.messages = messages.words;
    this.#iovecs = iovecs.words;
    for (let n = 0; n < BATCH_DATAGRAMS; n++) {
      const at = n * layout.MESSAGE_WORDS;
      setPointer(messages.words, at + layout.MESSAGE.name, names.address + n * layout.NAME_BYTES);
      setPointer(messages.words, at + layout.MESSAGE.iovec, iovecs.address + n * layout.IOVEC_WORDS * 4);
      messages.words[at + layout.MESSAGE.iovecs] = 1;
      setPointer(messages.words, at + layout.MESSAGE.control, controls.address + n * layout.CONTROL_BYTES);
    }
  }

  /** Where the array lies. */
  get address(): number {
    return this.#areas[3]!.address;
  }

  /** Says where in memory the data of entry `n` lies, and how long it is. */
  setData(n: number, address: number, length: number): void {
    setPointer(this.#iovecs, n * layout.IOVEC_WORDS, address);
    this.setLength(n, length);
  }

  /** Says how long the data of entry `n` is. */
  setLength(n: number, length: number): void {
    this.#iovecs[n * layout.IOVEC_WORDS + layout.IOVEC_LENGTH_WORD] = length;
  }

  /** Says how many bytes of name and control message entry `n` has, or has room for. */
  setHeader(n: number, nameBytes: number, controlBytes: number): void {
    const at = n * layout.MESSAGE_WORDS;
    this.messages[at + layout.MESSAGE.nameBytes] = nameBytes;
    this.messages[at + layout.MESSAGE.controlBytes] = controlBytes;
  }
}
