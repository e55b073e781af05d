import t, { type Test } from 'tap';
import { sliceOf } from '../../flare/keys.ts';
import { FILE, ROOT } from '../../flare/store/testing/harness.ts';
import type { Attributes } from '../../flare/types.ts';
import { nextStep } from '../projection/plan.ts';
import { runOf } from '../projection/queries.ts';
import { Mirroring } from '../replication/mirroring.ts';
import { VirtualRing } from '../testing/virtual-ring.ts';
import { CARRY_MS } from '../volcano/carrier.ts';
import type { Ring } from '../volcano.ts';
import { FAILOVER_MS } from './times.ts';

/*
 * Whole volcanos of which one goes: the others go on without it, nothing that was answered is lost or done twice, and it comes back. docs/ring-failover.md.
 */

const MIRRORED = {
  replicas: 2,
  replication: (parts: ConstructorParameters<typeof Mirroring>[0]) => new Mirroring(parts),
};
/** A checkpoint of an index in memory costs time. */
const LIMITS = { compactionMinBytes: 400_000, pendingUnits: 2000 };
/** Longer than any fill here takes. */
const FILLED_MS = 4 * CARRY_MS;

/** So many volcanos with two copies of everything, all in sync. The first one arbitrates. */
async function ringOf(volcanos: number): Promise<VirtualRing> {
  const ring = new VirtualRing({ volcanos, seed: 7, limits: LIMITS });
  await ring.start(0, { boot: true, ...MIRRORED });
  for (let number = 1; number < volcanos; number++)
    await ring.start(number, { seeds: [ring.volcanos[0]!.seed], ...MIRRORED });
  await planned(ring);
  return ring;
}

function up(ring: VirtualRing) {
  return ring.volcanos.flatMap(({ ring: one }) => (one === null ? [] : [one]));
}

async function planned(ring: VirtualRing, silent: readonly string[] = []): Promise<void> {
  const end = ring.time.now + FILLED_MS * 1000;
  const done = (): boolean => {
    const maps = up(ring).map((one) => one.projection());
    const [newest] = maps;
    const isSilent = (member: number): boolean => silent.includes(newest!.volcanos[member]!.nickname);
    return maps.every(({ epoch }) => epoch === newest!.epoch) && nextStep(newest!, isSilent) === null;
  };
  while (!done()) {
    if (ring.time.now > end) throw new Error(`not carried out: ${JSON.stringify(nextStep(up(ring)[0]!.projection()))}`);
    await ring.time.run(20);
  }
}

/** Makes files through these volcanos until told to stop; knows the longest time that a call took, in milliseconds. */
function load(ring: VirtualRing, through: readonly number[]) {
  let stopped = false;
  let longest = 0;
  const made: string[] = [];
  const work = through.map(async (number) => {
    const { flares } = ring.volcanos[number]!.up;
    for (let at = 0; !stopped; at++) {
      const name = `v${number}.${at}`;
      const began = ring.time.now;
      const file = await flares.create(ROOT, flares.root(), name, FILE);
      await flares.write(ROOT, file, 0, Buffer.from(name));
      made.push(name);
      longest = Math.max(longest, (ring.time.now - began) / 1000);
      await ring.pause(40);
    }
  });
  const all = Promise.all(work);
  all.catch(() => {});
  return {
    get longest() {
      return longest;
    },
    made,
    async stop() {
      stopped = true;
      await ring.settle(all);
    },
  };
}

/** Each volcano shows all files, with what is in them. */
async function checkAll(t: Test, ring: VirtualRing, names: readonly string[]): Promise<void> {
  for (const { flares, self } of up(ring)) {
    let wrong = 0;
    for (const name of names) {
      const file = await ring.settle(Promise.resolve(flares.lookup(ROOT, flares.root(), name)));
      const { data } = await ring.settle(Promise.resolve(flares.read(ROOT, file, 0, 100)));
      if (data.toString() !== name) wrong += 1;
    }
    t.equal(wrong, 0, `${self.nickname} shows all ${names.length}`);
  }
}

