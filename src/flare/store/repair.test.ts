import t, { type Test } from 'tap';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { segmentName } from '../kml/format.ts';
import type { FlareId } from '../types.ts';
import { CHUNK_SIZE } from './limits.ts';
import type { LocalStore } from './local-store.ts';
import type { FetchCopy } from './repair.ts';
import { checkSound, FILE, ROOT, statusOf, type TestStore, testStore } from './testing/harness.ts';

/* Rot in the log is found by checksums, and what it took comes from another copy (issue 6, "Bad disks"). */

interface Damaged extends TestStore {
  readonly disk: SimulatedDisk;
  readonly file: FlareId;
}

/** A file with pieces of data in records of their own, of which one bit in each second piece is turned over on the disk, and nothing in memory. */
async function damaged(pieces: readonly (readonly [offset: number, bytes: Buffer])[]): Promise<Damaged> {
  const disk = new SimulatedDisk();
  const options = { disk, segmentBytes: 2 ** 24, limits: { compactionMinBytes: 2 ** 40, cacheBytes: 0 } };
  const first = await testStore(options);
  const file = await first.store.create(ROOT, first.store.root(), 'f', FILE);
  for (const [offset, bytes] of pieces) await first.store.write(ROOT, file, offset, bytes);
  await first.store.close();
  const content = disk.content(segmentName(1));
  for (const [at, [, bytes]] of pieces.entries()) {
    if (at % 2 === 1) disk.flipBit(segmentName(1), content.indexOf(bytes) + (bytes.length >> 1), at % 8);
  }
  return { ...(await testStore({ ...options, clock: first.clock })), disk, file };
}

/** What another copy answers: the bytes of `whole`. */
function copyOf(whole: Buffer, asked: string[] = []): FetchCopy {
  return async (_id, version, offset, length) => {
    asked.push(`${version} ${offset} ${length}`);
    return Buffer.from(whole.subarray(offset, offset + length));
  };
}

const bytesOf = async (store: LocalStore, file: FlareId, offset: number, count: number): Promise<Buffer> =>
  Buffer.from((await store.read(ROOT, file, offset, count)).data);

const PIECES = Array.from({ length: 8 }, (_, at) => [at * 6000, Buffer.alloc(6000, `${at}-piece `)] as const);
const WHOLE = Buffer.concat(PIECES.map(([, bytes]) => bytes));

