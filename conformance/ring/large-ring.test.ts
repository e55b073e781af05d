import t from 'tap';
import { seededRandom } from '../../src/base/random.ts';
import { runs } from '../../src/dht/projection/queries.ts';
import { DIRECTORY, ROOT } from '../../src/flare/store/testing/harness.ts';
import { WholeRing } from './lib/whole-ring.ts';

/*
 * Many whole volcanos join one network at the same time (docs/ring-testing.md): each gets a run, every slice a mirror, and each shows what was made through another.
 */

const LONG = process.env.MAGMA_LONG === '1';
const COUNT = LONG ? 100 : 32;
const SEED = Number(process.env.MAGMA_SEED ?? Date.now() % 2 ** 31);
/** Virtual time within which all have joined and are mirrored, in milliseconds. */
const JOINED_MS = 600_000;
/** Virtual time for what else is asked, in milliseconds. */
const ASKED_MS = 60_000;

t.test(`${COUNT} volcanos join one network`, { timeout: LONG ? 3_600_000 : 280_000 }, async (t) => {
  t.comment(`seed ${SEED}`);
  let parts = 0;
  const chance = () => seededRandom(SEED + parts++);
  const ring = new WholeRing({ chance, breaks: { ring: { volcanos: COUNT, atFirst: COUNT, replicas: 2 } } });
  ring.begin();
  const end = ring.time.now + JOINED_MS * 1000;
  while (!ring.quiet) {
    if (ring.time.now > end) throw new Error(`not quiet: ${ring.unquiet().slice(0, 5).join('; ')}`);
    await ring.step();
  }
  t.comment(`${ring.counts.maps} maps, ${Math.round(ring.time.now / 1e6)} s of virtual time`);
  t.equal(runs(ring.map).length, COUNT, 'each has a run');
  t.same((await ring.differences()).slice(0, 5), [], 'mirrors equal primaries');

  const settle = <T>(work: Promise<T>): Promise<T> => ring.time.settle(work, ASKED_MS);
  const name = (at: number): string => `by ${at}`;
  const root = ring.root();
  for (let at = 0; at < COUNT; at += 5) {
    const caller = { ...ROOT, replay: name(at) };
    await settle(ring.ask(at, name(at), async (flares) => flares.create(caller, root, name(at), DIRECTORY)));
    const other = (at + Math.ceil(COUNT / 2)) % COUNT;
    const seen = await settle(ring.ask(other, null, async (flares) => flares.lookup(ROOT, root, name(at))));
    t.equal(seen.nlink, 2, `made through volcano ${at}, seen through ${other}`);
  }
  t.same(ring.faults, []);
  await ring.close();
});
