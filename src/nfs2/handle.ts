import { timingSafeEqual } from 'node:crypto';
import { andThen, type Eventually } from '../base/eventually.ts';
import { FlareError } from '../flare/errors.ts';
import type { FlareService } from '../flare/service.ts';
import type { Attributes, FlareId, Key } from '../flare/types.ts';
import { type Handle, HandleCache } from './handle-cache.ts';
import { Hmac } from './hmac.ts';
import { HANDLE_BYTES } from './schema.ts';

export type { Handle } from './handle-cache.ts';

/** The version of the layout below, in the first byte. */
export const HANDLE_VERSION = 1;

/*
 * The layout, big endian: version 1, share 2, key 20, low bits of the generation 3, MAC 6.
 */
const SHARE_AT = 1;
const KEY_AT = 3;
const GENERATION_AT = 23;
const MAC_AT = 26;
const GENERATION_RANGE = 2 ** 24;

/** Bytes of the secret that handles are made under: the network's, made when it is booted. */
export const SECRET_BYTES = 32;

/**
 * Makes and reads file handles (RFC 1094 §2.3.3). They mean the same on every volcano of the network, at any time: nothing about them is
 * stored. A handle that was not made under the network's secret, or whose flare is gone, is STALE.
 */
export class Handles {
  readonly #hmac: Hmac;
  readonly #service: FlareService;
  readonly #cache = new HandleCache();

  /** Throws RangeError when the secret is not `SECRET_BYTES` long. */
  constructor(secret: Uint8Array, service: FlareService) {
    if (secret.length !== SECRET_BYTES)
      throw new RangeError(`the handles' secret has ${secret.length} bytes; it must have ${SECRET_BYTES}`);
    this.#hmac = new Hmac(secret);
    this.#service = service;
  }

  /** The handle of that flare, reached through the share of that number (0 to 65,535). The bytes must not be changed. */
  issue(id: FlareId, share: number): Buffer {
    const known = this.#cache.byKey(id.key);
    if (known !== undefined && known.generation === id.generation && known.share === share) return known.bytes;
    const bytes = Buffer.alloc(HANDLE_BYTES);
    bytes[0] = HANDLE_VERSION;
    bytes.writeUInt16BE(share, SHARE_AT);
    bytes.write(id.key, KEY_AT, 'latin1');
    bytes.writeUIntBE(id.generation % GENERATION_RANGE, GENERATION_AT, 3);
    bytes.write(this.#mac(bytes), MAC_AT, 'latin1');
    this.#remember(id, share, bytes);
    return bytes;
  }

  /** What a handle means. STALE when it is not one of this network or its flare is gone; a flare that goes later is found out by its use. */
  open(bytes: Buffer): Eventually<Handle> {
    const known = this.#cache.byText(bytes.toString('latin1'));
    if (known !== undefined) return known;
    this.#verify(bytes);
    const own = Buffer.from(bytes);
    return andThen(this.#service.find(own.toString('latin1', KEY_AT, GENERATION_AT) as Key), (flare) =>
      this.#resolved(own, flare),
    );
  }

  /** Whether this network made that handle. */
  isOurs(bytes: Buffer): boolean {
    if (bytes.length !== HANDLE_BYTES) return false;
    try {
      this.#verify(bytes);
      return true;
    } catch (error) {
      if (error instanceof FlareError) return false;
      throw error;
    }
  }

  /** The number of the share that a handle was reached through, whether its flare is there or gone. STALE when it is not one of this network. */
  shareOf(bytes: Buffer): number {
    this.#verify(bytes);
    return bytes.readUInt16BE(SHARE_AT);
  }

  /** The key that a handle names, whether its flare is there or gone. STALE when it is not one of this network. */
  keyOf(bytes: Buffer): Key {
    this.#verify(bytes);
    return bytes.toString('latin1', KEY_AT, GENERATION_AT) as Key;
  }

  #verify(bytes: Buffer): void {
    if (bytes[0] !== HANDLE_VERSION) throw FlareError.of('STALE');
    const mac = Buffer.from(this.#mac(bytes), 'latin1');
    if (!timingSafeEqual(mac, bytes.subarray(MAC_AT, HANDLE_BYTES))) throw FlareError.of('STALE');
  }

  #resolved(bytes: Buffer, flare: Attributes): Handle {
    if (flare.generation % GENERATION_RANGE !== bytes.readUIntBE(GENERATION_AT, 3)) throw FlareError.of('STALE');
    return this.#remember(flare, bytes.readUInt16BE(SHARE_AT), bytes);
  }

  #remember({ key, generation }: FlareId, share: number, bytes: Buffer): Handle {
    const handle = { key, generation, share, bytes, text: bytes.toString('latin1') };
    this.#cache.keep(handle);
    return handle;
  }

  /** The MAC of a handle's first bytes, one character a byte. */
  #mac(bytes: Buffer): string {
    return this.#hmac.of(bytes.subarray(0, MAC_AT)).slice(0, HANDLE_BYTES - MAC_AT);
  }
}
