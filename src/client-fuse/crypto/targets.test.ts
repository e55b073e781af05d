import fc from 'fast-check';
import t from 'tap';
import { systemRandom } from '../../base/random.ts';
import { seal } from './gcm.ts';
import { placeOf } from './place.ts';
import { toRaw64 } from './raw64.ts';
import { ENCRYPTED_TARGET_BYTES_MAX, longestTarget, TargetCipher } from './targets.ts';
import { bytesOf, faultOf, flipped, keyOf, seededTree } from './testing/keys.ts';

const { targets } = seededTree(1);
const some = bytesOf(1, 800).filter((target) => !target.includes(0));

t.test('targets come back, are other ones each time, and a bit changed is noticed', async () => {
  await fc.assert(
    fc.asyncProperty(some, fc.nat(), async (target, bit) => {
      const stored = Buffer.from(targets.encrypt(target));
      return (
        targets.decrypt(stored).equals(target) &&
        targets.encrypt(target) !== stored.toString() &&
        (await faultOf(() => targets.decrypt(flipped(stored, bit)))) === 'TARGET_BROKEN'
      );
    }),
  );
});

t.test('anything else is refused, whatever it is', async () => {
  await fc.assert(
    fc.asyncProperty(
      bytesOf(0, 5000),
      async (bytes) => (await faultOf(() => targets.decrypt(bytes))) === 'TARGET_BROKEN',
    ),
  );
});

t.test('a target that was sealed and is too long, or empty, is refused', async (t) => {
  const cipher = new TargetCipher(keyOf(1), systemRandom);
  const stored = (length: number) =>
    Buffer.from(toRaw64(seal(keyOf(1), Buffer.alloc(16, 1), placeOf(0), Buffer.alloc(length, 97))));
  t.equal(cipher.decrypt(stored(3039)).length, 3039);
  for (const length of [0, 3040]) t.equal(await faultOf(() => cipher.decrypt(stored(length))), 'TARGET_BROKEN');
});

t.test('the longest target is what the place of its encrypted form has room for', async (t) => {
  t.equal(longestTarget(1024), 736, 'XFS');
  t.equal(longestTarget(ENCRYPTED_TARGET_BYTES_MAX), 3039);
  t.equal(longestTarget(10), 0);
  fc.assert(
    fc.property(fc.integer({ min: 50, max: ENCRYPTED_TARGET_BYTES_MAX }), (most) => {
      const longest = longestTarget(most);
      const size = (length: number) => Math.ceil(((length + 32) * 4) / 3);
      return size(longest) <= most && size(longest + 1) > most;
    }),
  );
  t.equal(targets.encrypt(Buffer.alloc(736, 97), 1024).length, 1024);
  for (const [target, most] of [
    [Buffer.alloc(737, 97), 1024],
    [Buffer.alloc(3040, 97), 1e9],
    [Buffer.alloc(0), 1024],
    [Buffer.from('a\0b'), 1024],
  ] as const) {
    t.equal(await faultOf(() => targets.encrypt(target, most)), 'TARGET_REFUSED');
  }
});
