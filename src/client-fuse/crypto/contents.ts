import type { Random } from '../../base/random.ts';
import { CipherError } from './errors.ts';
import { IV_BYTES, SEAL_BYTES } from './gcm.ts';
import { FILE_ID_BYTES, placeOf } from './place.ts';
import type { Sealer } from './sealer.ts';
import { CIPHER_BLOCK_BYTES, HEADER_BYTES, PLAIN_BLOCK_BYTES } from './sizes.ts';

/** The version in every file's header. */
export const HEADER_VERSION = 2;

/** What begins every file that is not empty. */
export interface FileHeader {
  /** Chance: which file the blocks belong to. */
  readonly fileId: Buffer;
}

/** Gives memory of so many bytes, of any content. */
export type Take = (bytes: number) => Buffer;

const HOLE = Buffer.alloc(CIPHER_BLOCK_BYTES);

/**
 * Reads a file's first 18 bytes: a version, 2 bytes, most significant first, and the id. HEADER_BROKEN for another version and for an id of zeros, as
 * where there is a hole; BLOCK_TRUNCATED when there are fewer bytes.
 */
export function parseHeader(bytes: Uint8Array): FileHeader {
  if (bytes.length < HEADER_BYTES) {
    throw new CipherError('BLOCK_TRUNCATED', `the header has ${bytes.length} bytes; it must have ${HEADER_BYTES}`);
  }
  const header = Buffer.from(bytes.subarray(0, HEADER_BYTES));
  const version = header.readUInt16BE(0);
  if (version !== HEADER_VERSION) {
    throw new CipherError('HEADER_BROKEN', `the header has version ${version}; only ${HEADER_VERSION} is known`);
  }
  const fileId = header.subarray(HEADER_BYTES - FILE_ID_BYTES);
  if (fileId.every((byte) => byte === 0)) throw new CipherError('HEADER_BROKEN', 'the id in the header is all zeros');
  return { fileId };
}

/** The 18 bytes that `parseHeader` reads. */
export function formatHeader({ fileId }: FileHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUInt16BE(HEADER_VERSION, 0);
  bytes.set(fileId, HEADER_BYTES - FILE_ID_BYTES);
  return bytes;
}

/** The blocks of the files of a tree: AES-256-GCM with a new IV each time, tied to its place by `placeOf`. */
export class ContentCipher {
  readonly #sealer: Sealer;
  readonly #random: Random;

  constructor(sealer: Sealer, random: Random) {
    this.#sealer = sealer;
    this.#random = random;
  }

  /** The header of a new file. */
  newHeader(): FileHeader {
    return { fileId: this.#random.bytes(FILE_ID_BYTES) };
  }

  /** Bytes that `seal` makes of so many. */
  static sealedBytes(plain: number): number {
    return plain + Math.ceil(plain / PLAIN_BLOCK_BYTES) * SEAL_BYTES;
  }

  /**
   * Puts into `out`, at `at`, the ciphertext of `plain`, which begins at the beginning of block `first`: whole blocks, and in the end what remains. A file's last block is the only
   * one that may be short. Zeros are encrypted like anything else.
   */
  sealInto(out: Buffer, at: number, header: FileHeader, first: number, plain: Uint8Array): void {
    const blocks = Math.ceil(plain.length / PLAIN_BLOCK_BYTES);
    const ivs = this.#random.bytes(blocks * IV_BYTES);
    for (let index = 0; index < blocks; index++) {
      const iv = ivs.subarray(index * IV_BYTES, (index + 1) * IV_BYTES);
      const text = plain.subarray(index * PLAIN_BLOCK_BYTES, (index + 1) * PLAIN_BLOCK_BYTES);
      this.#sealer.seal(out, at + index * CIPHER_BLOCK_BYTES, iv, placeOf(first + index, header.fileId), text);
    }
  }

  /** `sealInto` memory of its own. */
  seal(header: FileHeader, first: number, plain: Uint8Array): Buffer {
    const out = Buffer.allocUnsafe(ContentCipher.sealedBytes(plain.length));
    this.sealInto(out, 0, header, first, plain);
    return out;
  }

  /**
   * What was sealed so: `cipher` begins at the beginning of block `first`. Whole blocks of zeros are holes and open as zeros: nobody vouches for them.
   * BLOCK_BROKEN for a block that was altered, or is of another place, file or key; BLOCK_TRUNCATED for a last one without contents. Nothing is
   * given back then, not even blocks before it. It lies in what `take` gives for so many bytes.
   */
  open(header: FileHeader, first: number, cipher: Uint8Array, take: Take = Buffer.allocUnsafe): Buffer {
    const blocks = Math.ceil(cipher.length / CIPHER_BLOCK_BYTES);
    const out = take(Math.max(0, cipher.length - blocks * SEAL_BYTES));
    for (let index = 0; index < blocks; index++) {
      const sealed = cipher.subarray(index * CIPHER_BLOCK_BYTES, (index + 1) * CIPHER_BLOCK_BYTES);
      const at = index * PLAIN_BLOCK_BYTES;
      // The first byte rules out nearly all that is no hole without looking at the rest.
      if (sealed[0] === 0 && HOLE.equals(sealed)) out.fill(0, at, at + PLAIN_BLOCK_BYTES);
      else this.#openBlock(header, first + index, sealed, out, at);
    }
    return out;
  }

  #openBlock(header: FileHeader, block: number, sealed: Uint8Array, out: Buffer, at: number): void {
    if (sealed.length <= SEAL_BYTES) {
      const what = `block ${block} has ${sealed.length} bytes; it must have more than ${SEAL_BYTES}`;
      throw new CipherError('BLOCK_TRUNCATED', `${what}: the file was cut short`, block);
    }
    if (!this.#sealer.open(out, at, placeOf(block, header.fileId), sealed)) {
      const why = 'altered, or of another place, another file or another tree';
      throw new CipherError('BLOCK_BROKEN', `block ${block} cannot be decrypted: ${why}`, block);
    }
  }
}
