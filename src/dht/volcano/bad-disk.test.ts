import t from 'tap';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { sliceOf } from '../../flare/keys.ts';
import { SLOW_SYNC_MS, SYNCS_KEPT } from '../../flare/kml/sync-times.ts';
import { FILE, ROOT } from '../../flare/store/testing/harness.ts';
import type { Attributes } from '../../flare/types.ts';
import { FAILOVER_MS } from '../failover/times.ts';
import { nextStep } from '../projection/plan.ts';
import { Mirroring } from '../replication/mirroring.ts';
import { VirtualRing, type VirtualVolcano } from '../testing/virtual-ring.ts';
import { CARRY_MS } from './carrier.ts';
import { LOAD_MS } from './figures.ts';

/* Whole volcanos, of which one has a disk that forgets, fails, or is slow (issue 6, "Bad disks"; docs/ring-failover.md). */

const MIRRORED = {
  replicas: 2,
  replication: (parts: ConstructorParameters<typeof Mirroring>[0]) => new Mirroring(parts),
};

/** Three volcanos with two copies of everything, all in sync. */
async function three(): Promise<VirtualRing> {
  const ring = new VirtualRing({ volcanos: 3, seed: 7, limits: { compactionMinBytes: 2 ** 30, pendingUnits: 2000 } });
  for (const volcano of ring.volcanos) volcano.disk = new SimulatedDisk({ clock: ring.time.clock() });
  await ring.start(0, { boot: true, ...MIRRORED });
  for (const number of [1, 2]) await ring.start(number, { seeds: [ring.volcanos[0]!.seed], ...MIRRORED });
  await planned(ring);
  return ring;
}

async function planned(ring: VirtualRing): Promise<void> {
  const end = ring.time.now + 4 * CARRY_MS * 1000;
  while (nextStep(ring.volcanos[0]!.up.projection()) !== null) {
    if (ring.time.now > end) throw new Error('the plan is not carried out');
    await ring.time.run(20);
  }
}

const asked = <T>(ring: VirtualRing, answer: T | Promise<T>): Promise<T> => ring.settle(Promise.resolve(answer));

function holders(ring: VirtualRing, { key }: Attributes): Holders {
  const { map, volcanos } = ring.volcanos[0]!.up.projection();
  const { primary, inSync } = map[sliceOf(key)]!;
  const of = (member: number) => ring.volcanos.find(({ nickname }) => nickname === volcanos[member]!.nickname)!;
  return { primary: of(primary), mirror: of(inSync[0]!) };
}

interface Holders {
  readonly primary: VirtualVolcano;
  readonly mirror: VirtualVolcano;
}

/** A file that lies on such volcanos; what is in it. */
async function someFile(
  ring: VirtualRing,
  such: (of: Holders) => boolean,
  size = 20_000,
): Promise<{ file: Attributes; bytes: Buffer }> {
  const { flares } = ring.volcanos[0]!.up;
  for (let at = 0; ; at++) {
    const file = await asked(ring, flares.create(ROOT, flares.root(), `f${at}`, FILE));
    if (!such(holders(ring, file))) continue;
    const bytes = Buffer.alloc(size, `only in f${at} `);
    await asked(ring, flares.write(ROOT, file, 0, bytes));
    return { file, bytes };
  }
}

/** One that the arbiter has nothing of. */
function written(ring: VirtualRing): Promise<{ file: Attributes; bytes: Buffer }> {
  return someFile(ring, ({ primary, mirror }) => primary.number !== 0 && mirror.number !== 0);
}

/** Turns a bit over in each place of a volcano's log where those bytes lie; how many there were. */
function rot({ disk }: VirtualVolcano, bytes: Buffer, names: readonly string[]): number {
  let found = 0;
  for (const name of names) {
    const at = disk.content(`kml/${name}`).indexOf(bytes.subarray(0, 3000));
    if (at === -1) continue;
    disk.flipBit(`kml/${name}`, at + 1234, 3);
    found++;
  }
  return found;
}

/** A line of what `/.dht/` shows of a volcano, as that volcano or another one has it. */
async function shown(ring: VirtualRing, of: VirtualVolcano, name: string, by = of.number): Promise<string> {
  const { tree } = ring.volcanos[by]!.up;
  const directory = await asked(ring, tree.lookup(ROOT, tree.root(), '.dht'));
  const file = await asked(ring, tree.lookup(ROOT, directory, of.nickname));
  const { data } = await asked(ring, tree.read(ROOT, file, 0, 8000));
  return data.toString().match(new RegExp(`^${name} = (.*)$`, 'm'))![1]!;
}

