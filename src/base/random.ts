import { randomBytes } from 'node:crypto';

/** The only source of chance, so that a seed reproduces a run. */
export interface Random {
  /** `length` unpredictable bytes. */
  bytes(length: number): Buffer;
  /** A whole number, evenly spread over 0 up to but not including `limit` (1 to 2^48). */
  below(limit: number): number;
}

/** The host's cryptographic generator. */
export const systemRandom: Random = {
  bytes: (length) => randomBytes(length),
  // 2^48 values over any limit leave a bias that nothing here can notice.
  below: (limit) => randomBytes(6).readUIntBE(0, 6) % limit,
};

/**
 * A generator that a seed determines: the same seed, the same values, on every machine.
 * Only for tests and simulations: its values can be predicted.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }
  return {
    bytes(length) {
      const out = Buffer.alloc(length);
      for (let at = 0; at < length; at++) out[at] = next() & 0xff;
      return out;
    },
    below: (limit) => (next() * 0x10000 + (next() & 0xffff)) % limit,
  };
}
