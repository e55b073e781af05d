import t, { type Test } from 'tap';
import type { Eventually } from '../../base/eventually.ts';
import { type Random, seededRandom } from '../../base/random.ts';
import { chooseSeed, LONG } from '../../base/testing/seed.ts';
import { FlareError, UnavailableError } from '../../flare/errors.ts';
import type { FlareService } from '../../flare/service.ts';
import { DIRECTORY, FILE, ROOT } from '../../flare/store/testing/harness.ts';
import type { Caller } from '../../flare/types.ts';
import { nextStep } from '../projection/plan.ts';
import { runs } from '../projection/queries.ts';
import { VirtualRing } from '../testing/virtual-ring.ts';
import { Mirroring } from './mirroring.ts';

/*
 * Whole volcanos with two copies of everything: the plan's steps are carried out to their end under load, and each slice is the same on all that hold it.
 */

const SEED = chooseSeed();
const RUNS = Number(process.env.MAGMA_RUNS ?? (LONG ? 60 : 3));
const MIRRORED = {
  replicas: 2,
  replication: (parts: ConstructorParameters<typeof Mirroring>[0]) => new Mirroring(parts),
};

/** A checkpoint of an index in memory costs time: not one for each small segment. */
const LIMITS = { compactionMinBytes: 400_000, pendingUnits: 2000 };

/** What mirrors have otherwise than primaries. */
async function differences(ring: VirtualRing): Promise<string[]> {
  const found: string[] = [];
  const { map, volcanos } = ring.volcanos[0]!.up.projection();
  const at = (index: number) => ring.volcanos.find(({ nickname }) => nickname === volcanos[index]!.nickname)!.up.store;
  for (const [slice, { primary, inSync }] of map.entries()) {
    const { replica } = at(primary);
    const lines = await ring.settle(replica.lines(slice));
    for (const index of inSync) {
      const there = await ring.settle(at(index).replica.lines(slice));
      if (replica.following.last(slice).number === 0 && there.length <= 2) continue;
      const odd = (one: string[], other: string[]): string[] => one.filter((line) => !other.includes(line));
      for (const line of odd(lines, there)) found.push(`slice ${slice}: volcano ${index} lacks ${line}`);
      for (const line of odd(there, lines)) found.push(`slice ${slice}: only volcano ${index} has ${line}`);
    }
  }
  return found;
}

/** Lets time go by until the plan is carried out, and all know. */
async function planned(ring: VirtualRing): Promise<void> {
  const end = ring.time.now + 300_000_000;
  const done = (): boolean => {
    const maps = ring.volcanos.map(({ up }) => up.projection());
    return maps.every(({ epoch }) => epoch === maps[0]!.epoch) && nextStep(maps[0]!) === null;
  };
  while (!done()) {
    if (ring.time.now > end)
      throw new Error(`the plan is not carried out: ${JSON.stringify(nextStep(ring.volcanos[0]!.up.projection()))}`);
    await ring.time.run(20);
  }
}

/** Clients of a ring: they work in directories of their own and know what has to be there. */
class Clients {
  readonly #ring: VirtualRing;
  readonly #random: Random;
  #calls = 0;
  #working = true;
  readonly contents = new Map<string, string>();

  constructor(ring: VirtualRing, random: Random) {
    this.#ring = ring;
    this.#random = random;
  }

  get calls(): number {
    return this.#calls;
  }

  pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => void this.#ring.time.after(milliseconds * 1000, resolve));
  }

  /** Asks a volcano, and another one when that dies, until one answers. */
  async ask<T>(work: (flares: FlareService) => Eventually<T>): Promise<T> {
    for (;;) {
      const up = this.#ring.volcanos.filter(({ ring }) => ring !== null);
      const asked = up[this.#random.below(up.length)];
      if (asked !== undefined) {
        const life = asked.up;
        let waiting = true;
        const answer = Promise.resolve(work(life.flares)).then(
          (value) => ({ value }),
          (error: unknown) => ({ error }),
        );
        const death = async (): Promise<null> => {
          while (asked.ring === life && waiting) await this.pause(10);
          return null;
        };
        const ended = await Promise.race([answer, death()]);
        waiting = false;
        if (ended !== null && 'value' in ended) return ended.value;
        const late =
          ended !== null &&
          (ended.error instanceof UnavailableError ||
            (ended.error instanceof FlareError && ended.error.status === 'IO'));
        if (ended !== null && !late) throw ended.error;
      }
      await this.pause(20);
    }
  }

  #as(): Caller {
    return { ...ROOT, replay: `call ${this.#calls++}` };
  }

  async work(number: number): Promise<void> {
    const first = this.#as();
    const directory = await this.ask((flares) => flares.create(first, flares.root(), `d${number}`, DIRECTORY));
    for (let n = 0; this.#working || n < 10; n++) {
      const name = `f${this.#random.below(12)}`;
      const path = `d${number}/${name}`;
      const as = this.#as();
      if (!this.contents.has(path)) {
        await this.ask((flares) => flares.create(as, directory, name, FILE));
        this.contents.set(path, '');
      } else if (this.#random.below(4) === 0) {
        await this.ask((flares) => flares.remove(as, directory, name));
        this.contents.delete(path);
      } else {
        const file = await this.ask((flares) => flares.lookup(ROOT, directory, name));
        const data = Buffer.from(`${n}`.repeat(1 + this.#random.below(300)));
        await this.ask((flares) => flares.setattr(as, file, { size: 0 }));
        const next = this.#as();
        await this.ask((flares) => flares.write(next, file, 0, data));
        this.contents.set(path, data.toString());
      }
      await this.pause(this.#random.below(30));
    }
  }

  stop(): void {
    this.#working = false;
  }

  /** What a volcano shows of what was made. */
  async look(flares: FlareService, directories: number): Promise<string[]> {
    const found: string[] = [];
    for (let d = 0; d < directories; d++) {
      const directory = await flares.lookup(ROOT, flares.root(), `d${d}`);
      const { entries } = await flares.readdir(ROOT, directory, 0, 100);
      for (const { name } of entries) {
        const file = await flares.lookup(ROOT, directory, name);
        const { data } = await flares.read(ROOT, file, 0, 100_000);
        found.push(`d${d}/${name}: ${data}`);
      }
    }
    return found.sort();
  }
}

/** At the end of a run: the plan is carried out, each slice is the same where it is held, and every volcano shows what was answered. */
async function settled(
  t: Test,
  ring: VirtualRing,
  clients: Clients,
  work: Promise<unknown>,
  seed: number,
): Promise<void> {
  await planned(ring);
  clients.stop();
  await ring.settle(work);
  await ring.quiet();
  await ring.time.run(2000);
  const map = ring.volcanos[0]!.up.projection();
  t.equal(runs(map).length, 3, 'each has a run');
  const whole = map.map.every(({ inSync, filling }) => inSync.length === 1 && filling.length === 0);
  t.ok(whole, 'each slice has one mirror');
  t.same((await differences(ring)).slice(0, 5), [], `seed ${seed}: mirrors equal primaries`);
  const expected = [...clients.contents].map(([path, text]) => `${path}: ${text}`).sort();
  for (const { up, nickname } of ring.volcanos) {
    t.same(await ring.settle(clients.look(up.flares, 3)), expected, `seed ${seed}: ${nickname} shows all`);
  }
  t.comment(`seed ${seed}: ${clients.calls} calls, epoch ${map.epoch}`);
}

t.test(
  'Three volcanos with two copies join under load; in the end every run is mirrored by its follower',
  async (t) => {
    for (let seed = SEED; seed < SEED + RUNS; seed++) {
      const random = seededRandom(seed);
      const ring = new VirtualRing({ volcanos: 3, seed, limits: LIMITS });
      await ring.start(0, { boot: true, ...MIRRORED });
      const clients = new Clients(ring, random);
      const work = Promise.all([0, 1, 2].map((number) => clients.work(number)));
      work.catch(() => {});
      await ring.time.run(300);
      await ring.start(1, { seeds: [ring.volcanos[0]!.seed], ...MIRRORED });
      await ring.time.run(random.below(500));
      await ring.start(2, { seeds: [ring.volcanos[1]!.seed], ...MIRRORED });
      await settled(t, ring, clients, work, seed);
      await ring.close();
    }
  },
);

t.test(
  'A volcano comes back with an older copy of its disk: it is refused and serves nothing, and the others go on (docs/ring-failover.md, An older copy of a disk)',
  async (t) => {
    const ring = new VirtualRing({ volcanos: 2, seed: SEED });
    await ring.start(0, { boot: true, ...MIRRORED });
    await ring.start(1, { seeds: [ring.volcanos[0]!.seed], ...MIRRORED });
    await planned(ring);
    const flares = ring.volcanos[0]!.up.flares;
    const create = async (from: number, to: number): Promise<void> => {
      for (let n = from; n < to; n++) await flares.create(ROOT, flares.root(), `f${n}`, FILE);
    };
    await ring.settle(create(0, 20));
    ring.kill(1, 'power');
    const [one] = ring.volcanos.slice(1);
    const older = one!.disk.powerCut(ring.random());
    one!.disk = one!.disk.powerCut(ring.random());
    await ring.start(1, MIRRORED);
    await ring.settle(create(20, 40));
    ring.kill(1, 'power');
    one!.disk = older;
    let serves = false;
    const starting = ring.begin(1, MIRRORED).then(
      () => {
        serves = true;
      },
      () => {},
    );
    await ring.settle(create(40, 60));
    await ring.time.run(60_000);
    t.notOk(serves);
    t.match(ring.volcanos[0]!.warnings.join('\n'), /there are two of v1/);
    const { entries } = await ring.settle(Promise.resolve(flares.readdir(ROOT, flares.root(), 0, 100)));
    t.equal(entries.length, 60);
    ring.kill(1);
    void starting;
    await ring.close();
  },
);

t.test('Volcanos lose their power while others join and work: nothing that was answered is lost', async (t) => {
  for (let seed = SEED; seed < SEED + RUNS; seed++) {
    const random = seededRandom(seed);
    const ring = new VirtualRing({ volcanos: 3, seed, limits: LIMITS });
    await ring.start(0, { boot: true, ...MIRRORED });
    const clients = new Clients(ring, random);
    const work = Promise.all([0, 1, 2].map((number) => clients.work(number)));
    work.catch(() => {});
    await ring.time.run(200);
    const seeds = [ring.volcanos[0]!.seed];
    await ring.start(1, { seeds, ...MIRRORED });
    const joining = ring.begin(2, { seeds, ...MIRRORED });
    joining.catch(() => {});
    let kills = 0;
    for (let round = 0; round < 5; round++) {
      await ring.time.run(random.below(1500));
      const one = random.below(2);
      if (ring.volcanos[one]!.ring === null) continue;
      ring.kill(one, 'power');
      kills++;
      await ring.time.run(random.below(400));
      const again = ring.begin(one, { ...MIRRORED });
      await ring.settle(again);
    }
    await ring.settle(joining);
    t.comment(`${kills} power cuts`);
    await settled(t, ring, clients, work, seed);
    await ring.close();
  }
});