t.test(
  'A read that meets rot gets what another copy has, which is written anew: once, and what is sound stays',
  async (t) => {
    const { store, disk, file, errors } = await damaged(PIECES);
    const asked: string[] = [];
    const { version } = await store.getattr(file);
    store.replica.fetch = copyOf(WHOLE, asked);
    t.ok((await bytesOf(store, file, 100, 40_000)).equals(WHOLE.subarray(100, 40_100)), 'the right bytes, in one read');
    t.same(
      asked,
      [1, 3, 5].map((at) => `null ${at * 6000} 6000`),
      'all that a record held, at whichever version: its checksum says that it is that',
    );
    t.match(store.diskFigures(), { damaged: 3, repaired: 3 });
    t.equal(errors.length, 3);
    t.match(errors[0], /the log was damaged: what was lost came from another volcano; look at the disk/);
    t.match(errors[0], /"damage":"the log cannot read/, 'and why it could not be read');
    store.replica.fetch = null;
    t.ok((await bytesOf(store, file, 0, 40_000)).equals(WHOLE.subarray(0, 40_000)), 'it lies here now');
    t.match(await store.getattr(file), { version }, 'nothing has changed');
    await store.close();
    await checkLog(t, disk);
  },
);

/** Damage stays in the segment; all that is live lies elsewhere, so that cleaning gets rid of it. */
async function checkLog(t: Test, disk: SimulatedDisk): Promise<void> {
  const { store } = await testStore({ disk, segmentBytes: 2 ** 24, limits: { compactionMinBytes: 2 ** 40 } });
  store.replica.fetch = copyOf(WHOLE);
  await store.compact();
  const file = await store.lookup(ROOT, store.root(), 'f');
  t.ok((await bytesOf(store, file, 0, WHOLE.length)).equals(WHOLE), 'also after a restart');
  await store.close();
  await checkSound(t, disk, 'cleaned of the damage');
}

t.test('The only copy: an I/O error, and a line in the log, once; other bytes can be read', async (t) => {
  const { store, file, errors } = await damaged(PIECES);
  for (let times = 0; times < 3; times++) t.equal(await statusOf(() => store.read(ROOT, file, 7000, 100)), 'IO');
  t.ok((await bytesOf(store, file, 0, 6000)).equals(WHOLE.subarray(0, 6000)));
  t.match(store.diskFigures(), { damaged: 1, repaired: 0 });
  t.equal(errors.filter((line) => line.includes('no other volcano can give')).length, 1);
  t.match(errors.join(), /KmlReadError: the log cannot read 100 bytes at byte \d+ of segment 1: .*damaged/);
  await store.close();
});

t.test('A copy that does not answer is asked again with the next read; nothing is made up meanwhile', async (t) => {
  const { store, file } = await damaged(PIECES);
  store.replica.fetch = async () => {
    throw new Error('it does not answer');
  };
  t.equal(await statusOf(() => store.read(ROOT, file, 6000, 6000)), 'IO');
  store.replica.fetch = copyOf(WHOLE);
  t.ok((await bytesOf(store, file, 6000, 6000)).equals(PIECES[1]![1]));
  t.match(store.diskFigures(), { damaged: 1, repaired: 1 });
  await store.close();
});

t.test(
  'What was partly written over is asked for by version, again of the newest one, and what is written over meanwhile stays',
  async (t) => {
    const { store, file, clock } = await damaged(PIECES);
    const now = Buffer.from(WHOLE);
    const put = async (offset: number, length: number, what: string): Promise<void> => {
      await store.write(ROOT, file, offset, Buffer.alloc(length, what));
      now.fill(what, offset, offset + length);
    };
    await put(6500, 100, 'm');
    const versions: number[] = [];
    store.replica.fetch = async (_id, version, offset, length) => {
      const bytes = Buffer.from(now.subarray(offset, offset + length));
      if (version === null) return bytes;
      versions.push(version);
      // Between the question and the answer.
      if (versions.length < 3) await put(7000 + 1000 * versions.length, 100, 'n');
      return versions.length === 1 ? null : bytes;
    };
    const read = bytesOf(store, file, 6000, 6000);
    while (versions.length < 2) {
      clock.advance(100);
      await new Promise(setImmediate);
    }
    t.ok((await read).equals(now.subarray(6000, 12_000)));
    t.equal(versions.length, 3, 'the first piece twice');
    t.ok(versions[1]! > versions[0]!, 'of the version that is here now');
    await store.close();
  },
);

t.test(
  'Several reads of the same damage ask once; a record of which pieces are left has all of them written anew',
  async (t) => {
    for (const [copy, questions] of [
      ['the same', 4],
      ['behind: it lacks what was written over', 1],
    ] as const) {
      const { store, file } = await damaged([
        [0, Buffer.alloc(500, 'sound')],
        [CHUNK_SIZE - 9000, Buffer.alloc(9000, 'cut in three ')],
      ]);
      const whole = Buffer.alloc(CHUNK_SIZE);
      Buffer.alloc(9000, 'cut in three ').copy(whole, CHUNK_SIZE - 9000);
      for (const before of [7000, 3000]) {
        await store.write(ROOT, file, CHUNK_SIZE - before, Buffer.alloc(1000, 'x'));
        if (questions === 4) whole.fill('x', CHUNK_SIZE - before, CHUNK_SIZE - before + 1000);
      }
      const asked: string[] = [];
      store.replica.fetch = copyOf(whole, asked);
      const reads = [8999, 5000, 1000].map((before) => bytesOf(store, file, CHUNK_SIZE - before, 50));
      for (const [at, before] of [8999, 5000, 1000].entries())
        t.ok((await reads[at])!.equals(whole.subarray(CHUNK_SIZE - before, CHUNK_SIZE - before + 50)));
      t.equal(asked.length, questions, copy);
      t.match(store.diskFigures(), { damaged: 1, repaired: 1 });
      t.equal((await bytesOf(store, file, CHUNK_SIZE - 7000, 10)).toString(), 'xxxxxxxxxx');
      await store.close();
    }
  },
);

t.test(
  'A copy that gives something else than the record held is not believed, unless it is at the same version',
  async (t) => {
    const { store, file, clock } = await damaged(PIECES);
    store.replica.fetch = async (_id, version, _offset, length) =>
      version === null ? Buffer.alloc(length, 'other') : null;
    const read = statusOf(() => store.read(ROOT, file, 6000, 6000));
    let status: string | undefined;
    void read.then((found) => {
      status = found;
    });
    while (status === undefined) {
      clock.advance(1000);
      await new Promise(setImmediate);
    }
    t.equal(status, 'IO');
    await store.close();
  },
);

t.test('Cleaning, and whoever walks all that is here, meets rot and repairs it likewise', async (t) => {
  const cleaned = await damaged(PIECES);
  cleaned.store.replica.fetch = copyOf(WHOLE);
  await cleaned.store.compact();
  t.match(cleaned.store.diskFigures(), { damaged: 4, repaired: 4 });
  t.ok(cleaned.store.stats().dropped > 0, 'the damaged segment is gone');
  t.ok((await bytesOf(cleaned.store, cleaned.file, 0, WHOLE.length)).equals(WHOLE));
  await cleaned.store.close();
  await checkSound(t, cleaned.disk, 'sound');

  const walked = await damaged(PIECES);
  walked.store.replica.fetch = copyOf(WHOLE);
  const slice = Number.parseInt(Buffer.from(walked.file.key, 'latin1').toString('hex').slice(0, 2), 16);
  const lines = await walked.store.replica.lines(slice);
  t.equal(lines.filter((line) => line.startsWith('data ')).length, 1);
  t.match(walked.store.diskFigures(), { damaged: 4, repaired: 4 });
  walked.store.replica.fetch = null;
  t.same(await walked.store.replica.lines(slice), lines);
  await walked.store.close();

  const only = await damaged(PIECES);
  await only.store.compact();
  t.equal(only.store.stats().dropped, 0, 'what nobody else has stays where it is');
  await t.rejects(only.store.replica.lines(slice), { name: 'KmlReadError' });
  await only.store.close();
});

t.test(
  'What a copy gives to others: at that version only, all of it or nothing, and never what is damaged',
  async (t) => {
    const { store, file } = await damaged(PIECES);
    const { version } = await store.getattr(file);
    const contents = async (version: number | null, offset: number, length: number) =>
      (await store.replica.contents(file, version, offset, length))?.toString('latin1', 0, 7) ?? null;
    t.equal(await contents(version, 0, 6000), '0-piece');
    t.equal(await contents(version - 1, 0, 6000), null);
    t.equal(await contents(null, 0, 6000), '0-piece');
    t.equal(await contents(null, WHOLE.length - 10, 20), null);
    t.equal(await contents(version, WHOLE.length - 10, 20), null, 'beyond the end');
    t.equal(await contents(version, 0, 0), null);
    await t.rejects(contents(version, 6000, 10), { name: 'KmlReadError' }, 'nobody else is asked');
    t.match(store.diskFigures(), { damaged: 0, repaired: 0 });
    t.equal(await store.replica.contents({ ...file, generation: file.generation + 1 }, version, 0, 10), null);
    await store.close();
  },
);
