import fc from 'fast-check';
import t from 'tap';
import { WRITE_MAX } from '../../flare/store/limits.ts';
import { BLOCKS_PER_CHANGE, type Goal, nextStep } from './changes.ts';
import { parseHeader } from './contents.ts';
import { CIPHER_BLOCK_BYTES, HEADER_BYTES, PLAIN_BLOCK_BYTES, PLAIN_SIZE_MAX, truncated } from './sizes.ts';
import { bytesOf, faultOf, flipped, seededTree } from './testing/keys.ts';
import { CipherFile, outcome, reach } from './testing/model.ts';

const { contents } = seededTree(1);

/** Places around the ends of blocks, and anywhere. */
const places = fc.oneof(
  fc.tuple(fc.nat(6), fc.integer({ min: -2, max: 2 })).map(([block, by]) => Math.max(0, block * 4096 + by)),
  fc.nat(26_000),
);
const data = fc.oneof(bytesOf(0, 20), bytesOf(4090, 4100), bytesOf(1, 13_000));
const goals: fc.Arbitrary<Goal> = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), offset: places, data }),
  fc.record({ kind: fc.constant('append' as const), data }),
  fc.record({ kind: fc.constant('resize' as const), size: places }),
);

function whole(file: CipherFile): boolean {
  file.plain(contents);
  return !truncated(file.bytes.length);
}

function all(file: CipherFile, goal: Goal, blocksPerChange?: number): void {
  for (const _ of reach(file, contents, goal, blocksPerChange)) if (!whole(file)) throw new Error('not whole');
}

function changesOf(file: CipherFile, goal: Goal): number {
  const before = file.changes.length;
  all(file, goal);
  return file.changes.length - before;
}

t.test(
  'any writes, appends and cuts: the file holds what a plain file would, and is whole after every step',
  async () => {
    fc.assert(
      fc.property(fc.array(goals, { maxLength: 12 }), fc.constantFrom(1, 2, BLOCKS_PER_CHANGE), (list, blocks) => {
        const file = new CipherFile();
        for (const goal of list) all(file, goal, blocks);
        return file.plain(contents).equals(outcome(list));
      }),
    );
  },
);

t.test('any part of a file reads as that part', async () => {
  fc.assert(
    fc.property(fc.array(goals, { minLength: 1, maxLength: 6 }), places, places, (list, offset, length) => {
      const file = new CipherFile();
      for (const goal of list) all(file, goal);
      return file.plain(contents, offset, length).equals(outcome(list).subarray(offset, offset + length));
    }),
  );
});

t.test('what can be one change is one change', async (t) => {
  const file = new CipherFile();
  t.equal(changesOf(file, { kind: 'write', offset: 10, data: Buffer.alloc(9000, 1) }), 1, 'header and first blocks');
  t.match(file.changes[0], { kind: 'write', offset: 0 });
  t.equal(changesOf(file, { kind: 'write', offset: 4000, data: Buffer.alloc(3000, 2) }), 1, 'over two blocks');
  t.equal(changesOf(file, { kind: 'append', data: Buffer.alloc(9000, 3) }), 1, 'at the end');
  t.equal(changesOf(file, { kind: 'resize', size: 8192 }), 1, 'a cut at a block');
  t.equal(
    changesOf(file, { kind: 'write', offset: 50_000, data: Buffer.alloc(1) }),
    1,
    'beyond an end that is a block',
  );
  t.equal(changesOf(file, { kind: 'resize', size: 50_001 }), 0, 'the size it has');
  t.equal(changesOf(file, { kind: 'write', offset: 90_000, data: Buffer.alloc(0) }), 0, 'nothing');
  t.equal(
    changesOf(file, { kind: 'write', offset: 90_000, data: Buffer.alloc(1) }),
    2,
    'the last block is filled up first',
  );
  t.equal(changesOf(file, { kind: 'resize', size: 89_000 }), 2, 'a cut inside a block');
  t.equal(changesOf(file, { kind: 'resize', size: 0 }), 1);
  t.equal(file.bytes.length, 0, 'no header stays');
  const most = BLOCKS_PER_CHANGE * PLAIN_BLOCK_BYTES;
  t.equal(
    changesOf(file, { kind: 'write', offset: 1, data: Buffer.alloc(most - 1, 4) }),
    1,
    'as much as one change takes',
  );
  t.equal(file.bytes.length, HEADER_BYTES + BLOCKS_PER_CHANGE * CIPHER_BLOCK_BYTES);
  t.ok(file.bytes.length <= WRITE_MAX && file.bytes.length + CIPHER_BLOCK_BYTES > WRITE_MAX, 'what a flare takes');
  t.equal(changesOf(file, { kind: 'append', data: Buffer.alloc(most + 1, 4) }), 2, 'and more');
});

