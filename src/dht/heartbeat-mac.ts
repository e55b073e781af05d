import { createHmac, timingSafeEqual } from 'node:crypto';

/** Bytes of a volcano's id. */
export const VOLCANO_ID_BYTES = 16;
/** Bytes of the chance that a volcano draws at each start. */
export const BOOT_NONCE_BYTES = 8;
const MAC_BYTES = 16;
const VERSION = 1;
const HEADER_BYTES = 1 + VOLCANO_ID_BYTES + BOOT_NONCE_BYTES + 8;
/** The longest payload of a heartbeat, in bytes: it fits any path. */
export const HEARTBEAT_BYTES_MAX = 1024;
/** How far behind the newest heartbeat one may come and still be taken, in numbers. */
export const REPLAY_WINDOW = 64;
/** Volcanos whose heartbeats are followed, at most. */
export const HEARTBEAT_SENDERS_MAX = 1000;

function macOf(key: Uint8Array, signed: Uint8Array): Buffer {
  return createHmac('sha256', key).update(signed).digest().subarray(0, MAC_BYTES);
}

/** Makes one volcano's heartbeats, of one start of it. */
export class HeartbeatSender {
  readonly #key: Uint8Array;
  readonly #head: Buffer;
  #counter = 0;

  /** `id` is the volcano's, `bootNonce` drawn at this start and told to the others over TLS. */
  constructor(key: Uint8Array, id: Uint8Array, bootNonce: Uint8Array) {
    if (id.length !== VOLCANO_ID_BYTES) throw new RangeError(`a volcano's id has ${VOLCANO_ID_BYTES} bytes`);
    if (bootNonce.length !== BOOT_NONCE_BYTES) throw new RangeError(`a boot nonce has ${BOOT_NONCE_BYTES} bytes`);
    this.#key = key;
    this.#head = Buffer.concat([Buffer.of(VERSION), id, bootNonce]);
  }

  /**
   * The datagram of one heartbeat: version, volcano, boot nonce, counter, payload, and the first half of the HMAC-SHA-256 of all that. Throws RangeError when
   * the payload is too long.
   */
  seal(payload: Uint8Array): Buffer {
    if (payload.length > HEARTBEAT_BYTES_MAX) {
      throw new RangeError(`a heartbeat has at most ${HEARTBEAT_BYTES_MAX} bytes, not ${payload.length}`);
    }
    this.#counter += 1;
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(this.#counter));
    const signed = Buffer.concat([this.#head, counter, payload]);
    return Buffer.concat([signed, macOf(this.#key, signed)]);
  }
}

/** Why a heartbeat was not taken. */
export type HeartbeatRefusal = 'malformed' | 'unknown' | 'forged' | 'replayed';

/** What a heartbeat said. */
export interface Heartbeat {
  readonly sender: Buffer;
  readonly counter: number;
  /** Aliases the datagram. */
  readonly payload: Buffer;
}

interface Followed {
  readonly bootNonce: Buffer;
  newest: number;
  /** Bit n: number `newest - n` has been taken. */
  seen: bigint;
}

/** Takes each heartbeat of the volcanos that are followed once, and no other datagram. */
export class HeartbeatReceiver {
  readonly #key: Uint8Array;
  readonly #followed = new Map<string, Followed>();

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /**
   * Follows a volcano from now on under that boot nonce, which came over TLS: heartbeats of its earlier starts are refused. Nothing changes when the nonce is
   * the one known. Throws RangeError beyond `HEARTBEAT_SENDERS_MAX`.
   */
  follow(id: Uint8Array, bootNonce: Uint8Array): void {
    const name = Buffer.from(id).toString('latin1');
    const known = this.#followed.get(name);
    if (known?.bootNonce.equals(bootNonce)) return;
    if (known === undefined && this.#followed.size >= HEARTBEAT_SENDERS_MAX) {
      throw new RangeError(`at most ${HEARTBEAT_SENDERS_MAX} volcanos are followed`);
    }
    this.#followed.set(name, { bootNonce: Buffer.from(bootNonce), newest: 0, seen: 0n });
  }

  /** Takes nothing of that volcano any more. */
  forget(id: Uint8Array): void {
    this.#followed.delete(Buffer.from(id).toString('latin1'));
  }

  /** Opens a datagram, or says why not. `unknown`: a volcano or a start of it that is not followed. */
  open(datagram: Buffer): Heartbeat | HeartbeatRefusal {
    const end = datagram.length - MAC_BYTES;
    if (datagram[0] !== VERSION || end < HEADER_BYTES || end > HEADER_BYTES + HEARTBEAT_BYTES_MAX) return 'malformed';
    const sender = datagram.subarray(1, 1 + VOLCANO_ID_BYTES);
    const followed = this.#followed.get(sender.toString('latin1'));
    const nonceEnd = 1 + VOLCANO_ID_BYTES + BOOT_NONCE_BYTES;
    if (!followed?.bootNonce.equals(datagram.subarray(1 + VOLCANO_ID_BYTES, nonceEnd))) return 'unknown';
    if (!timingSafeEqual(macOf(this.#key, datagram.subarray(0, end)), datagram.subarray(end))) return 'forged';
    const counter = Number(datagram.readBigUInt64BE(nonceEnd));
    if (!Number.isSafeInteger(counter) || !take(followed, counter)) return 'replayed';
    return { sender, counter, payload: datagram.subarray(HEADER_BYTES, end) };
  }
}

/** Notes a number as taken; false when it has been before, or is too old to know. */
function take(followed: Followed, counter: number): boolean {
  const ahead = counter - followed.newest;
  if (ahead > 0) {
    followed.seen = ahead >= REPLAY_WINDOW ? 1n : BigInt.asUintN(REPLAY_WINDOW, (followed.seen << BigInt(ahead)) | 1n);
    followed.newest = counter;
    return true;
  }
  const bit = 1n << BigInt(-ahead);
  if (-ahead >= REPLAY_WINDOW || counter < 1 || (followed.seen & bit) !== 0n) return false;
  followed.seen |= bit;
  return true;
}
