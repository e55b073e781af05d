import fc from 'fast-check';
import t from 'tap';
import { systemRandom } from '../../base/random.ts';
import { ContentCipher, formatHeader, parseHeader } from './contents.ts';
import { seal } from './gcm.ts';
import { fastestSealer } from './openssl.ts';
import { placeOf } from './place.ts';
import { openRead, planRead } from './reads.ts';
import {
  CIPHER_BLOCK_BYTES,
  cipherRange,
  cipherSize,
  HEADER_BYTES,
  PLAIN_BLOCK_BYTES,
  PLAIN_SIZE_MAX,
  plainSize,
  truncated,
} from './sizes.ts';
import { bytesOf, faultOf, flipped, keyOf, seededTree } from './testing/keys.ts';

const { contents } = seededTree(1);
const header = contents.newHeader();

t.test("gocryptfs's file format: sizes of its examples", async (t) => {
  t.same([0, 1, 4096, 4097, 5000].map(cipherSize), [0, 51, 4146, 4179, 5082]);
  t.equal(HEADER_BYTES, 18);
  t.equal(CIPHER_BLOCK_BYTES, 4128);
});

t.test('sizes: every plain size comes back from its ciphertext, and what is no such size is cut short', async () => {
  const sizes = fc.oneof(
    fc.nat(20_000),
    fc.maxSafeNat().map((size) => size % (PLAIN_SIZE_MAX + 1)),
  );
  fc.assert(fc.property(sizes, (size) => plainSize(cipherSize(size)) === size && !truncated(cipherSize(size))));
  fc.assert(
    fc.property(fc.nat(20_000), (cipher) => {
      const exact = cipherSize(plainSize(cipher)) === cipher || cipher === HEADER_BYTES;
      return truncated(cipher) === !exact && plainSize(cipher) >= 0;
    }),
  );
});

t.test('the range of blocks ends where the file does', async (t) => {
  const size = cipherSize(9000);
  t.same(cipherRange(0, 0, size), { offset: 18, length: 4128 });
  t.same(cipherRange(1, 2, size), { offset: 4146, length: 4128 + 9000 - 8192 + 32 });
  t.same(cipherRange(3, 5, size).length, 0);
});

t.test('a header: version 2 and the id; all else is refused', async (t) => {
  const bytes = formatHeader(header);
  t.equal(bytes.toString('hex'), `0002${header.fileId.toString('hex')}`);
  t.same(parseHeader(Buffer.concat([bytes, Buffer.alloc(9)])), header, 'what follows is not its own');
  t.equal(await faultOf(() => parseHeader(bytes.subarray(1))), 'BLOCK_TRUNCATED');
  t.equal(await faultOf(() => parseHeader(flipped(bytes, 3))), 'HEADER_BROKEN');
  t.equal(await faultOf(() => parseHeader(Buffer.alloc(18))), 'HEADER_BROKEN', 'a hole');
  t.equal(await faultOf(() => parseHeader(Buffer.concat([Buffer.from([0, 2]), Buffer.alloc(16)]))), 'HEADER_BROKEN');
});

t.test('blocks come back; an IV is never used twice', async () => {
  fc.assert(
    fc.property(bytesOf(1, 13_000), fc.nat(2 ** 31), (plain, first) => {
      const one = contents.seal(header, first, plain);
      const other = contents.seal(header, first, plain);
      const ivs = new Set<string>();
      for (const sealed of [one, other]) {
        for (let at = 0; at < sealed.length; at += CIPHER_BLOCK_BYTES) ivs.add(sealed.toString('hex', at, at + 16));
      }
      return (
        contents.open(header, first, one).equals(plain) && ivs.size === 2 * Math.ceil(plain.length / PLAIN_BLOCK_BYTES)
      );
    }),
  );
});

t.test('any bit of a file changed is noticed by whoever reads it to its end', async () => {
  await fc.assert(
    fc.asyncProperty(bytesOf(1, 9000), fc.nat(), async (plain, bit) => {
      const file = flipped(Buffer.concat([formatHeader(header), contents.seal(header, 0, plain)]), bit);
      const fault = await faultOf(() => readAll(file));
      return fault === (bit % (file.length * 8) < 16 ? 'HEADER_BROKEN' : 'BLOCK_BROKEN');
    }),
  );
});