for (const how of ['killed', 'power'] as const) {
  t.test(
    `One of three goes (${how}), as primary and as mirror: calls wait for less than the time of failover, and none fails; it comes back`,
    async (t) => {
      const ring = await ringOf(3);
      const { nickname } = ring.volcanos[1]!;
      const working = load(ring, [0, 2]);
      await ring.time.run(500);
      const before = working.made.length;
      t.ok(before > 4 && working.longest < 1000);
      ring.kill(1, how);
      await ring.time.run(FAILOVER_MS);
      t.ok(working.made.length > before + 20, 'they work again');
      t.ok(working.longest < FAILOVER_MS, `${working.longest} ms`);
      const gone = (): number =>
        ring.volcanos[0]!.up.projection().volcanos.findIndex((one) => one.nickname === nickname);
      t.equal(runOf(ring.volcanos[0]!.up.projection(), gone()), null, 'it is primary of nothing');
      await planned(ring, [nickname]);
      const { map } = ring.volcanos[0]!.up.projection();
      t.ok(
        map.every(({ inSync }) => inSync.length === 1 && !inSync.includes(gone())),
        'two copies again, on those that are left',
      );
      await ring.start(1, MIRRORED);
      await planned(ring);
      await working.stop();
      t.ok(working.longest < FAILOVER_MS);
      t.ok(
        ring.volcanos[0]!.up.projection().map.some(({ inSync }) => inSync.includes(gone())),
        'it mirrors again',
      );
      await ring.quiet();
      await checkAll(t, ring, working.made);
      await ring.close();
    },
  );
}

t.test('A retransmission after the failover gets the first answer: the replays have moved along', async (t) => {
  const ring = await ringOf(3);
  const [v0, v1] = [ring.volcanos[0]!.up, ring.volcanos[1]!.up];
  const directory = await ownedBy(ring, 'v1');
  const caller = { ...ROOT, replay: 'the same call' };
  const made = await ring.settle(Promise.resolve(v1.flares.create(caller, directory, 'x', FILE)));
  ring.kill(1, 'power');
  await ring.time.run(FAILOVER_MS);
  const again = await ring.settle(Promise.resolve(v0.flares.create(caller, directory, 'x', FILE)));
  t.same(again, made, 'and not EXIST');
  const other = async () => v0.flares.create({ ...ROOT, replay: 'another' }, directory, 'x', FILE);
  await t.rejects(ring.settle(other()), { name: 'FlareError', status: 'EXIST' });
  await ring.close();
});

/** A directory whose slice that volcano is primary of. */
async function ownedBy(ring: VirtualRing, nickname: string): Promise<Attributes> {
  const { flares } = ring.volcanos[0]!.up;
  for (let at = 0; ; at++) {
    const made = await ring.settle(
      Promise.resolve(flares.create(ROOT, flares.root(), `d${at}`, { ...FILE, type: 2, mode: 0o777 })),
    );
    const { map, volcanos } = ring.volcanos[0]!.up.projection();
    if (volcanos[map[made.key.charCodeAt(0)]!.primary]!.nickname === nickname) return made;
  }
}

t.test(
  'A primary that slept while its mirror took over answers nothing from before, though nobody has told it yet',
  async (t) => {
    const ring = await ringOf(3);
    const directory = await ownedBy(ring, 'v1');
    const [v0, v1] = [ring.volcanos[0]!.up, ring.volcanos[1]!.up];
    const before = await ring.settle(Promise.resolve(v1.flares.getattr(directory)));
    ring.volcanos[1]!.clock!.hang(2 * FAILOVER_MS);
    await ring.settle(Promise.resolve(v0.flares.create(ROOT, directory, 'x', FILE)));
    t.ok(ring.volcanos[1]!.clock!.hung, 'it still sleeps');
    // As a call that lies in its socket when it wakes.
    const asked = Promise.withResolvers<Attributes>();
    ring.volcanos[1]!.clock!.soon(
      () => void Promise.resolve(v1.flares.getattr(directory)).then(asked.resolve, asked.reject),
    );
    const after = await ring.settle(asked.promise);
    t.ok(after.version > before.version, 'it has asked who owns it now');
    t.equal(after.size, (await ring.settle(Promise.resolve(v0.flares.getattr(directory)))).size);
    await ring.close();
  },
);

