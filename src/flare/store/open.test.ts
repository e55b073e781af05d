import t from 'tap';
import type { Disk } from '../../base/disk.ts';
import { seededRandom } from '../../base/random.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { openDisk } from '../../base/system-disk.ts';
import { checkStore } from '../check/check.ts';
import { inlineIndexHost } from '../index/inline-host.ts';
import { ROOT_KEY } from '../keys.ts';
import { NETWORK_FILE } from './identity.ts';
import { openStore, SECRET_BYTES, SECRET_NOTE, type StoreOptions } from './open.ts';
import { FILE, ROOT, statusOf, testStore } from './testing/harness.ts';

async function put(disk: Disk, name: string, text: string): Promise<void> {
  await disk.remove(name);
  const file = await disk.create(name);
  await file.writeDurable([Buffer.from(text)], 0);
  await file.close();
  await disk.syncDirectory('');
}

t.test('A network is booted once: what is there is opened, with its secret and its root', async (t) => {
  const { store, disk, clock } = await testStore();
  const secret = store.note(SECRET_NOTE)!;
  t.equal(secret.length, SECRET_BYTES);
  const root = store.root();
  await store.create(ROOT, root, 'f', FILE);
  await store.close();
  for (const boot of [true, false]) {
    const again = await testStore({ disk, clock, boot });
    t.same(again.store.note(SECRET_NOTE), secret);
    t.same(again.store.root(), root);
    t.ok(await again.store.lookup(ROOT, root, 'f'));
    await again.store.close();
  }
});

t.test('A first start of which a sync fails is begun anew: what is made then outlives a power cut', async (t) => {
  for (let nth = 1; nth <= 4; nth++) {
    const disk = new SimulatedDisk();
    disk.fail('sync', nth, 'EIO');
    await testStore({ disk }).then(
      ({ store }) => store.close(),
      () => {},
    );
    const { store } = await testStore({ disk });
    const file = await store.create(ROOT, store.root(), 'f', FILE);
    for (let seed = 1; seed <= 5; seed++) {
      const after = await testStore({ disk: disk.powerCut(seededRandom(seed)) });
      t.same((await after.store.lookup(ROOT, after.store.root(), 'f')).key, file.key, `sync ${nth}, seed ${seed}`);
      await after.store.close();
    }
  }
});

t.test('What cannot be opened is refused with what is wrong and the cure, and the lock is let go', async (t) => {
  const empty = new SimulatedDisk();
  await t.rejects(testStore({ disk: empty, boot: false }), { reason: 'empty', message: /boot a new one there \(-b\)/ });
  const { store } = await testStore({ disk: empty });
  await t.rejects(testStore({ disk: empty }), { reason: 'locked', message: /in use by another magmad/ });
  await store.close();

  const foreign = new SimulatedDisk();
  await put(foreign, 'holiday.jpg', '');
  await t.rejects(testStore({ disk: foreign }), { reason: 'foreign', message: /holiday\.jpg/ });

  await put(empty, NETWORK_FILE, '{"format":2,"network":"00"}');
  await t.rejects(testStore({ disk: empty }), { reason: 'format', message: /has format 2.*use a newer magma/ });
  await put(empty, NETWORK_FILE, 'rubbish');
  await t.rejects(testStore({ disk: empty }), { reason: 'damaged', message: /"network".*is damaged/ });
  await empty.remove(NETWORK_FILE);
  await t.rejects(testStore({ disk: empty }), { reason: 'damaged', message: /"network" is missing/ });

  const full = new SimulatedDisk({ capacity: 70_000 });
  await t.rejects(testStore({ disk: full, limits: { reserveBytes: 70_000 } }), {
    reason: 'full',
    message: /too little room/,
  });
});

t.test('On a real directory, with the index in a thread: served, restarted, checked', async (t) => {
  const disk = await openDisk(t.testdir());
  const one = await openStore({ disk, boot: true, limits: { reserveBytes: 0 } });
  const file = await one.create(ROOT, one.root(), 'f', FILE);
  await Promise.all(Array.from({ length: 50 }, (_, at) => one.write(ROOT, file, at * 10, Buffer.from('0123456789'))));
  await one.compact();
  t.equal((await one.read(ROOT, file, 5, 10)).data.toString(), '5678901234');
  await t.rejects(openStore({ disk }), { message: /in use/ });
  await one.close();
  const check = await checkStore({ disk });
  t.same([check.differences, check.faults], [[], []]);
  const other = await openStore({ disk });
  t.equal((await other.read(ROOT, file, 495, 10)).data.toString(), '56789');
  await other.close();
});

t.test('close may be called twice', async (t) => {
  const { store } = await testStore();
  await t.resolves(Promise.all([store.close(), store.close()]));
});

t.test(
  'The index is checkpointed as the log grows, and when the store is closed: a start has little to do',
  async (t) => {
    let checkpoints = 0;
    const indexHost: NonNullable<StoreOptions['indexHost']> = async ({ disk }) => {
      const host = await inlineIndexHost({ disk });
      const checkpoint = host.checkpoint.bind(host);
      host.checkpoint = () => {
        checkpoints++;
        return checkpoint();
      };
      return host;
    };
    const { store } = await testStore({
      indexHost,
      limits: { checkpointBytes: 20_000, compactionMinBytes: 10_000_000 },
    });
    const file = await store.create(ROOT, store.root(), 'f', FILE);
    for (let at = 0; at < 20; at++) await store.write(ROOT, file, 0, Buffer.alloc(5000));
    t.ok(checkpoints >= 4 && checkpoints <= 6, `${checkpoints} checkpoints in 100 kB`);
    const before = checkpoints;
    await store.close();
    t.equal(checkpoints, before + 1);
  },
);

t.test(
  'Joining: an empty directory becomes that of a network whose root lies elsewhere, and no other network',
  async (t) => {
    const disk = new SimulatedDisk();
    const join = { networkId: Buffer.alloc(16, 7), rootGeneration: 5 };
    const { store } = await testStore({ disk, boot: false, join });
    t.same(store.root(), { key: ROOT_KEY, generation: 5 });
    t.equal(await statusOf(() => store.getattr(store.root())), 'STALE');
    await store.close();
    const again = await testStore({ disk, boot: false });
    t.same(again.store.root(), { key: ROOT_KEY, generation: 5 }, 'it is known from then on');
    await again.store.close();
    await t.rejects(testStore({ disk, boot: false, join: { ...join, networkId: Buffer.alloc(16, 8) } }), {
      reason: 'foreign',
      message: /belongs to network 0707/,
    });
  },
);