t.test('only the blocks that keep something are read', async (t) => {
  const file = new CipherFile();
  all(file, { kind: 'write', offset: 0, data: Buffer.alloc(5 * PLAIN_BLOCK_BYTES, 1) });
  const reads = (offset: number, length: number) =>
    nextStep(contents, file.state(), { kind: 'write', offset, data: Buffer.alloc(length) })!.reads.map(
      ({ offset, length }) => [(offset - HEADER_BYTES) / CIPHER_BLOCK_BYTES, length],
    );
  t.same(reads(4096, 8192), [], 'whole blocks');
  t.same(
    reads(4097, 8192),
    [
      [1, CIPHER_BLOCK_BYTES],
      [3, CIPHER_BLOCK_BYTES],
    ],
    'both ends',
  );
  t.same(reads(4097, 1), [[1, CIPHER_BLOCK_BYTES]], 'one block, once');
  t.same(reads(20_000, 480), [[4, CIPHER_BLOCK_BYTES]], 'up to the end of the file');
  t.same(reads(20_480, 100), [], 'behind it');
});

/** Lets three clients reach their goals at once, in steps in the order of `turns`; goal i is client (i mod 3)'s. */
function together(file: CipherFile, list: readonly Goal[], turns: Iterable<number>, blocksPerChange?: number): void {
  const clients = [0, 1, 2].map((client) =>
    (function* () {
      for (const goal of list.filter((_, index) => index % 3 === client))
        yield* reach(file, contents, goal, blocksPerChange);
    })(),
  );
  const busy = new Set(clients);
  for (const turn of turns) {
    if (busy.size === 0) return;
    const client = [...busy][turn % busy.size]!;
    if (client.next().done) busy.delete(client);
    if (!whole(file)) throw new Error('not whole');
  }
}

const lengths = fc.array(fc.integer({ min: 1, max: 6000 }), { minLength: 2, maxLength: 12 });

t.test('clients that write at once into the same blocks lose nothing of each other, and make one header', async () => {
  fc.assert(
    fc.property(lengths, fc.boolean(), fc.infiniteStream(fc.nat(2)), (list, backwards, turns) => {
      let at = 0;
      const writes = list.map((length, index): Goal & { kind: 'write' } => {
        at += length;
        return { kind: 'write', offset: at - length, data: Buffer.alloc(length, index + 1) };
      });
      const file = new CipherFile();
      together(file, backwards ? writes.toReversed() : writes, turns);
      const headers = file.changes.filter((change) => change.kind === 'write' && change.offset === 0);
      return file.plain(contents).equals(Buffer.concat(writes.map(({ data }) => data))) && headers.length === 1;
    }),
  );
});

t.test('clients that append at once: each text is there once and whole', async () => {
  fc.assert(
    fc.property(lengths, fc.infiniteStream(fc.nat(2)), (list, turns) => {
      const file = new CipherFile();
      const appends = list.map((length, index): Goal => ({ kind: 'append', data: Buffer.alloc(length, index + 1) }));
      together(file, appends, turns);
      const plain = file.plain(contents);
      const seen = new Set<number>();
      for (let at = 0; at < plain.length; at += list[plain[at]! - 1]!) {
        const which = plain[at]!;
        const text = plain.subarray(at, at + list[which - 1]!);
        if (seen.has(which) || !text.every((byte) => byte === which)) return false;
        seen.add(which);
      }
      return seen.size === list.length && plain.length === list.reduce((sum, length) => sum + length, 0);
    }),
  );
});

t.test('appends that take more than one change may be interleaved, and lose nothing of each other', async () => {
  fc.assert(
    fc.property(lengths, fc.infiniteStream(fc.nat(2)), (list, turns) => {
      const file = new CipherFile();
      const appends = list.map((length, index): Goal => ({ kind: 'append', data: Buffer.alloc(length, index + 1) }));
      together(file, appends, turns, 1);
      const plain = file.plain(contents);
      return list.every((length, index) => plain.filter((byte) => byte === index + 1).length === length);
    }),
  );
});

t.test('a change is not made of blocks that were altered', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 9000 }), fc.nat(), fc.nat(8999), async (length, bit, offset) => {
      const file = new CipherFile();
      all(file, { kind: 'write', offset: 0, data: Buffer.alloc(length, 5) });
      const step = nextStep(contents, file.state(), { kind: 'write', offset, data: Buffer.alloc(1) })!;
      if (step.reads.length === 0) return true;
      const fault = await faultOf(() => step.make(step.reads.map((range) => flipped(file.read(range), bit))));
      return fault === 'BLOCK_BROKEN';
    }),
  );
});

