import { type KeyObject, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { IV_BYTES, SEAL_BYTES, TAG_BYTES } from './gcm.ts';
import { checkRoom, nodeSealer, type Sealer } from './sealer.ts';

/** OpenSSL's EVP interface (EVP_EncryptInit(3)), which Node's executable exports or links. Contexts are addresses; 1 means success. */
interface Evp {
  EVP_CIPHER_CTX_new(): unknown;
  EVP_aes_256_gcm(): unknown;
  EVP_CipherInit_ex(
    context: unknown,
    type: unknown,
    engine: null,
    key: Uint8Array | null,
    iv: Uint8Array | null,
    encrypt: number,
  ): number;
  EVP_CIPHER_CTX_ctrl(context: unknown, command: number, length: number, bytes: Uint8Array | null): number;
  EVP_CipherUpdate(
    context: unknown,
    out: Uint8Array | null,
    written: Int32Array,
    input: Uint8Array,
    length: number,
  ): number;
  EVP_CipherFinal_ex(context: unknown, out: Uint8Array | null, written: Int32Array): number;
}

const CALLS = [
  'void *EVP_CIPHER_CTX_new()',
  'const void *EVP_aes_256_gcm()',
  'int EVP_CipherInit_ex(void *context, const void *type, void *engine, const uint8_t *key, const uint8_t *iv, int encrypt)',
  'int EVP_CIPHER_CTX_ctrl(void *context, int command, int length, void *bytes)',
  'int EVP_CipherUpdate(void *context, uint8_t *out, int *written, const uint8_t *input, int length)',
  'int EVP_CipherFinal_ex(void *context, uint8_t *out, int *written)',
] as const;

// <openssl/evp.h>
const SET_IV_LENGTH = 0x9;
const GET_TAG = 0x10;
const SET_TAG = 0x11;

/** The longest text of one call; OpenSSL counts in an `int`. */
export const TEXT_BYTES_MAX = 2 ** 30;

let loaded: Evp | null | undefined;

function evp(): Evp | null {
  if (loaded !== undefined) return loaded;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    const library = koffi.load(null);
    const calls = CALLS.map((text) => library.func(text)).map((call) => [call.info.name, call] as const);
    loaded = Object.fromEntries(calls) as unknown as Evp;
  } catch {
    loaded = null;
  }
  return loaded;
}

/**
 * By OpenSSL itself: the key is set up once, and nothing is allocated for a block, which is most of what node:crypto's time goes into. Null where
 * koffi or OpenSSL's functions are not to be had, or what they make is not what node:crypto makes.
 */
export function opensslSealer(key: KeyObject): Sealer | null {
  const library = evp();
  if (library === null) return null;
  try {
    const sealer = new OpensslSealer(library, key);
    return agrees(sealer, nodeSealer(key)) ? sealer : null;
  } catch {
    return null;
  }
}

/** The fastest that works here: Node's own OpenSSL called with koffi takes a third of the time of node:crypto for a block of 4 KiB. */
export function fastestSealer(key: KeyObject): Sealer {
  return opensslSealer(key) ?? nodeSealer(key);
}

class OpensslSealer implements Sealer {
  readonly #library: Evp;
  readonly #encrypt: unknown;
  readonly #decrypt: unknown;
  readonly #written = new Int32Array(1);

  constructor(library: Evp, key: KeyObject) {
    this.#library = library;
    const bytes = key.export();
    try {
      this.#encrypt = this.#context(bytes, 1);
      this.#decrypt = this.#context(bytes, 0);
    } finally {
      bytes.fill(0);
    }
  }

