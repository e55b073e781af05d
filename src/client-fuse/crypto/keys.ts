import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { CipherError } from './errors.ts';
import { KEY_BYTES } from './stretch.ts';

/** What each derived key is for: the `info` of HKDF (RFC 5869), letter for letter as gocryptfs has it. */
export const KEY_INFO = {
  contents: 'AES-GCM file content encryption',
  names: 'EME filename encryption',
} as const;

/** The key of that purpose, by HKDF-SHA-256 without salt. */
export function deriveKey(from: Uint8Array, purpose: keyof typeof KEY_INFO): KeyObject {
  const bytes = new Uint8Array(hkdfSync('sha256', from, new Uint8Array(0), KEY_INFO[purpose], KEY_BYTES));
  try {
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}

/** The longest text that is looked at as a master key, in characters. */
export const MASTER_KEY_CHARACTERS_MAX = 256;

/**
 * The key of an encrypted tree, from which all others come. Who has it needs no passphrase and no `gocryptfs.conf`.
 */
export class MasterKey {
  readonly #bytes: Buffer;

  /** Takes 32 bytes over, and wipes them in `wipe`. */
  constructor(bytes: Buffer) {
    if (bytes.length !== KEY_BYTES) throw new RangeError(`a master key has ${KEY_BYTES} bytes, not ${bytes.length}`);
    this.#bytes = bytes;
  }

  /**
   * Reads what `text` wrote and `gocryptfs -init` prints: 64 hexadecimal digits, with `-` and white space anywhere between them. MASTER_KEY_BROKEN
   * when it is anything else; the text is never in the message.
   */
  static parse(text: string): MasterKey {
    const digits = text.length <= MASTER_KEY_CHARACTERS_MAX ? text.replace(/[-\s]/g, '') : '';
    if (digits.length !== 2 * KEY_BYTES || !/^[0-9a-fA-F]*$/.test(digits)) {
      throw new CipherError(
        'MASTER_KEY_BROKEN',
        `a master key is ${2 * KEY_BYTES} hexadecimal digits, in groups with "-" between them if you like`,
      );
    }
    return new MasterKey(Buffer.from(digits, 'hex'));
  }

  /** Calls `use` with the 32 bytes, which it must not keep. */
  expose<Result>(use: (bytes: Uint8Array) => Result): Result {
    return use(this.#bytes);
  }

  /** The key for a person to write down: 8 groups of 8 hexadecimal digits, as gocryptfs prints and takes it. */
  text(): string {
    return this.#bytes.toString('hex').replace(/(.{8})(?!$)/g, '$1-');
  }

  /** Overwrites the key. What was derived from it stays. */
  wipe(): void {
    this.#bytes.fill(0);
  }
}
