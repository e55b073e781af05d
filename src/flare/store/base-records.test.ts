import t from 'tap';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { inlineIndexHost } from '../index/inline-host.ts';
import { keyBytes } from '../keys.ts';
import { SEGMENT_HEADER_BYTES, segmentName } from '../kml/format.ts';
import type { FlareId } from '../types.ts';
import type { StoreLimits } from './limits.ts';
import type { LocalStore } from './local-store.ts';
import { checkSound, DIRECTORY, FILE, ROOT, statusOf, type TestStore, testStore } from './testing/harness.ts';

type Step = (store: LocalStore, root: FlareId) => Promise<void>;

const asked = (replay: string) => ({ ...ROOT, replay });

/** A store that has done each of these things in a segment of its own, and cleans only when it is told to. */
async function segments(
  steps: readonly Step[],
  limits: Partial<StoreLimits> = {},
): Promise<TestStore & { readonly disk: SimulatedDisk }> {
  const disk = new SimulatedDisk();
  const options = { disk, limits: { compactionMinBytes: 2 ** 40, ...limits }, segmentBytes: 2 ** 24 };
  let opened = await testStore(options);
  for (const step of steps) {
    await step(opened.store, opened.store.root());
    await opened.store.close();
    // A log that is opened begins a segment.
    opened = await testStore({ ...options, clock: opened.clock });
  }
  return { ...opened, disk };
}

/** The same volcano with all that it knows read from its log again. */
async function rebuilt({ disk, clock }: TestStore): Promise<LocalStore> {
  return (await testStore({ disk, clock, indexHost: () => inlineIndexHost() })).store;
}

function contentOf(store: LocalStore, name: string, length: number): Promise<string> {
  const file = async () => store.lookup(ROOT, store.root(), name);
  return file().then(async (file) => (await store.read(ROOT, file, 0, length)).data.toString('latin1'));
}

t.test('A segment of which nothing is live goes unread; the answers that stand there are kept', async (t) => {
  const opened = await segments([
    async (store, root) => void (await store.create(ROOT, root, 'f', FILE)),
    async (store, root) => {
      const file = await store.lookup(ROOT, root, 'f');
      for (const name of ['one', 'two']) await store.write(asked(name), file, 0, Buffer.alloc(3000, name));
    },
    async (store, root) => {
      const file = await store.lookup(ROOT, root, 'f');
      await store.write(ROOT, file, 0, Buffer.alloc(3000, 'x'));
    },
  ]);
  const { store, disk, errors } = opened;
  const name = segmentName(2);
  const { length } = disk.content(name);
  for (let at = SEGMENT_HEADER_BYTES; at < length; at += 10) disk.flipBit(name, at);
  const answers = [await store.recall('one'), await store.recall('two')];
  await store.compact();
  t.equal(store.stats().dropped, 3);
  t.same(errors, []);
  await store.close();
  await checkSound(t, disk, 'sound');
  const again = await rebuilt(opened);
  t.same([await again.recall('one'), await again.recall('two')], answers, 'also by the log alone');
  t.equal(await contentOf(again, 'f', 4000), 'x'.repeat(3000));
  await again.close();
});

t.test(
  'A record of which nothing is live is not checked, one that is needed is: rot there stops cleaning',
  async (t) => {
    const steps: Step[] = [
      async (store, root) => {
        for (const name of ['dead', 'live']) {
          const file = await store.create(ROOT, root, name, FILE);
          await store.write(ROOT, file, 0, Buffer.alloc(3000, name));
        }
      },
      async (store, root) => {
        await store.write(ROOT, await store.lookup(ROOT, root, 'dead'), 0, Buffer.alloc(3000, 'x'));
      },
    ];
    const first = segmentName(1);
    const dead = await segments(steps);
    dead.disk.flipBit(first, dead.disk.content(first).indexOf('deaddead') + 1000);
    await dead.store.compact();
    t.equal(dead.store.stats().dropped, 2);
    t.same(dead.errors, []);
    await dead.store.close();
    await checkSound(t, dead.disk, 'sound');

    const live = await segments(steps);
    live.disk.flipBit(first, live.disk.content(first).indexOf('livelive') + 1000);
    await live.store.compact();
    t.equal(live.store.stats().dropped, 0, 'the segment stays');
    t.match(live.errors.join(), /00000001\.seg is damaged at byte \d+/);
    await live.store.close();
  },
);

t.test(
  'Rot that makes what is live look dead is found, for the index knows how much there is to be found',
  async (t) => {
    const { store, disk, errors } = await segments([
      async (store, root) => {
        const file = await store.create(ROOT, root, 'f', FILE);
        await store.write(ROOT, file, 0, Buffer.alloc(3000, 'y'));
      },
      // Of the record with the data nothing else is live.
      async (store, root) => void (await store.setattr(ROOT, await store.lookup(ROOT, root, 'f'), { mode: 0o600 })),
    ]);
    const first = segmentName(1);
    const { key } = await store.lookup(ROOT, store.root(), 'f');
    // What stands last before the data is whose they are.
    const content = disk.content(first);
    const data = content.lastIndexOf(keyBytes(key));
    t.ok(content.indexOf('yyyy', data) - data < 100, 'it stands before the data');
    disk.flipBit(first, data);
    await store.compact();
    t.equal(store.stats().dropped, 0, 'the segment stays');
    t.match(errors.join(), /00000001\.seg is damaged at byte \d+/);
    t.equal(await statusOf(() => contentOf(store, 'f', 4000)), 'IO', 'nothing says that its data are right');
    disk.flipBit(first, data);
    t.equal(await contentOf(store, 'f', 4000), 'y'.repeat(3000), 'and what it holds is there still');
    await store.close();
  },
);

t.test(
  'What is live of many small files shares base records: few more than there are pieces of data (issue 3)',
  async (t) => {
    const FILES = 300;
    const opened = await segments(
      [
        async (store, root) => {
          const directory = await store.create(ROOT, root, 'd', DIRECTORY);
          const make = async (at: number): Promise<void> => {
            const file = await store.create(ROOT, directory, `f${at}`, FILE);
            await store.write(ROOT, file, 0, Buffer.from(`content ${at}`));
            await store.setattr(ROOT, file, { mode: 0o600 });
            if (at % 10 === 0) await store.link(ROOT, file, root, `link${at}`);
          };
          await Promise.all(Array.from({ length: FILES }, (_, at) => make(at)));
        },
      ],
      { compactionStepBytes: 2 ** 20, compactionStepMs: 2 ** 20 },
    );
    const { store, disk, errors } = opened;
    const before = store.stats().appended;
    await store.compact();
    t.equal(store.stats().dropped, 1);
    const written = store.stats().appended - before;
    t.ok(written < 1.6 * FILES, `${written} base records`);
    t.same(errors, []);
    const figures = async (store: LocalStore) => {
      const directory = await store.lookup(ROOT, store.root(), 'd');
      const listed = await store.readdir(ROOT, directory, 0, 2 * FILES);
      const files = await Promise.all(listed.entries.map(({ name }) => store.lookup(ROOT, directory, name)));
      const contents = await Promise.all(
        files.map(async (file) => (await store.read(ROOT, file, 0, 99)).data.toString()),
      );
      return { directory, listed, files, contents };
    };
    const known = await figures(store);
    t.equal(new Set(known.contents).size, FILES);
    await store.close();
    await checkSound(t, disk, 'sound');
    const again = await rebuilt(opened);
    t.same(await figures(again), known, 'also by the log alone');
    await again.close();
  },
);