for (const where of ['primary', 'mirror'] as const) {
  t.test(
    `Rot in the log of a ${where}: right bytes for who reads, from the other copy, written anew, counted and shown`,
    async (t) => {
      const ring = await three();
      const { file, bytes } = await written(ring);
      const found = holders(ring, file);
      const bad = found[where];
      t.equal(rot(bad, bytes, await bad.disk.list('kml')), 1);
      const read = async (number: number): Promise<Buffer> =>
        Buffer.from((await asked(ring, ring.volcanos[number]!.up.flares.read(ROOT, file, 0, 20_000))).data);
      for (const { number } of ring.volcanos) t.ok((await read(number)).equals(bytes), `through v${number}`);
      // What `magma check` asks of each copy.
      const slice = sliceOf(file.key);
      const digests = [];
      for (const one of [found.primary, found.mirror])
        digests.push(await asked(ring, one.up.store.replica.lines(slice, false)));
      t.same(digests[0], digests[1]);
      t.match(bad.up.store.diskFigures(), { damaged: 1, repaired: 1 });
      t.equal(await shown(ring, bad, 'repaired'), '1');
      t.equal(await shown(ring, bad, 'damaged'), '1');
      // Alone it has all of it too.
      ring.kill(found[where === 'primary' ? 'mirror' : 'primary'].number, 'power');
      await ring.time.run(2 * FAILOVER_MS);
      t.ok((await read(bad.number)).equals(bytes));
      await ring.close();
    },
  );
}

t.test(
  'A failed sync wedges a volcano: its mirror takes over, callers see a pause and no error, nothing is done twice',
  async (t) => {
    const ring = await three();
    const { file } = await written(ring);
    const { primary } = holders(ring, file);
    const made: string[] = [];
    let longest = 0;
    let stopped = false;
    const work = ring.volcanos.map(async ({ number }) => {
      const { flares } = ring.volcanos[number]!.up;
      for (let at = 0; !stopped; at++) {
        const name = `v${number}.${at}`;
        const began = ring.time.now;
        const one = await flares.create(ROOT, flares.root(), name, FILE);
        await flares.write(ROOT, one, 0, Buffer.from(name));
        await flares.rename(ROOT, flares.root(), name, flares.root(), `${name}.done`);
        await flares.read(ROOT, one, 0, 100);
        made.push(`${name}.done`);
        longest = Math.max(longest, (ring.time.now - began) / 1000);
        await ring.pause(30);
      }
    });
    const all = Promise.all(work);
    all.catch(() => {});
    await ring.time.run(500);
    const before = made.length;
    t.ok(before > 4);
    primary.disk.fail('sync', 1, 'EIO');
    await ring.time.run(FAILOVER_MS);
    stopped = true;
    await ring.settle(all);
    t.equal(ring.volcanos[primary.number]!.up.store.replica.sound, false, 'it has failed');
    t.ok(made.length > before + 20, 'they work again, also through the one that is wedged');
    t.ok(longest < FAILOVER_MS, `${longest} ms`);
    t.not(holders(ring, file).primary.number, primary.number, 'another one has it');
    const { flares } = ring.volcanos[0]!.up;
    for (const name of made) {
      const one = await asked(ring, flares.lookup(ROOT, flares.root(), name));
      const { data } = await asked(ring, flares.read(ROOT, one, 0, 100));
      if (`${data}.done` !== name) t.equal(`${data}.done`, name);
    }
    // As its host's service manager does, when the disk is well again.
    ring.kill(primary.number, 'power');
    await ring.start(primary.number, MIRRORED);
    await planned(ring);
    await ring.close();
  },
);

t.test('A slow disk makes the ring slow, not wrong, and is named in `/.dht/` everywhere', async (t) => {
  const ring = await three();
  const { file } = await written(ring);
  const { primary } = holders(ring, file);
  primary.disk.delays = { read: 0, write: 0, sync: 900, name: 0 };
  const { flares } = ring.volcanos[0]!.up;
  for (let at = 0; at < SYNCS_KEPT; at++) await asked(ring, flares.write(ROOT, file, 0, Buffer.from(`write ${at}`)));
  await ring.time.run(LOAD_MS);
  for (const { number } of ring.volcanos)
    t.ok(Number(await shown(ring, primary, 'sync', number)) >= SLOW_SYNC_MS, `as v${number} has it`);
  primary.disk.delays = { read: 0, write: 0, sync: 0, name: 0 };
  for (let at = 0; at < SYNCS_KEPT; at++) await asked(ring, flares.write(ROOT, file, 0, Buffer.from(`write ${at}`)));
  await ring.time.run(LOAD_MS);
  t.ok(Number(await shown(ring, primary, 'sync')) < SLOW_SYNC_MS, 'and not any more, when it is well');
  await ring.close();
});

