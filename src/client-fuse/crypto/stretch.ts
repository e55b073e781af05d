import { scrypt } from 'node:crypto';
import { CipherError } from './errors.ts';

/** The longest passphrase that is taken, in bytes. */
export const PASSPHRASE_BYTES_MAX = 2000;
/** Bytes of the key that comes out, as of all keys here. */
export const KEY_BYTES = 32;

/** What scrypt (RFC 7914) is told, besides the passphrase. */
export interface StretchCost {
  readonly salt: Uint8Array;
  /** CPU and memory cost, a power of 2. */
  readonly N: number;
  /** Block size. */
  readonly r: number;
  /** Parallelization. */
  readonly p: number;
}

/** log2 of N for new trees: 128 MiB a guess, as newer versions of gocryptfs take; 2.3 takes 16. */
export const STRETCH_LOG_N = 17;
/** Less than these gocryptfs refuses to open, and so do we: a guess would cost too little. */
export const STRETCH_MIN = { N: 2 ** 10, r: 8, p: 1, saltBytes: 32 } as const;
/** A configuration that comes from a volcano must not take all memory and time of a client: 1 GiB, and four times the work of that. */
export const STRETCH_MAX = { N: 2 ** 20, r: 64, p: 16, saltBytes: 64, memory: 2 ** 30, work: 2 ** 32 } as const;

/** Why these costs are not taken; null when they are. */
export function costFault({ salt, N, r, p }: StretchCost): string | null {
  const within = (value: number, least: number, most: number) =>
    Number.isInteger(value) && value >= least && value <= most;
  if (!within(N, STRETCH_MIN.N, STRETCH_MAX.N) || (N & (N - 1)) !== 0) {
    return `scrypt's N is ${N}; it must be a power of 2 from ${STRETCH_MIN.N} to ${STRETCH_MAX.N}`;
  }
  if (!within(r, STRETCH_MIN.r, STRETCH_MAX.r))
    return `scrypt's R is ${r}; it must be ${STRETCH_MIN.r} to ${STRETCH_MAX.r}`;
  if (!within(p, STRETCH_MIN.p, STRETCH_MAX.p))
    return `scrypt's P is ${p}; it must be ${STRETCH_MIN.p} to ${STRETCH_MAX.p}`;
  if (!within(salt.length, STRETCH_MIN.saltBytes, STRETCH_MAX.saltBytes)) {
    return `scrypt's salt has ${salt.length} bytes; it must have ${STRETCH_MIN.saltBytes} to ${STRETCH_MAX.saltBytes}`;
  }
  if (128 * N * r > STRETCH_MAX.memory)
    return `scrypt would take ${128 * N * r} bytes; the most is ${STRETCH_MAX.memory}`;
  if (128 * N * r * p > STRETCH_MAX.work)
    return `scrypt's N times R times P is ${N * r * p}; the most is ${STRETCH_MAX.work / 128}`;
  return null;
}

/**
 * The 32 bytes that scrypt makes of a passphrase, off the event loop. Rejects with PASSPHRASE_REFUSED for one that is empty or longer than
 * `PASSPHRASE_BYTES_MAX`, with RangeError for costs that `costFault` does not take. The result is the caller's to wipe.
 */
export async function stretchPassphrase(passphrase: Uint8Array, cost: StretchCost): Promise<Buffer> {
  if (passphrase.length === 0 || passphrase.length > PASSPHRASE_BYTES_MAX) {
    throw new CipherError(
      'PASSPHRASE_REFUSED',
      `a passphrase has 1 to ${PASSPHRASE_BYTES_MAX} bytes, not ${passphrase.length}`,
    );
  }
  const fault = costFault(cost);
  if (fault !== null) throw new RangeError(fault);
  const { salt, N, r, p } = cost;
  // OpenSSL counts the p blocks of 128 r bytes and its own working block, too.
  const maxmem = 128 * r * (N + p + 2);
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, KEY_BYTES, { N, r, p, maxmem }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