t.test('what was read has to be all that was asked for', async (t) => {
  const file = new CipherFile();
  all(file, { kind: 'write', offset: 0, data: Buffer.alloc(5000, 5) });
  const step = nextStep(contents, file.state(), { kind: 'resize', size: 4500 })!;
  t.equal(await faultOf(() => step.make([file.read(step.reads[0]!).subarray(0, 700)])), 'BLOCK_TRUNCATED');
});

t.test('a file that was cut short: refused, but for a cut before the damage', async (t) => {
  const cases: [size: number, cure: number][] = [
    [7, 0],
    [HEADER_BYTES + 1, 0],
    [HEADER_BYTES + CIPHER_BLOCK_BYTES + 32, 4096],
  ];
  for (const [size, cure] of cases) {
    const file = new CipherFile();
    all(file, { kind: 'write', offset: 0, data: Buffer.alloc(9000, 5) });
    file.apply({ kind: 'size', size }, file.version);
    const state = () => (size < HEADER_BYTES ? { size: file.bytes.length, header: null } : file.state());
    const refused = (goal: Goal) => faultOf(() => nextStep(contents, state(), goal));
    t.equal(await refused({ kind: 'append', data: Buffer.alloc(1) }), 'BLOCK_TRUNCATED', `${size}: append`);
    t.equal(await refused({ kind: 'write', offset: 0, data: Buffer.alloc(1) }), 'BLOCK_TRUNCATED', `${size}: write`);
    t.equal(await refused({ kind: 'resize', size: 20_000 }), 'BLOCK_TRUNCATED', `${size}: grow`);
    t.equal(await faultOf(() => file.plain(contents)), 'BLOCK_TRUNCATED', `${size}: read`);
    if (cure > 0) t.same(file.plain(contents, 0, cure - 1), Buffer.alloc(cure - 1, 5), 'what is before can be read');
    const step = nextStep(contents, state(), { kind: 'resize', size: cure })!;
    file.apply(step.make([]).change, file.version);
    t.same(file.plain(contents), Buffer.alloc(cure, 5), `${size}: cured`);
  }
});

t.test('a header alone is an empty file; it is used, not made again', async (t) => {
  const file = new CipherFile();
  all(file, { kind: 'write', offset: 5000, data: Buffer.alloc(1, 1) });
  t.equal(file.changes.length, 2);
  t.match(file.changes[0], { kind: 'write', offset: 0, data: { length: HEADER_BYTES } }, 'the header first');
  const cut = new CipherFile();
  cut.apply(file.changes[0]!, 0);
  t.same(cut.plain(contents), Buffer.alloc(0));
  t.equal(changesOf(cut, { kind: 'resize', size: 0 }), 1, 'cut to nothing it goes');
  cut.apply(file.changes[0]!, cut.version);
  all(cut, { kind: 'write', offset: 0, data: Buffer.alloc(1, 1) });
  t.same(cut.state(), { size: HEADER_BYTES + 33, header: parseHeader(cut.bytes) });
  t.same(cut.state().header, file.state().header);
});

t.test('sizes and offsets are bounded', async (t) => {
  const state = { size: 0, header: null };
  const refused = (goal: Goal) => faultOf(() => nextStep(contents, state, goal));
  t.equal(await refused({ kind: 'resize', size: PLAIN_SIZE_MAX + 1 }), 'FILE_TOO_LARGE');
  t.equal(await refused({ kind: 'write', offset: PLAIN_SIZE_MAX, data: Buffer.alloc(1) }), 'FILE_TOO_LARGE');
  t.equal(await refused({ kind: 'write', offset: 2 ** 60, data: Buffer.alloc(0) }), 'FILE_TOO_LARGE');
  t.throws(() => nextStep(contents, state, { kind: 'resize', size: -1 }), RangeError);
  t.throws(() => nextStep(contents, state, { kind: 'resize', size: 0.5 }), RangeError);
  t.throws(() => nextStep(contents, { size: 18, header: null }, { kind: 'resize', size: 1 }), RangeError);
  const last = nextStep(
    contents,
    { ...state, size: 18, header: contents.newHeader() },
    { kind: 'resize', size: PLAIN_SIZE_MAX },
  )!;
  const { change } = last.make([]);
  t.ok(change.kind === 'size' && Number.isSafeInteger(change.size), 'the largest file has a size that is exact');
});