t.test(
  'A primary that does not hear whether its proposal was written, that a mirror is in sync, answers nothing once that one may have taken over',
  async (t) => {
    const ring = await ringOf(3);
    const v0 = ring.volcanos[0]!.up;
    // Who keeps the maps is the first one; each mirrors the one before it.
    const [, owner, mirror] = v0.projection().volcanos.map(({ nickname }) => Number(nickname.slice(1)));
    const cut = ring.volcanos[owner!]!.up;
    const directory = await ownedBy(ring, `v${owner}`);
    const slice = sliceOf(directory.key);
    const mirrors = (one: Ring): number => one.projection().map[slice]!.inSync.length;
    ring.kill(mirror!, 'power');
    while (mirrors(v0) === 1) await ring.time.step();
    while (mirrors(v0) === 0) await ring.time.step();
    const heal = ring.network.faults.partition([`v${owner}`], ['v0']);
    t.equal(mirrors(cut), 0, 'it is alone, as far as it knows');
    await ring.time.run(FAILOVER_MS);
    await ring.settle(Promise.resolve(v0.flares.create(ROOT, directory, 'x', FILE)));
    t.equal(mirrors(cut), 0);
    let early = true;
    const asked = Promise.resolve(cut.flares.getattr(directory)).then((attributes) => ({ attributes, early }));
    await ring.time.run(100);
    early = false;
    heal();
    const after = await ring.settle(asked);
    t.notOk(after.early, 'it has waited');
    t.equal(after.attributes.version, (await ring.settle(Promise.resolve(v0.flares.getattr(directory)))).version);
    await ring.close();
  },
);

t.test(
  'What a volcano has written while it was taken over from is not answered: it is done again, where it counts',
  async (t) => {
    const ring = await ringOf(3);
    const directory = await ownedBy(ring, 'v1');
    const [v0, v1] = [ring.volcanos[0]!.up, ring.volcanos[1]!.up];
    const heal = ring.network.faults.partition(['v1'], ['v0', 'v2']);
    let done = false;
    const waiting = Promise.resolve(v1.flares.setattr(ROOT, directory, { mode: 0o700 })).finally(() => {
      done = true;
    });
    const written = v1.store.replica.appended;
    await ring.time.run(FAILOVER_MS);
    t.notOk(done, 'no mirror has it');
    t.ok(v1.store.replica.durable >= written, 'it is on the own disk');
    t.equal(
      (await ring.settle(Promise.resolve(v0.flares.getattr(directory)))).mode,
      0o777,
      'others know nothing of it',
    );
    heal();
    t.equal((await ring.settle(waiting)).mode, 0o700);
    t.equal((await ring.settle(Promise.resolve(v0.flares.getattr(directory)))).mode, 0o700, 'who owns it now has it');
    await ring.close();
  },
);

t.test(
  'The arbiter goes: no map changes, and its slices wait for it; then all goes on, and nothing is lost',
  async (t) => {
    const ring = await ringOf(3);
    const directory = await ownedBy(ring, 'v1');
    const { flares } = ring.volcanos[1]!.up;
    const { epoch } = ring.volcanos[1]!.up.projection();
    ring.kill(0, 'power');
    const waiting = Promise.resolve(flares.lookup(ROOT, flares.root(), 'd0'));
    waiting.catch(() => {});
    await ring.time.run(2 * FAILOVER_MS);
    for (const one of up(ring)) t.equal(one.projection().epoch, epoch);
    await ring.start(0, MIRRORED);
    t.ok(await ring.settle(waiting));
    t.ok(await ring.settle(Promise.resolve(flares.create(ROOT, directory, 'x', FILE))));
    await ring.close();
  },
);

t.test('All lose their power at once, and start in any order: all is there, and nobody has taken over', async (t) => {
  const ring = await ringOf(3);
  const working = load(ring, [0, 1, 2]);
  await ring.time.run(400);
  const { made } = working;
  const answered = [...made];
  for (const number of [0, 1, 2]) ring.kill(number, 'power');
  const starting = [2, 0, 1].map(async (number, at) => {
    await ring.pause(at * 1500);
    return ring.begin(number, MIRRORED);
  });
  await ring.settle(Promise.all(starting));
  for (const run of [0, 1, 2]) t.not(runOf(ring.volcanos[0]!.up.projection(), run), null);
  await ring.quiet();
  await checkAll(t, ring, answered);
  await ring.close();
});
