import { createCipheriv, hkdfSync, scryptSync } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { seal, unseal } from './gcm.ts';
import { deriveKey, KEY_INFO } from './keys.ts';
import { pad16, unpad16 } from './padding.ts';
import { placeOf } from './place.ts';
import { fromRaw64, toRaw64 } from './raw64.ts';
import { costFault, PASSPHRASE_BYTES_MAX, STRETCH_MAX, stretchPassphrase } from './stretch.ts';
import { bytesOf, faultOf, flipped, keyOf } from './testing/keys.ts';

t.test('HKDF-SHA-256 is that of RFC 5869: appendix A.1 and, without salt, A.3', async (t) => {
  const hkdf = (ikm: Buffer, salt: string, info: string) =>
    Buffer.from(hkdfSync('sha256', ikm, Buffer.from(salt, 'hex'), Buffer.from(info, 'hex'), 42)).toString('hex');
  t.equal(
    hkdf(Buffer.alloc(22, 0x0b), '000102030405060708090a0b0c', 'f0f1f2f3f4f5f6f7f8f9'),
    '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  );
  t.equal(
    hkdf(Buffer.alloc(22, 0x0b), '', ''),
    '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
  );
});

t.test('a key for contents and one for names, different ones, none of them the master key', async (t) => {
  const master = Buffer.alloc(32, 3);
  const raw = Object.keys(KEY_INFO).map((purpose) => deriveKey(master, purpose as keyof typeof KEY_INFO).export());
  t.same(new Set([master, ...raw].map((key) => key.toString('hex'))).size, 3);
  t.same(master, Buffer.alloc(32, 3), 'the master key is not wiped with what was derived');
});

t.test('scrypt: RFC 7914 §12, "pleaseletmein", of which the first 32 bytes do not depend on the length', async (t) => {
  // The RFC's salts are shorter than what is taken here, so the one is shown through node:crypto with the same arguments.
  t.equal(
    scryptSync('pleaseletmein', 'SodiumChloride', 64, { N: 16384, r: 8, p: 1 }).toString('hex'),
    '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887',
  );
  const salt = Buffer.alloc(32, 9);
  const ours = await stretchPassphrase(Buffer.from('pleaseletmein'), { salt, N: 16384, r: 8, p: 1 });
  t.same(ours, scryptSync('pleaseletmein', salt, 32, { N: 16384, r: 8, p: 1 }));
});

t.test('what scrypt may cost is bounded on both sides', async (t) => {
  const cost = { salt: Buffer.alloc(32), N: 65536, r: 8, p: 1 };
  t.equal(costFault(cost), null);
  t.equal(costFault({ ...cost, N: STRETCH_MAX.N }), null, 'the most memory');
  const wrong: [Partial<typeof cost>, RegExp][] = [
    [{ N: 512 }, /N is 512/],
    [{ N: 2 ** 21 }, /N is 2097152/],
    [{ N: 2 ** 53 }, /N is/],
    [{ N: 65537 }, /power of 2/],
    [{ N: 1024.5 }, /N is/],
    [{ N: Number.NaN }, /N is NaN/],
    [{ N: -65536 }, /N is/],
    [{ r: 7 }, /R is 7/],
    [{ r: 65 }, /R is 65/],
    [{ p: 0 }, /P is 0/],
    [{ p: 17 }, /P is 17/],
    [{ salt: Buffer.alloc(31) }, /31 bytes/],
    [{ salt: Buffer.alloc(65) }, /65 bytes/],
    [{ N: 2 ** 20, r: 16 }, /bytes; the most is 1073741824/],
    [{ N: 2 ** 20, r: 8, p: 5 }, /N times R times P/],
  ];
  for (const [change, message] of wrong) {
    t.match(costFault({ ...cost, ...change }), message);
    await t.rejects(stretchPassphrase(Buffer.from('x'), { ...cost, ...change }), RangeError);
  }
  for (const length of [0, PASSPHRASE_BYTES_MAX + 1]) {
    t.equal(await faultOf(() => stretchPassphrase(Buffer.alloc(length, 65), cost)), 'PASSPHRASE_REFUSED');
  }
  await t.resolves(stretchPassphrase(Buffer.alloc(PASSPHRASE_BYTES_MAX, 65), { ...cost, N: 1024 }));
});

t.test('sealed: IV of 16 bytes, ciphertext, tag of 16 bytes (gocryptfs, file format)', async (t) => {
  const iv = Buffer.alloc(16, 2);
  const sealed = seal(keyOf(1), iv, placeOf(3), Buffer.from('magma'));
  const cipher = createCipheriv('aes-256-gcm', keyOf(1), iv).setAAD(Buffer.from('0000000000000003', 'hex'));
  const text = Buffer.concat([cipher.update('magma'), cipher.final()]);
  t.same(sealed, Buffer.concat([iv, text, cipher.getAuthTag()]));
});

t.test('what is sealed comes back; any bit changed, anywhere, is noticed, and so is another place', async () => {
  const place = placeOf(5, Buffer.alloc(16, 1));
  fc.assert(
    fc.property(bytesOf(0, 200), bytesOf(16, 16), fc.nat(), (plain, iv, bit) => {
      const sealed = seal(keyOf(1), iv, place, plain);
      return (
        unseal(keyOf(1), place, sealed)!.equals(plain) &&
        unseal(keyOf(1), place, flipped(sealed, bit)) === null &&
        unseal(keyOf(1), flipped(place, bit), sealed) === null &&
        unseal(keyOf(2), place, sealed) === null &&
        unseal(keyOf(1), place, sealed.subarray(0, bit % sealed.length)) === null
      );
    }),
  );
});

t.test('a place is the number, most significant byte first, and the id of the file', async (t) => {
  t.equal(placeOf(0).toString('hex'), '0000000000000000');
  t.equal(placeOf(0x12_3456_789a, Buffer.alloc(16, 0xee)).toString('hex'), `000000123456789a${'ee'.repeat(16)}`);
});

t.test('PKCS#7 to 16 bytes: what is padded comes back, all else is refused', async (t) => {
  fc.assert(
    fc.property(bytesOf(0, 64), (bytes) => {
      const padded = pad16(bytes);
      return padded.length % 16 === 0 && padded.length > bytes.length && Buffer.from(unpad16(padded)!).equals(bytes);
    }),
  );
  t.equal(pad16(Buffer.alloc(16, 1)).length, 32, 'a whole block gets another one');
  const wrong = [
    '',
    '00'.repeat(16),
    `${'00'.repeat(15)}11`,
    `${'00'.repeat(14)}0102`,
    '01'.repeat(15),
    'ff'.repeat(16),
  ];
  for (const hex of wrong) t.equal(unpad16(Buffer.from(hex, 'hex')), null, hex);
});

t.test('Raw64: what is written comes back; no two texts mean the same bytes', async (t) => {
  fc.assert(fc.property(bytesOf(0, 100), (bytes) => fromRaw64(toRaw64(bytes))!.equals(bytes)));
  t.equal(toRaw64(Buffer.from([0xfb, 0xff])), '-_8', 'the alphabet of RFC 4648 §5');
  t.equal(toRaw64(Buffer.from('abcd').subarray(1, 3)), 'YmM', 'a part of a buffer');
  for (const text of ['-_9', '-_8=', '+/8', 'A', ' AAAA', 'AAA\n', 'AA.A', 'ÄAAA'])
    t.equal(fromRaw64(text), null, text);
});
