import { type Cipheriv, createCipheriv, createDecipheriv, type Decipheriv, type KeyObject } from 'node:crypto';

/** Bytes of an AES block, of an EME tweak, and what EME's input is a multiple of. */
export const EME_BLOCK_BYTES = 16;
/** The most blocks that EME is defined for: as many as a block has bits. */
export const EME_BLOCKS_MAX = 128;

/**
 * EME (ECB-mix-ECB) over AES-256: a wide-block cipher, under which every bit of the output depends on every bit of the input and of the tweak, so that
 * names with a common beginning have nothing in common when they are encrypted. The algorithm is figure 1 of Halevi and Rogaway, "A Parallelizable
 * Enciphering Mode" (2003, eprint 2003/147), with the byte order of the IEEE P1619 working group's EME-32-AES, as in gocryptfs: byte 0 of a block is the
 * lowest power. It encrypts and does not authenticate: a changed ciphertext decrypts to something else.
 *
 * Deciphering is the same algorithm with AES's inverse, but for the masks, which come from AES itself.
 */
export class Eme {
  readonly #encrypt: Cipheriv;
  readonly #decrypt: Decipheriv;
  /** 2^i times L, for each i below `EME_BLOCKS_MAX`, one after the other. */
  readonly #masks: Buffer;

  /** Takes a key of 32 bytes. */
  constructor(key: KeyObject) {
    // Without padding ECB has no state: one cipher serves for every call, and gives each block back in the call that brought it.
    this.#encrypt = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
    this.#decrypt = createDecipheriv('aes-256-ecb', key, null).setAutoPadding(false);
    this.#masks = multiples(double(this.#encrypt.update(Buffer.alloc(EME_BLOCK_BYTES))), EME_BLOCKS_MAX);
  }

  /** The ciphertext, as long as `plain`: 1 to 128 blocks of 16 bytes. RangeError for other lengths of it or of the tweak (16 bytes). */
  encrypt(tweak: Uint8Array, plain: Uint8Array): Buffer {
    return transform(this.#encrypt, this.#masks, tweak, plain);
  }

  /** What `encrypt` made the ciphertext from, under the same tweak. RangeError as there. */
  decrypt(tweak: Uint8Array, cipher: Uint8Array): Buffer {
    return transform(this.#decrypt, this.#masks, tweak, cipher);
  }
}

/** The names of the variables are those of the paper. */
function transform(aes: Cipheriv | Decipheriv, masks: Buffer, tweak: Uint8Array, input: Uint8Array): Buffer {
  const blocks = input.length / EME_BLOCK_BYTES;
  if (tweak.length !== EME_BLOCK_BYTES) throw new RangeError(`an EME tweak has 16 bytes, not ${tweak.length}`);
  if (!Number.isInteger(blocks) || blocks < 1 || blocks > EME_BLOCKS_MAX) {
    throw new RangeError(`EME takes 1 to ${EME_BLOCKS_MAX} blocks of 16 bytes, not ${input.length} bytes`);
  }
  const pp = Buffer.from(input);
  xorInto(pp, masks, 0, pp.length);
  const ppp = aes.update(pp);

  const sp = sumOfRest(ppp);
  const mp = Buffer.from(ppp.subarray(0, EME_BLOCK_BYTES));
  xorInto(mp, sp, 0, EME_BLOCK_BYTES);
  xorInto(mp, tweak, 0, EME_BLOCK_BYTES);
  const mc = aes.update(mp);

  const m = Buffer.from(mp);
  xorInto(m, mc, 0, EME_BLOCK_BYTES);
  const ccc = ppp;
  const shifts = multiples(m, blocks);
  xorInto(ccc, shifts, EME_BLOCK_BYTES, ccc.length);
  const sc = sumOfRest(ccc);
  mc.copy(ccc, 0);
  xorInto(ccc, sc, 0, EME_BLOCK_BYTES);
  xorInto(ccc, tweak, 0, EME_BLOCK_BYTES);

  const output = aes.update(ccc);
  xorInto(output, masks, 0, output.length);
  return output;
}

/** `target` from `from` up to `to`, each byte with the byte of `other` at the same place. */
function xorInto(target: Uint8Array, other: Uint8Array, from: number, to: number): void {
  for (let at = from; at < to; at++) target[at]! ^= other[at]!;
}

/** The sum of all blocks but the first. */
function sumOfRest(blocks: Uint8Array): Buffer {
  const sum = Buffer.alloc(EME_BLOCK_BYTES);
  for (let at = EME_BLOCK_BYTES; at < blocks.length; at++) sum[at % EME_BLOCK_BYTES]! ^= blocks[at]!;
  return sum;
}

/** Twice a block in GF(2^128) modulo x^128 + x^7 + x^2 + x + 1, byte 0 lowest. */
function double(block: Uint8Array): Buffer {
  const doubled = Buffer.alloc(EME_BLOCK_BYTES);
  let carry = block[EME_BLOCK_BYTES - 1]! >= 0x80 ? 0x87 : 0;
  for (let at = 0; at < EME_BLOCK_BYTES; at++) {
    doubled[at] = ((block[at]! << 1) & 0xff) ^ carry;
    carry = block[at]! >> 7;
  }
  return doubled;
}

/** A block, twice it, four times it and so on, one after the other. */
function multiples(block: Uint8Array, count: number): Buffer {
  const all = Buffer.alloc(count * EME_BLOCK_BYTES);
  let next: Buffer = Buffer.from(block);
  for (let at = 0; at < all.length; at += EME_BLOCK_BYTES) {
    next.copy(all, at);
    next = double(next);
  }
  return all;
}
