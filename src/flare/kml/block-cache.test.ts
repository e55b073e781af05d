import fc from 'fast-check';
import t from 'tap';
import { BLOCK_BYTES, BlockCache } from './block-cache.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** What the log holds there. */
function bytesAt(segment: number, position: number, length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, n) => (segment * 7 + (position + n) * 13) & 0xff));
}

/** Reads through the cache as `SegmentFiles` does. */
function read(cache: BlockCache, segment: number, position: number, length: number): { bytes: Buffer; hit: boolean } {
  const found = cache.get(segment, position, length);
  if (found !== null) return { bytes: found, hit: true };
  const room = cache.room(segment, position, length);
  const bytes = bytesAt(segment, position, length);
  if (room === null) return { bytes, hit: false };
  bytes.copy(room);
  cache.keep(segment, position, room);
  return { bytes: room, hit: false };
}

t.test('a piece is kept when it is asked for the second time, also for shorter reads of it', async (t) => {
  const cache = new BlockCache(4 * BLOCK_BYTES);
  const reads = [100, 100, 100, 50, 101, 101].map((length) => read(cache, 1, 64, length));
  t.same(
    reads.map(({ hit }) => hit),
    [false, false, true, true, false, true],
  );
  t.equal(cache.count, 1);
  for (const length of [0, BLOCK_BYTES + 1])
    for (let n = 0; n < 3; n++) t.notOk(read(cache, 2, 64, length).hit, `${length}`);
  for (let n = 0; n < 3; n++) t.notOk(read(cache, 2 ** 21, 64, 10).hit, 'a segment whose number fits no key');
});

t.test('it is bounded, one long read drives nothing out, and what is given out stays for its turn', async (t) => {
  const one = () =>
    fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 12 }), fc.integer({ min: 1, max: 40 }));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(one(), { maxLength: 12 }), { maxLength: 30 }), async (turns) => {
      const cache = new BlockCache(5 * BLOCK_BYTES);
      for (const reads of turns) {
        const given = reads.map(
          ([segment, at, length]) =>
            [read(cache, segment, at * 64, length).bytes, bytesAt(segment, at * 64, length)] as const,
        );
        for (const [bytes, right] of given) if (!bytes.equals(right)) return false;
        if (cache.count > 5) return false;
        await turn();
      }
      return true;
    }),
  );
  const cache = new BlockCache(5 * BLOCK_BYTES);
  for (let n = 0; n < 2; n++) read(cache, 1, 0, 10);
  for (let at = 1; at < 1000; at++) read(cache, 2, at * 64, 64);
  t.ok(read(cache, 1, 0, 10).hit);
});

t.test('what is not asked for any more makes room', async (t) => {
  const cache = new BlockCache(4 * BLOCK_BYTES);
  for (let at = 0; at < 20; at++) {
    for (let n = 0; n < 4; n++) {
      read(cache, 1, at * 64, 64);
      await turn();
    }
    t.ok(read(cache, 1, at * 64, 64).hit, `piece ${at}`);
    await turn();
  }
});
