import fc from 'fast-check';
import t from 'tap';
import { seededRandom } from '../../base/random.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { manualClock } from '../../base/testing/manual-clock.ts';
import { chooseSeed, LONG } from '../../base/testing/seed.ts';
import { indexFaults } from '../index/faults.ts';
import { inlineIndexHost } from '../index/inline-host.ts';
import { sliceOf } from '../keys.ts';
import { outcome, type Step, steps } from '../testing/histories.ts';
import type { Attributes, FlareId } from '../types.ts';
import type { LocalStore } from './local-store.ts';
import { ALICE, BOB, check, checkSound, DIRECTORY, FILE, ROOT, statusOf, testStore } from './testing/harness.ts';

/*
 * Usage is counted per slice, share and uid, and is at all times what the flares take together: docs/quotas.md, "What is counted".
 */

const RUNS = LONG ? 1000 : 40;

/** Bytes of an empty directory. */
const EMPTY = 512;

async function marked(store: LocalStore, name: string, share: number): Promise<Attributes> {
  const made = await store.create(ROOT, store.root(), name, { ...DIRECTORY, mode: 0o777 });
  return store.setattr(ROOT, made, { share });
}

t.test('A newborn counts in the share of its directory and for its owner, wherever it goes afterwards', async (t) => {
  const { store, disk } = await testStore();
  const one = await marked(store, 'one', 7);
  const other = await marked(store, 'other', 8);
  const file = await store.create(ALICE, one, 'f', FILE);
  t.equal(file.share, 7, 'inherited');
  await store.write(ALICE, file, 10_000, Buffer.alloc(300));
  t.same(store.usageOf(7, ALICE.uid), { bytes: 300, files: 1 }, 'holes are not counted');
  await store.write(ALICE, file, 10_100, Buffer.alloc(300));
  t.same(store.usageOf(7, ALICE.uid), { bytes: 400, files: 1 }, 'nor what is written over');
  await store.rename(ROOT, one, 'f', other, 'f');
  await store.link(ROOT, file, one, 'g');
  t.same(
    [store.usageOf(7, ALICE.uid), store.usageOf(8, ALICE.uid)].map(({ files }) => files),
    [1, 0],
    'names do not count',
  );
  await store.setattr(ROOT, file, { uid: BOB.uid });
  t.same(store.usageOf(7, ALICE.uid), { bytes: 0, files: 0 }, 'chown');
  t.same(store.usageOf(7, BOB.uid), { bytes: 400, files: 1 });
  await store.setattr(BOB, file, { size: 10_050 });
  t.same(store.usageOf(7, BOB.uid), { bytes: 50, files: 1 }, 'cut');
  await store.remove(ROOT, other, 'f');
  t.same(store.usageOf(7, BOB.uid), { bytes: 50, files: 1 }, 'a name is left');
  await store.remove(ROOT, one, 'g');
  t.same(store.usageOf(7, BOB.uid), { bytes: 0, files: 0 }, 'the last one is gone');
  t.same(
    store.usage((share) => share > 0).sort((a, b) => a.share - b.share),
    [
      { share: 7, uid: 0, bytes: EMPTY, files: 1 },
      { share: 8, uid: 0, bytes: EMPTY, files: 1 },
    ],
  );
  t.equal(await statusOf(() => store.setattr(ALICE, file, { share: 8 })), 'STALE');
  t.equal(await statusOf(() => store.setattr(ALICE, one, { share: 8 })), 'PERM', 'root alone says what counts where');
  t.equal(await statusOf(() => store.setattr(ROOT, one, { share: 65_536 })), 'INVAL');
  await store.close();
  await checkSound(t, disk, 'sound');
});

t.test('Only slices that are served count; what is wiped counts nowhere', async (t) => {
  const { store, disk } = await testStore();
  const files = [];
  for (let at = 0; at < 8; at++) files.push(await store.create(ALICE, store.root(), `f${at}`, FILE));
  t.equal(store.usageOf(0, ALICE.uid).files, 8);
  const slice = sliceOf(files[0]!.key);
  const there = files.filter(({ key }) => sliceOf(key) === slice).length;
  store.serve((one) => one !== slice);
  t.equal(store.usageOf(0, ALICE.uid).files, 8 - there);
  t.match(
    store.usage(() => true).filter(({ uid }) => uid === ALICE.uid),
    [{ files: 8 - there }],
  );
  store.serve(null);
  t.equal(store.usageOf(0, ALICE.uid).files, 8);
  await store.close();

  const again = await testStore({ disk });
  t.equal(again.store.usageOf(0, ALICE.uid).files, 8, 'after a restart');
  await again.store.close();
});

