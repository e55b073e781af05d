import { NOTIFY_INVAL_INODE, NOTIFY_INVAL_INODE_BYTES, OUT_HEADER_BYTES } from './numbers.ts';

const HIGH = 2 ** 32;

/**
 * The answer to one request: room for the header (`fuse_out_header`), then the fields as they are put in. The memory is its own, since it may be
 * made long before it is sent.
 */
export class Reply {
  readonly bytes: Buffer;
  #at = OUT_HEADER_BYTES;
  #lost: (() => void)[] | null = null;

  /** `capacity` bytes besides the header; what is not put in is not sent. */
  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafe(OUT_HEADER_BYTES + capacity);
  }

  /** Bytes that still fit. */
  get room(): number {
    return this.bytes.length - this.#at;
  }

  u16(value: number): this {
    this.#at = this.bytes.writeUInt16LE(value, this.#at);
    return this;
  }

  u32(value: number): this {
    this.#at = this.bytes.writeUInt32LE(value, this.#at);
    return this;
  }

  /** A whole number below 2^53. */
  u64(value: number): this {
    this.bytes.writeUInt32LE(value % HIGH, this.#at);
    this.#at = this.bytes.writeUInt32LE(Math.floor(value / HIGH), this.#at + 4);
    return this;
  }

  /** An unsigned number of 64 bits. */
  large(value: bigint): this {
    this.#at = this.bytes.writeBigUInt64LE(value, this.#at);
    return this;
  }

  zeros(count: number): this {
    this.bytes.fill(0, this.#at, this.#at + count);
    this.#at += count;
    return this;
  }

  /** Latin-1 bytes. */
  text(value: string): this {
    this.#at += this.bytes.write(value, this.#at, 'latin1');
    return this;
  }

  /** What is to be done if the kernel never sees this answer, because nobody waits for it any more. */
  whenLost(undo: () => void): this {
    this.#lost ??= [];
    this.#lost.push(undo);
    return this;
  }

  lose(): void {
    for (const undo of this.#lost?.splice(0) ?? []) undo();
  }

  /** The whole message, with its header. */
  message(unique: number): Buffer {
    putHeader(this.bytes, this.#at, 0, unique);
    return this.bytes.subarray(0, this.#at);
  }
}

/** What tells the kernel that the attributes of a node, which it believes, are no longer so: no answer to anything. */
export function attributesChanged(nodeid: number): Buffer {
  // An offset below zero spares the cached pages: to let go of those the kernel would wait for reads that it waits for here.
  return invalidation(nodeid, 0xffffffff, 0xffffffff);
}

/** As `attributesChanged`, and the cached pages go, too. Whoever writes it waits for reads of the node that the kernel waits for: never to be written by who answers them. */
export function contentsChanged(nodeid: number): Buffer {
  return invalidation(nodeid, 0, 0);
}

/** `fuse_notify_inval_inode_out`: from an offset on, in two halves, to the end. */
function invalidation(nodeid: number, low: number, high: number): Buffer {
  const reply = new Reply(NOTIFY_INVAL_INODE_BYTES).u64(nodeid);
  reply.u32(low).u32(high).u64(0);
  const message = reply.message(0);
  message.writeInt32LE(NOTIFY_INVAL_INODE, 4);
  return message;
}

/** Writes a `fuse_out_header`: the message's length, a positive errno or 0, the request. */
export function putHeader(bytes: Buffer, length: number, errno: number, unique: number): void {
  bytes.writeUInt32LE(length, 0);
  bytes.writeInt32LE(-errno, 4);
  bytes.writeUInt32LE(unique % HIGH, 8);
  bytes.writeUInt32LE(Math.floor(unique / HIGH), 12);
}
