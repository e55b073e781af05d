import type { Random } from '../../src/base/random.ts';

/** Numbers that break arithmetic: ends of ranges, signs, lengths just beyond what follows. */
const EVIL = [
  0, 1, 3, 4, 31, 33, 255, 256, 1024, 1025, 8192, 8193, 65535, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
];

type Mutation = (bytes: Buffer, random: Random) => Buffer;

const word = (bytes: Buffer, random: Random): number => random.below(Math.max(1, bytes.length >> 2)) * 4;

const mutations: readonly Mutation[] = [
  function flipBit(bytes, random) {
    const at = random.below(bytes.length);
    bytes[at]! ^= 1 << random.below(8);
    return bytes;
  },
  function setByte(bytes, random) {
    bytes[random.below(bytes.length)] = random.below(256);
    return bytes;
  },
  function evilWord(bytes, random) {
    if (bytes.length >= 4) bytes.writeUInt32BE(EVIL[random.below(EVIL.length)]!, word(bytes, random));
    return bytes;
  },
  function cut(bytes, random) {
    return bytes.subarray(0, 1 + random.below(bytes.length));
  },
  function grow(bytes, random) {
    return Buffer.concat([bytes, random.bytes(1 + random.below(64))]);
  },
  function dropWord(bytes, random) {
    const at = word(bytes, random);
    return bytes.length <= 8 ? bytes : Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 4)]);
  },
  function doubleWord(bytes, random) {
    const at = word(bytes, random);
    return Buffer.concat([bytes.subarray(0, at + 4), bytes.subarray(at)]);
  },
  function swapWords(bytes, random) {
    if (bytes.length < 8) return bytes;
    const one = word(bytes, random);
    const other = word(bytes, random);
    const kept = bytes.readUInt32BE(one);
    bytes.writeUInt32BE(bytes.readUInt32BE(other), one);
    bytes.writeUInt32BE(kept, other);
    return bytes;
  },
];

/**
 * A changed copy of a valid message: one to four mutations, never empty. The first `keep` bytes stay as they are: a whole header brings the
 * mutations to the procedure's own arguments.
 */
export function mutate(message: Uint8Array, random: Random, keep = 0): Buffer {
  const kept = message.subarray(0, Math.min(keep, message.length - 1));
  let bytes: Buffer = Buffer.from(message.subarray(kept.length));
  for (let count = 1 + random.below(4); count > 0; count--)
    bytes = Buffer.from(mutations[random.below(mutations.length)]!(bytes, random));
  return Buffer.concat([kept, bytes]);
}
