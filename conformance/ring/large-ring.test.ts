import t from 'tap';
import { seededRandom } from '../../src/base/random.ts';
import { chooseSeed, LONG } from '../../src/base/testing/seed.ts';
import { encodeProjection } from '../../src/dht/projection/codec.ts';
import { runs } from '../../src/dht/projection/queries.ts';
import { LOAD_MS } from '../../src/dht/volcano/figures.ts';
import { SLICES } from '../../src/flare/keys.ts';
import { DIRECTORY, FILE, ROOT } from '../../src/flare/store/testing/harness.ts';
import type { FlareId } from '../../src/flare/types.ts';
import { type LogImage, readLog } from './lib/log-image.ts';
import { treeFaults } from './lib/tree-faults.ts';
import { WholeRing } from './lib/whole-ring.ts';

/*
 * Many whole volcanos join one network at the same time (docs/ring-testing.md): all serve, every slice has its mirror, and each is a gateway to the same tree, with all volcanos in
 * `/.dht/` and all their room in STATFS.
 */

const COUNT = Number(process.env.MAGMA_VOLCANOS ?? (LONG ? 100 : 32));
const SEED = chooseSeed();
/** Virtual time within which all have joined and are mirrored, in milliseconds. */
const JOINED_MS = 3_600_000;
/** Virtual time for what else is asked, in milliseconds. */
const ASKED_MS = 60_000;
/** After so many exchanges each knows the figures of all. */
const EXCHANGES = LONG ? 20 : 5;
/** It is looked each so many steps whether all is as it should be. */
const STEPS = 200;
/** How far it is is told each so many steps. */
const SAID_STEPS = 200_000;
/** Volcanos that clients ask. */
const GATEWAYS = 12;
/** How many newcomers may have found nobody at their first try. */
const WARNINGS_MAX = COUNT / 10;

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return Math.round((user + system) / 1e6);
}

t.test(`${COUNT} volcanos join one network`, { timeout: LONG ? 7_200_000 : 280_000 }, async (t) => {
  t.comment(`seed ${SEED}`);
  let parts = 0;
  const chance = () => seededRandom(SEED + parts++);
  const ring = new WholeRing({ chance, breaks: { ring: { volcanos: COUNT, atFirst: COUNT, replicas: 2 } } });
  ring.begin();
  let most = 0;
  const end = ring.time.now + JOINED_MS * 1000;
  for (let steps = 1; steps % STEPS !== 0 || !ring.quiet; steps++) {
    if (ring.time.now > end) throw new Error(`not quiet: ${ring.unquiet().slice(0, 5).join('; ')}`);
    await ring.step();
    if (steps % SAID_STEPS !== 0) continue;
    most = Math.max(most, process.memoryUsage().rss);
    t.comment(`${ring.counts.maps} maps, ${cpuSeconds()} s of CPU, ${megabytes(most)}`);
  }
  t.comment(
    `${ring.counts.maps} maps, the last of ${encodeProjection(ring.map).length} bytes, in ${Math.round(ring.time.now / 1e6)} s of virtual time; ` +
      `${cpuSeconds()} s of CPU, ${megabytes(Math.max(most, process.memoryUsage().rss))}; ` +
      `${megabytes(ring.sentBytes)} sent, ${Math.round(ring.sentBytes / COUNT ** 2)} bytes a member and join`,
  );
  t.equal(ring.map.volcanos.filter(({ state }) => state === 'serving').length, COUNT);
  t.ok(runs(ring.map).length >= Math.min(COUNT, SLICES) / 8, `${runs(ring.map).length} have slices`);
  t.same((await ring.differences()).slice(0, 5), [], 'mirrors equal primaries');

  const settle = <T>(work: Promise<T>): Promise<T> => ring.time.settle(work, ASKED_MS);
  const root = ring.root();
  const data = Buffer.from('written by one and read by another');
  for (let number = 0; number < GATEWAYS; number++) {
    const at = Math.floor((number * COUNT) / GATEWAYS);
    const other = (at + Math.ceil(COUNT / 2)) % COUNT;
    const name = `by ${at}`;
    const caller = (what: string) => ({ ...ROOT, replay: `${what} ${name}` });
    const directory: FlareId = await settle(
      ring.ask(at, name, async (flares) => flares.create(caller('mkdir'), root, name, DIRECTORY)),
    );
    const file = await settle(
      ring.ask(at, `file ${name}`, async (flares) => flares.create(caller('create'), directory, 'file', FILE)),
    );
    await settle(ring.ask(at, `write ${name}`, async (flares) => flares.write(caller('write'), file, 0, data)));
    const read = await settle(
      ring.ask(other, null, async (flares) => {
        const seen = await flares.lookup(ROOT, await flares.lookup(ROOT, root, name), 'file');
        return flares.read(ROOT, seen, 0, 100);
      }),
    );
    t.same(read.data, data, `written through volcano ${at}, read through ${other}`);
  }
  const listed = await settle(ring.ask(COUNT - 1, null, async (flares) => flares.readdir(ROOT, root, 0, 100)));
  t.equal(listed.entries.length, GATEWAYS);

  await ring.time.run(EXCHANGES * LOAD_MS);
  const members = ring.map.volcanos.map(({ nickname }) => nickname);
  for (let number = 0; number < GATEWAYS; number++) {
    const at = Math.floor((number * COUNT) / GATEWAYS);
    const { tree } = ring.ringOf(at);
    const dht = await settle(Promise.resolve(tree.lookup(ROOT, root, '.dht')));
    const { entries, end } = await tree.readdir(ROOT, dht, 0, COUNT + 10);
    t.same(new Set(entries.map(({ name }) => name)), new Set([...members, 'ring', 'projection']));
    t.ok(end);
    const last = await tree.read(ROOT, await tree.lookup(ROOT, dht, members.at(-1)!), 0, 4096);
    t.match(last.data.toString(), /^state = serving$/m);
    t.notMatch(last.data.toString(), /unknown/, 'its figures have come here');
    const all = Array.from({ length: COUNT }, (_, one) => ring.ringOf(one).store.statfs());
    const { totalBytes, flares } = await tree.statfs();
    t.equal(totalBytes, Math.floor(all.reduce((sum, one) => sum + one.totalBytes, 0) / 2), `STATFS of volcano ${at}`);
    t.equal(flares, Math.floor(all.reduce((sum, one) => sum + one.flares, 0) / 2));
  }

  t.same(ring.faults, []);
  t.ok(ring.warnings.length <= WARNINGS_MAX, `${ring.warnings.length} warnings`);
  const owners = Array.from({ length: SLICES }, (_, slice) => ring.ownerOf(slice));
  const images: LogImage[] = [];
  for (const [at, stopped] of (await ring.close()).entries()) {
    const disk = stopped.killed();
    disk.delays = { read: 0, write: 0, sync: 0, name: 0 };
    images.push(await settle(readLog(disk, (slice) => owners[slice] === at)));
  }
  t.same(
    treeFaults(images, (slice) => owners[slice]!),
    [],
    'the tree of all logs together',
  );
  t.comment(`${cpuSeconds()} s of CPU in all, ${megabytes(process.memoryUsage().rss)}`);
});
