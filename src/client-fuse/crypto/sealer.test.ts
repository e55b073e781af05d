import type { KeyObject } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { SEAL_BYTES } from './gcm.ts';
import { fastestSealer, opensslSealer } from './openssl.ts';
import { placeOf } from './place.ts';
import { nodeSealer, type Sealer } from './sealer.ts';
import { bytesOf, flipped, keyOf } from './testing/keys.ts';

const SEALERS: Record<string, (key: KeyObject) => Sealer | null> = { node: nodeSealer, openssl: opensslSealer };
const place = placeOf(5, Buffer.alloc(16, 1));
const iv = Buffer.alloc(16, 2);

function sealed(sealer: Sealer, plain: Uint8Array, ivBytes: Uint8Array = iv, associated: Uint8Array = place): Buffer {
  const out = Buffer.alloc(plain.length + SEAL_BYTES);
  sealer.seal(out, 0, ivBytes, associated, plain);
  return out;
}

t.test("Node's own OpenSSL is used where a clone runs: Node's official binary on Linux", async (t) => {
  t.not(opensslSealer(keyOf(1)), null);
  t.equal(fastestSealer(keyOf(1)).constructor.name, 'OpensslSealer');
});

for (const [name, make] of Object.entries(SEALERS)) {
  const sealer = make(keyOf(1))!;

  t.test(`${name}: the same bytes as node:crypto makes, at their place, and nothing beside it is touched`, async () => {
    fc.assert(
      fc.property(bytesOf(0, 5000), bytesOf(16, 16), bytesOf(0, 40), fc.nat(9), (plain, ivBytes, associated, at) => {
        const out = Buffer.alloc(at + plain.length + SEAL_BYTES + 3, 0xee);
        sealer.seal(out, at, ivBytes, associated, plain);
        const wanted = sealed(nodeSealer(keyOf(1)), plain, ivBytes, associated);
        const back = Buffer.alloc(at + plain.length + 3, 0xee);
        const margins = [out.subarray(0, at), out.subarray(-3), back.subarray(0, at), back.subarray(-3)];
        return (
          sealer.open(back, at, associated, wanted) &&
          out.subarray(at, -3).equals(wanted) &&
          back.subarray(at, -3).equals(plain) &&
          margins.every((margin) => margin.every((byte) => byte === 0xee))
        );
      }),
    );
  });

  t.test(`${name}: any bit changed, another place or key, or a part: refused, and nothing is given back`, async () => {
    const other = make(keyOf(2))!;
    fc.assert(
      fc.property(bytesOf(1, 300), fc.nat(), (plain, bit) => {
        const good = sealed(sealer, plain);
        const back = Buffer.alloc(plain.length);
        const refused = (who: Sealer, associated: Buffer, bytes: Buffer) =>
          !who.open(back, 0, associated, bytes) && back.every((byte) => byte === 0);
        return (
          refused(sealer, place, flipped(good, bit)) &&
          refused(sealer, flipped(place, bit), good) &&
          refused(other, place, good) &&
          refused(sealer, place, good.subarray(0, bit % good.length)) &&
          sealer.open(back, 0, place, good) &&
          back.equals(plain)
        );
      }),
    );
  });

  t.test(`${name}: memory that is too small, and IVs of another length, are refused`, async (t) => {
    const plain = Buffer.alloc(10);
    const good = sealed(sealer, plain);
    for (const [size, at] of [
      [41, 0],
      [42, 1],
      [100, 59],
      [100, -1],
      [100, Number.NaN],
    ] as const) {
      t.throws(() => sealer.seal(Buffer.alloc(size), at, iv, place, plain), RangeError, `${size}, ${at}`);
      t.throws(() => sealer.open(Buffer.alloc(size - 32), at, place, good), RangeError, `${size - 32}, ${at}`);
    }
    for (const length of [0, 12, 15, 17]) {
      t.throws(
        () => sealer.seal(Buffer.alloc(42), 0, Buffer.alloc(length), place, plain),
        RangeError,
        `IV of ${length}`,
      );
    }
  });
}
