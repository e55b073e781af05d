import { hash } from 'node:crypto';

/** Bytes of SHA-256's block, and of its digest. */
const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
/** RFC 2104 §2. */
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/**
 * HMAC-SHA-256 (RFC 2104) of short messages under one key. Two one-shot digests cost a third of node:crypto's Hmac object, of which each CREATE
 * would need a new one.
 */
export class Hmac {
  readonly #inner: Buffer;
  readonly #outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES);
  /** The inner block, and behind it the last message: those of one length lie in the same place. */
  #message: Buffer;

  /** Throws RangeError when the key is longer than a block. */
  constructor(key: Uint8Array) {
    if (key.length > BLOCK_BYTES) throw new RangeError(`a key of ${key.length} bytes; the most is ${BLOCK_BYTES}`);
    this.#inner = Buffer.alloc(BLOCK_BYTES, INNER_PAD);
    this.#outer.fill(OUTER_PAD, 0, BLOCK_BYTES);
    for (const [at, byte] of key.entries()) {
      this.#inner[at]! ^= byte;
      this.#outer[at]! ^= byte;
    }
    this.#message = this.#inner;
  }

  /** The digest, 32 characters, one a byte. */
  of(message: Uint8Array): string {
    if (this.#message.length !== BLOCK_BYTES + message.length) {
      this.#message = Buffer.concat([this.#inner, message]);
    } else {
      this.#message.set(message, BLOCK_BYTES);
    }
    this.#outer.write(hash('sha256', this.#message, 'binary'), BLOCK_BYTES, 'latin1');
    return hash('sha256', this.#outer, 'binary');
  }
}
