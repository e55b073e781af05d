import fc from 'fast-check';
import t from 'tap';
import { EME_BLOCKS_MAX, Eme } from './eme.ts';
import { ZEROS_DECRYPTED, ZEROS_ENCRYPTED } from './testing/eme-vectors.ts';
import { bytesOf, flipped, keyOf } from './testing/keys.ts';

const zeroKey = new Eme(keyOf(0));
const tweak = Buffer.alloc(16);
const blocks = fc.integer({ min: 1, max: 16 }).chain((count) => bytesOf(count * 16, count * 16));

t.test('EME-32-AES, 256 bits: the published vectors', async (t) => {
  t.same(zeroKey.encrypt(tweak, Buffer.alloc(512)), ZEROS_ENCRYPTED);
  t.same(zeroKey.decrypt(tweak, Buffer.alloc(512)), ZEROS_DECRYPTED);
});

t.test('the shortest and the longest input, as the EME library that gocryptfs uses tests them', async (t) => {
  t.equal(zeroKey.encrypt(tweak, Buffer.alloc(16)).toString('hex'), 'f1b9ce8ca15a4ba9fb476905434b9fd3');
  const longest = zeroKey.encrypt(tweak, Buffer.alloc(16 * EME_BLOCKS_MAX)).toString('hex');
  t.match(longest, /^630500884158a8d41216aaa6351e92ea7ca540a949e73f1d6069afef372eae226d426d8f4dbbce5050/);
  t.match(longest, /9ee6d8f2a2c4eb93771340ed9e323d09e4256b7e5ac$/);
});

t.test('what is encrypted comes back, and neither input is changed', async () => {
  fc.assert(
    fc.property(bytesOf(16, 16), blocks, (tweak, plain) => {
      const before = Buffer.from(plain);
      const eme = new Eme(keyOf(7));
      const cipher = eme.encrypt(tweak, plain);
      const kept = Buffer.from(cipher);
      return eme.decrypt(tweak, cipher).equals(plain) && before.equals(plain) && kept.equals(cipher);
    }),
  );
});

t.test('wide block: one bit of the text or of the tweak changes every block', async () => {
  fc.assert(
    fc.property(bytesOf(16, 16), blocks, fc.nat(), fc.boolean(), (tweak, plain, bit, inTweak) => {
      const one = zeroKey.encrypt(tweak, plain);
      const other = inTweak ? zeroKey.encrypt(flipped(tweak, bit), plain) : zeroKey.encrypt(tweak, flipped(plain, bit));
      for (let at = 0; at < one.length; at += 16) {
        if (one.subarray(at, at + 16).equals(other.subarray(at, at + 16))) return false;
      }
      return true;
    }),
  );
});

t.test('other lengths are refused', async (t) => {
  for (const length of [0, 1, 15, 17, 16 * EME_BLOCKS_MAX + 16]) {
    t.throws(() => zeroKey.encrypt(tweak, Buffer.alloc(length)), RangeError, `${length} bytes`);
    t.throws(() => zeroKey.decrypt(tweak, Buffer.alloc(length)), RangeError, `${length} bytes`);
  }
  t.throws(() => zeroKey.encrypt(Buffer.alloc(15), Buffer.alloc(16)), /a tweak|EME tweak/);
});