t.test('magma check finds usage that is not what the flares take', async (t) => {
  const { store, disk } = await testStore();
  await store.write(ALICE, await store.create(ALICE, store.root(), 'f', FILE), 0, Buffer.alloc(10));
  await store.close();
  t.same((await check(disk)).faults, []);
  const host = await inlineIndexHost({ disk });
  const faults = (sql: string): string[] => {
    host.database.exec(sql);
    return indexFaults(host.database).map(({ what, where }) => `${what}: ${where.replace(/slice \d+/, 'slice N')}`);
  };
  t.same(faults(`UPDATE usage SET bytes = bytes + 1 WHERE uid = ${ALICE.uid}`), [
    'usage that is not what the flares take: slice N, share 0, uid 1000: 11 bytes, 1 files',
  ]);
  t.same(faults(`DELETE FROM usage WHERE uid = ${ALICE.uid}`), [
    'usage that is not what the flares take: slice N, share 0, uid 1000: nothing, and there are 10 bytes, 1 files',
  ]);
  await host.close();
});

/** What the flares of a tree take, by share and uid, found by walking it from its root. */
async function walked(store: LocalStore): Promise<Map<string, { bytes: number; files: number }>> {
  const sums = new Map<string, { bytes: number; files: number }>();
  const seen = new Set<number>();
  const waiting: FlareId[] = [store.root()];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    const { fileid, share, uid, used, type } = await store.getattr(id);
    if (seen.has(fileid)) continue;
    seen.add(fileid);
    const sum = sums.get(`${share} ${uid}`) ?? { bytes: 0, files: 0 };
    sums.set(`${share} ${uid}`, { bytes: sum.bytes + used, files: sum.files + 1 });
    if (type !== DIRECTORY.type) continue;
    const { entries } = await store.readdir(ROOT, id, 0, 1000);
    for (const { name } of entries) waiting.push(await store.lookup(ROOT, id, name));
  }
  return sums;
}

function counted(store: LocalStore): Map<string, { bytes: number; files: number }> {
  return new Map(store.usage(() => true).map(({ share, uid, ...sum }) => [`${share} ${uid}`, sum]));
}

const sorted = (sums: ReadonlyMap<string, unknown>): string => JSON.stringify([...sums].sort());

t.test('Random histories with power cuts: what is counted is what a walk finds', async (t) => {
  const seed = chooseSeed();
  t.comment(`seed ${seed}`);
  const history = async (all: readonly Step[], cut: number): Promise<void> => {
    const clock = manualClock();
    const options = { clock, random: seededRandom(7), segmentBytes: 8192, limits: { cacheBytes: 1500 } };
    let disk = new SimulatedDisk();
    let { store } = await testStore({ ...options, disk });
    const ids: FlareId[] = [store.root()];
    for (const [at, { run }] of all.entries()) {
      if (at % 10 === 9) {
        disk.stopAt(disk.steps + (cut % 7));
        await outcome(() => store.create(ROOT, store.root(), `cut${at}`, FILE)).catch(() => {});
        await store.close().catch(() => {});
        disk = disk.powerCut(seededRandom(cut ^ at));
        ({ store } = await testStore({ ...options, disk }));
      } else if (run === 'compact') {
        await store.compact();
      } else if (typeof run === 'function') {
        const { value } = await outcome(() =>
          run(
            store,
            (which) => ids[which % ids.length]!,
            (who) => who,
          ),
        );
        const born = value as Attributes | null;
        if (typeof born?.key === 'string' && ids.length < 20) ids.push(born);
      }
    }
    const [got, wanted] = [sorted(counted(store)), sorted(await walked(store))];
    if (got !== wanted) throw new Error(`counted ${got}\nwalked  ${wanted}`);
    await store.close();
    await checkSound(t, disk, 'sound, the index equals one that is rebuilt');
  };
  const cases = fc.tuple(fc.array(steps, { minLength: 20, maxLength: 60, size: 'max' }), fc.nat(1000));
  await fc.assert(
    fc.asyncProperty(cases, ([all, cut]) => history(all, cut)),
    { seed, numRuns: RUNS },
  );
});