t.test(
  'Damage to the only copy keeps its slice from being copied, and is named; when the file is removed, all is copied',
  async (t) => {
    const ring = new VirtualRing({ volcanos: 2, seed: 7, limits: { compactionMinBytes: 2 ** 30, pendingUnits: 2000 } });
    await ring.start(0, { boot: true, ...MIRRORED });
    const [alone, newcomer] = ring.volcanos as [VirtualVolcano, VirtualVolcano];
    const { flares } = alone.up;
    const bytes = Buffer.alloc(20_000, 'only here ');
    const names = ['well', 'bad', 'well too'];
    for (const name of names) {
      const file = await asked(ring, flares.create(ROOT, flares.root(), name, FILE));
      await asked(ring, flares.write(ROOT, file, 0, name === 'bad' ? bytes : Buffer.from(name)));
    }
    t.equal(rot(alone, bytes, await alone.disk.list('kml')), 1);
    const starting = ring.begin(newcomer.number, { seeds: [alone.seed], ...MIRRORED });
    await ring.time.run(3 * CARRY_MS);
    const begun = (): number =>
      alone.warnings.filter((line) => /could not be filled; it is begun anew/.test(line)).length;
    t.ok(
      begun() > 0 && begun() < 10,
      `it is tried again, and not all the time: ${begun()} times in ${(3 * CARRY_MS) / 1000} s`,
    );
    t.match(alone.up.store.diskFigures(), { damaged: 1, repaired: 0 });
    const bad = await asked(ring, flares.lookup(ROOT, flares.root(), 'bad'));
    await t.rejects(asked(ring, (async () => flares.read(ROOT, bad, 0, 100))()), { message: 'IO' });
    await asked(ring, flares.remove(ROOT, flares.root(), 'bad'));
    await ring.settle(starting);
    await planned(ring);
    for (let slice = 0; slice < 256; slice++) {
      const lines = ring.volcanos.map(({ up }) => up.store.replica.lines(slice, false));
      const [one, other] = await asked(ring, Promise.all(lines));
      if (one!.join() !== other!.join()) t.same(one, other, `slice ${slice}`);
    }
    for (const name of ['well', 'well too']) {
      const { flares } = newcomer.up;
      const file = await asked(ring, flares.lookup(ROOT, flares.root(), name));
      t.equal((await asked(ring, flares.read(ROOT, file, 0, 100))).data.toString(), name);
    }
    await ring.close();
  },
);

t.test(
  'Rot among records that a mirror is to be sent: it is filled anew, and gives what is lost before that',
  async (t) => {
    const ring = new VirtualRing({ volcanos: 2, seed: 7, limits: { compactionMinBytes: 2 ** 30, pendingUnits: 2000 } });
    await ring.start(0, { boot: true, ...MIRRORED });
    await ring.start(1, { seeds: [ring.volcanos[0]!.seed], ...MIRRORED });
    await planned(ring);
    const { file, bytes } = await someFile(ring, ({ primary }) => primary.number === 0, 1400);
    const [first, second] = ring.volcanos as [VirtualVolcano, VirtualVolcano];
    // At the beginning of a segment, which takes more: it may be a quarter of the longest one.
    for (let at = -1; at === -1 || at > 1500; ) {
      await asked(ring, first.up.flares.write(ROOT, file, 0, bytes));
      at = first.disk.content(`kml/${(await first.disk.list('kml')).sort().at(-1)!}`).indexOf(bytes);
    }
    await asked(ring, first.up.store.checkpoint());
    ring.kill(second.number, 'power');
    // It is durable at the primary alone.
    const late = first.up.flares.write({ ...ROOT, replay: 'late' }, file, 0, Buffer.from('late'));
    Promise.resolve(late).catch(() => {});
    await ring.time.run(20);
    const newest = (await first.disk.list('kml')).sort().at(-1)!;
    t.equal(rot(first, bytes.subarray(4), [newest]), 1, 'in the same segment');
    ring.kill(first.number, 'killed');
    await ring.settle(Promise.all([ring.begin(0, MIRRORED), ring.begin(1, MIRRORED)]));
    await planned(ring);
    await asked(ring, ring.volcanos[1]!.up.flares.write({ ...ROOT, replay: 'late' }, file, 0, Buffer.from('late')));
    bytes.write('late');
    for (const { up } of ring.volcanos)
      t.ok((await asked(ring, up.flares.read(ROOT, file, 0, bytes.length))).data.equals(bytes));
    t.match(first.up.store.diskFigures(), { damaged: 1, repaired: 1 });
    const slice = sliceOf(file.key);
    const lines = await asked(ring, Promise.all(ring.volcanos.map(({ up }) => up.store.replica.lines(slice, false))));
    t.same(lines[0], lines[1]);
    await ring.close();
  },
);