  seal(out: Uint8Array, at: number, iv: Uint8Array, associated: Uint8Array, plain: Uint8Array): void {
    if (iv.length !== IV_BYTES) throw new RangeError(`an IV has ${IV_BYTES} bytes, not ${iv.length}`);
    checkRoom(out, at, plain.length + SEAL_BYTES);
    const text = at + IV_BYTES;
    const tag = text + plain.length;
    const context = this.#encrypt;
    out.set(iv, at);
    this.#begin(context, iv, associated, 1);
    this.#text(context, out.subarray(text, tag), plain);
    must(this.#library.EVP_CipherFinal_ex(context, null, this.#written), 'EVP_CipherFinal_ex');
    must(
      this.#library.EVP_CIPHER_CTX_ctrl(context, GET_TAG, TAG_BYTES, out.subarray(tag, tag + TAG_BYTES)),
      'EVP_CIPHER_CTX_ctrl',
    );
  }

  open(out: Uint8Array, at: number, associated: Uint8Array, sealed: Uint8Array): boolean {
    const length = sealed.length - SEAL_BYTES;
    if (length < 0) return false;
    checkRoom(out, at, length);
    const context = this.#decrypt;
    const plain = out.subarray(at, at + length);
    const tag = sealed.subarray(IV_BYTES + length);
    this.#begin(context, sealed.subarray(0, IV_BYTES), associated, 0);
    this.#text(context, plain, sealed.subarray(IV_BYTES, IV_BYTES + length));
    must(this.#library.EVP_CIPHER_CTX_ctrl(context, SET_TAG, TAG_BYTES, tag), 'EVP_CIPHER_CTX_ctrl');
    if (this.#library.EVP_CipherFinal_ex(context, null, this.#written) === 1) return true;
    plain.fill(0);
    return false;
  }

  #context(key: Uint8Array, encrypt: 0 | 1): unknown {
    const library = this.#library;
    const context = library.EVP_CIPHER_CTX_new();
    if (context === null) throw new Error('EVP_CIPHER_CTX_new failed');
    must(library.EVP_CipherInit_ex(context, library.EVP_aes_256_gcm(), null, null, null, encrypt), 'EVP_CipherInit_ex');
    must(library.EVP_CIPHER_CTX_ctrl(context, SET_IV_LENGTH, IV_BYTES, null), 'EVP_CIPHER_CTX_ctrl');
    must(library.EVP_CipherInit_ex(context, null, null, key, null, encrypt), 'EVP_CipherInit_ex');
    return context;
  }

  /** A new text under the same key. */
  #begin(context: unknown, iv: Uint8Array, associated: Uint8Array, encrypt: 0 | 1): void {
    const library = this.#library;
    must(library.EVP_CipherInit_ex(context, null, null, null, iv, encrypt), 'EVP_CipherInit_ex');
    if (associated.length === 0) return;
    must(
      library.EVP_CipherUpdate(context, null, this.#written, associated, checked(associated.length)),
      'EVP_CipherUpdate',
    );
  }

  #text(context: unknown, out: Uint8Array, input: Uint8Array): void {
    if (input.length === 0) return;
    must(this.#library.EVP_CipherUpdate(context, out, this.#written, input, checked(input.length)), 'EVP_CipherUpdate');
  }
}

function must(status: number, call: string): void {
  if (status !== 1) throw new Error(`OpenSSL's ${call} failed`);
}

function checked(length: number): number {
  if (length > TEXT_BYTES_MAX) throw new RangeError(`a text has at most ${TEXT_BYTES_MAX} bytes, not ${length}`);
  return length;
}

/** Whether both make the same of a text, open what the other made, and refuse what was changed. */
function agrees(one: Sealer, other: Sealer): boolean {
  const [iv, associated, plain] = [IV_BYTES, 24, 100].map((length) => randomBytes(length)) as [Buffer, Buffer, Buffer];
  const made = [one, other].map((sealer) => {
    const sealed = Buffer.alloc(plain.length + SEAL_BYTES);
    sealer.seal(sealed, 0, iv, associated, plain);
    return sealed;
  }) as [Buffer, Buffer];
  const opened = Buffer.alloc(plain.length);
  const opens = one.open(opened, 0, associated, made[1]) && opened.equals(plain) && made[0].equals(made[1]);
  made[1][IV_BYTES]! ^= 1;
  return opens && !one.open(opened, 0, associated, made[1]);
}