t.test('a file cut anywhere but at the end of a block is noticed', async () => {
  await fc.assert(
    fc.asyncProperty(bytesOf(1, 9000), fc.nat(), async (plain, at) => {
      const file = Buffer.concat([formatHeader(header), contents.seal(header, 0, plain)]);
      const size = 1 + (at % (file.length - 1));
      if (size >= HEADER_BYTES && (size - HEADER_BYTES) % CIPHER_BLOCK_BYTES === 0) return true;
      const fault = await faultOf(() => readAll(file.subarray(0, size)));
      return fault === (truncated(size) ? 'BLOCK_TRUNCATED' : 'BLOCK_BROKEN');
    }),
  );
});

function readAll(file: Buffer): Buffer {
  const plan = planRead(file.length, 0, file.length)!;
  const { offset, length } = plan.cipher;
  return openRead(contents, parseHeader(file), plan, file.subarray(offset, offset + length));
}

t.test('blocks of another place, file or tree are noticed, with the number of the block', async (t) => {
  const sealed = contents.seal(header, 0, Buffer.alloc(3 * PLAIN_BLOCK_BYTES, 1));
  const [one, two, three] = [0, 1, 2].map((index) => sealed.subarray(index * 4128, (index + 1) * 4128)) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  t.equal(await faultOf(() => contents.open(header, 0, Buffer.concat([one, three, two]))), 'BLOCK_BROKEN', 'swapped');
  t.throws(() => contents.open(header, 0, Buffer.concat([one, three, two])), { block: 1 } as object as Error);
  t.equal(await faultOf(() => contents.open(header, 0, Buffer.concat([one, one]))), 'BLOCK_BROKEN', 'doubled');
  t.equal(await faultOf(() => contents.open(header, 1, one)), 'BLOCK_BROKEN', 'moved');
  t.equal(await faultOf(() => contents.open(header, 2 ** 32, one)), 'BLOCK_BROKEN', 'the high half of the number');
  t.equal(await faultOf(() => contents.open(contents.newHeader(), 0, one)), 'BLOCK_BROKEN', 'another file');
  t.equal(await faultOf(() => seededTree(2).contents.open(header, 0, one)), 'BLOCK_BROKEN', 'another tree');
});

t.test('whole blocks of zeros are holes; shorter ones are not, and zeros that are written are no holes', async (t) => {
  const sealed = contents.seal(header, 1, Buffer.alloc(PLAIN_BLOCK_BYTES));
  t.notOk(sealed.equals(Buffer.alloc(CIPHER_BLOCK_BYTES)));
  const cipher = Buffer.concat([Buffer.alloc(CIPHER_BLOCK_BYTES), sealed]);
  t.same(contents.open(header, 0, cipher), Buffer.alloc(2 * PLAIN_BLOCK_BYTES));
  t.equal(await faultOf(() => contents.open(header, 0, Buffer.alloc(CIPHER_BLOCK_BYTES - 1))), 'BLOCK_BROKEN');
});

t.test('a block without contents is one that was cut short, also when it was sealed so', async (t) => {
  const cipher = new ContentCipher(fastestSealer(keyOf(1)), systemRandom);
  const empty = seal(keyOf(1), Buffer.alloc(16, 1), placeOf(0, header.fileId), Buffer.alloc(0));
  for (const length of [1, 31, 32]) {
    t.equal(await faultOf(() => cipher.open(header, 0, empty.subarray(0, length))), 'BLOCK_TRUNCATED');
  }
});

t.test('a block that begins with a zero byte and is no hole opens', async (t) => {
  const first = { bytes: (length: number) => Buffer.alloc(length, 0), below: () => 0 };
  const zeroIv = new ContentCipher(fastestSealer(keyOf(1)), first);
  const text = Buffer.alloc(PLAIN_BLOCK_BYTES, 3);
  t.same(zeroIv.open(header, 0, zeroIv.seal(header, 0, text)), text);
});
