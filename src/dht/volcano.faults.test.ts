import t, { type Test } from 'tap';
import { keyOf, sliceOf } from '../flare/keys.ts';
import { SECRET_NOTE } from '../flare/store/open.ts';
import { ROOT, statusOf } from '../flare/store/testing/harness.ts';
import { type Attributes, FlareType } from '../flare/types.ts';
import { PATIENCE_MS } from './retry.ts';
import { VirtualRing } from './testing/virtual-ring.ts';
import { LOAD_MS } from './volcano/figures.ts';
import { NOTES_MS } from './volcano/network-notes.ts';

/*
 * Three volcanos with fixed shares, and what goes wrong between them. docs/architecture.md, "A volcano of a ring".
 */

const DIRECTORY = { type: FlareType.directory, mode: 0o777 };
const FILE = { type: FlareType.file, mode: 0o666 };

/** Three volcanos, and a directory that each owns. */
async function three(volcanos = 3) {
  const ring = new VirtualRing({ volcanos: 3 });
  await ring.lay(ring.equalShares());
  await ring.startAll();
  for (let number = 3; number < volcanos; number++) ring.addVolcano();
  const { flares } = ring.volcanos[0]!.up;
  const owned: Attributes[] = [];
  for (let at = 0; owned.filter(Boolean).length < 3; at++) {
    const owner = Math.floor((sliceOf(keyOf(flares.root().key, `d${at}`)) * 3) / 256);
    if (owned[owner] !== undefined) continue;
    owned[owner] = await ring.settle(asked(() => flares.create(ROOT, flares.root(), `d${at}`, DIRECTORY)));
  }
  await ring.quiet();
  return { ring, owned };
}

async function asked<T>(work: () => T | Promise<T>): Promise<T> {
  return work();
}

/** Whether it has settled. */
function watched<T>(promise: Promise<T>): { readonly promise: Promise<T>; done: boolean } {
  const seen = { promise, done: false };
  const settle = (): void => {
    seen.done = true;
  };
  promise.then(settle, settle);
  return seen;
}

/** Makes files through all volcanos, one after the other at each, until told to stop. What fails fails the test. */
function load(t: Test, ring: VirtualRing, owned: readonly Attributes[]) {
  let stopped = false;
  let count = 0;
  const work = ring.volcanos.slice(0, 3).map(async ({ number }) => {
    for (let at = 0; !stopped; at++) {
      const { ring: up } = ring.volcanos[number]!;
      if (up === null) {
        await ring.pause(50);
        continue;
      }
      const replay = `${number} ${at}`;
      const name = `f${number}.${at}`;
      const made = await up.flares.create({ ...ROOT, replay }, owned[at % 3]!, name, FILE);
      await up.flares.write(ROOT, made, 0, Buffer.from(name));
      count += 1;
      await ring.pause(20);
    }
  });
  return {
    count: () => count,
    async stop() {
      stopped = true;
      await ring.settle(Promise.all(work));
      t.pass(`${count} files were made meanwhile`);
    },
  };
}

t.test('A newer map while calls are made: all are answered, and all volcanos go by it', async (t) => {
  const { ring, owned } = await three(4);
  const working = load(t, ring, owned);
  await ring.time.run(500);
  const before = working.count();
  const { epoch } = ring.volcanos[0]!.up.projection();
  // It is made a member; there is nothing that it can be given without copies, so it does not come to serve.
  ring.begin(3, { seeds: [ring.volcanos[2]!.seed] }).catch(() => {});
  await ring.time.run(2000);
  await working.stop();
  t.ok(before > 0 && working.count() > before);
  for (const { up } of ring.volcanos.slice(0, 3)) t.equal(up.projection().epoch, epoch + 1);
  t.match(ring.volcanos[0]!.warnings, [
    /a step of the plan cannot be made now: .*holds records, and nothing copies them/,
  ]);
  ring.kill(3);
  await ring.close();
});

t.test(
  'Wedged: who hears of a newer map serves nothing, own keys neither, until he has read it; then all who wait are answered',
  async (t) => {
    const { ring, owned } = await three(4);
    const [v0, v1, v2] = ring.volcanos.map(({ ring: up }) => up!);
    // The third volcano can hear of the newer map from the second one alone, later, and cannot read it.
    const heal = ring.network.faults.partition(['v2'], ['v0', 'v3']);
    const meet = ring.network.faults.partition(['v2'], ['v1']);
    ring.begin(3, { seeds: [ring.volcanos[0]!.seed] }).catch(() => {});
    await ring.time.run(1000);
    t.equal(v1!.projection().epoch, v0!.projection().epoch);
    t.equal(v2!.projection().epoch, v0!.projection().epoch - 1);
    t.ok(await ring.settle(asked(() => v2!.flares.getattr(owned[2]!))), 'who has not heard of it serves on');
    t.equal(v2!.view.unready(), null);
    meet();
    const elsewhere = watched(asked(() => v2!.flares.getattr(owned[1]!)));
    await ring.time.run(100);
    const own = watched(asked(() => v2!.flares.getattr(owned[2]!)));
    const fromOutside = watched(asked(() => v1!.flares.create(ROOT, owned[2]!, 'x', FILE)));
    await ring.time.run(5000);
    t.same([elsewhere.done, own.done, fromOutside.done], [false, false, false]);
    t.match(v2!.view.unready(), /^its map is not current/, 'and says so to operators');
    t.equal(
      await statusOf(() => v2!.store.getattr(owned[2]!)).catch((error: Error) => error.constructor.name),
      'ElsewhereError',
    );
    heal();
    await ring.settle(Promise.all([elsewhere.promise, own.promise, fromOutside.promise]));
    t.equal(v2!.projection().epoch, v0!.projection().epoch);
    t.equal(v2!.view.unready(), null);
    ring.kill(3);
    await ring.close();
  },
);

t.test(
  'Any volcano is killed, or loses power, and starts again, the arbiter too: calls wait, and none fails',
  async (t) => {
    const { ring, owned } = await three();
    const working = load(t, ring, owned);
    await ring.time.run(300);
    for (const [number, how] of [
      [1, 'killed'],
      [0, 'power'],
      [2, 'power'],
    ] as const) {
      const before = working.count();
      // The calls of the one that dies die with it.
      ring.kill(number, how);
      await ring.time.run(3000);
      await ring.start(number);
      await ring.time.run(3000);
      t.ok(working.count() > before, `after ${ring.volcanos[number]!.nickname}`);
    }
    await ring.quiet();
    for (const { up } of ring.volcanos)
      for (const directory of owned) {
        const { entries } = await ring.settle(asked(() => up.flares.readdir(ROOT, directory, 0, 1000)));
        for (const { name } of entries) {
          const { nlink } = await ring.settle(asked(() => up.flares.lookup(ROOT, directory, name)));
          t.equal(nlink, 1);
        }
      }
    await ring.close();
  },
);

t.test('Without the arbiter who serves serves on; who starts again waits for it', async (t) => {
  const { ring, owned } = await three();
  ring.kill(0);
  t.ok(await ring.settle(asked(() => ring.volcanos[1]!.up.flares.create(ROOT, owned[2]!, 'x', FILE))));
  await ring.stop(2);
  const again = watched(ring.begin(2));
  await ring.time.run(20_000);
  t.notOk(again.done);
  t.match(ring.volcanos[2]!.warnings, [/the map cannot be read from its store/]);
  await ring.start(0);
  await ring.settle(again.promise);
  t.match(await ring.settle(asked(() => ring.volcanos[0]!.up.flares.lookup(ROOT, owned[2]!, 'x'))), {
    type: FlareType.file,
  });
  await ring.close();
});

t.test(
  'A peer that does not answer makes calls wait, and then they succeed; after too long they are given up',
  async (t) => {
    const { ring, owned } = await three();
    const { flares } = ring.volcanos[1]!.up;
    await ring.settle(asked(() => flares.getattr(owned[2]!)));
    let heal = ring.network.faults.partition(['v1'], ['v2']);
    const call = watched(asked(() => flares.create({ ...ROOT, replay: 'one' }, owned[2]!, 'x', FILE)));
    const own = asked(() => flares.create(ROOT, owned[1]!, 'y', FILE));
    await ring.time.run(15_000);
    t.notOk(call.done);
    heal();
    t.match(await ring.settle(call.promise), { type: FlareType.file });
    await ring.settle(own.catch(() => {}));
    heal = ring.network.faults.partition(['v1'], ['v2']);
    await t.rejects(
      ring.settle(
        asked(() => flares.getattr(owned[2]!)),
        2 * PATIENCE_MS,
      ),
      { name: 'UnavailableError' },
    );
    heal();
    await ring.close();
  },
);

t.test(
  "The network's notes lie with the owner of the root; all read them, and have him write; own notes stay",
  async (t) => {
    const { ring } = await three();
    const [v0, v1, v2] = ring.volcanos.map(({ ring: up }) => up!);
    t.ok(v0!.notes.note(SECRET_NOTE));
    for (const { notes } of [v1!, v2!]) t.same(notes.note(SECRET_NOTE), v0!.notes.note(SECRET_NOTE), 'from the start');
    await ring.settle(v1!.notes.setNote('rule/x', Buffer.from('1')));
    t.equal(v0!.store.note('rule/x')?.toString(), '1');
    t.equal(v1!.store.note('rule/x'), null);
    t.equal(v1!.notes.note('rule/x')?.toString(), '1', 'at once where it was written');
    await ring.settle(v0!.notes.setNote('rule/y', Buffer.from('2')));
    await ring.time.run(NOTES_MS + 1000);
    for (const { notes } of [v1!, v2!]) t.same([...notes.notes('rule/').keys()], ['rule/x', 'rule/y']);
    await ring.settle(v2!.notes.setNote('rule/x', null));
    await ring.time.run(NOTES_MS + 1000);
    for (const { notes } of [v0!, v1!, v2!]) t.same([...notes.notes('rule/').keys()], ['rule/y']);
    await ring.settle(v1!.notes.setNote('volcano/x', Buffer.from('mine')));
    await ring.time.run(NOTES_MS + 1000);
    t.equal(v1!.notes.note('volcano/x')?.toString(), 'mine');
    t.equal(v0!.notes.note('volcano/x'), null);
    t.same([...v1!.notes.notes('joint/').keys()], []);
    // It waits for him, and is there for good.
    ring.kill(0);
    const waiting = watched(v1!.notes.setNote('rule/z', Buffer.from('3')));
    await ring.time.run(3000);
    t.notOk(waiting.done);
    const again = await ring.start(0);
    await ring.settle(waiting.promise);
    t.equal(again.notes.note('rule/z')?.toString(), '3');
    await ring.close();
  },
);

t.test('STATFS adds up what is known of all, and never waits; /.dht/ shows every volcano everywhere', async (t) => {
  const { ring } = await three();
  await ring.time.run(LOAD_MS + 1000);
  for (const { up } of ring.volcanos) {
    const all = ring.volcanos.reduce((sum, { up }) => sum + up.store.statfs().flares, 0);
    t.match(up.tree.statfs(), { flares: all });
    const dht = await ring.settle(asked(() => up.tree.lookup(ROOT, up.tree.root(), '.dht')));
    const { entries } = await ring.settle(asked(() => up.tree.readdir(ROOT, dht, 0, 100)));
    t.same(entries.map(({ name }) => name).sort(), ['projection', 'ring', 'v0', 'v1', 'v2']);
    for (const { name } of entries.filter(({ name }) => name.startsWith('v'))) {
      const file = await ring.settle(asked(() => up.tree.lookup(ROOT, dht, name)));
      const { data } = await ring.settle(asked(() => up.tree.read(ROOT, file, 0, 8192)));
      t.match(data.toString(), new RegExp(`nickname = ${name}\n[^]*uptime = [0-9]+`));
    }
  }
  ring.network.faults.partition(['v0'], ['v1', 'v2']);
  const answer = ring.volcanos[0]!.up.tree.statfs();
  t.notOk(answer instanceof Promise);
  ring.network.faults.clear();
  await ring.close();
});

t.test('A call that is asked of two gateways at the same time is done once, and answered the same', async (t) => {
  const { ring, owned } = await three();
  ring.network.faults.set({ jitterMs: 3 });
  for (let at = 0; at < 40; at++) {
    const caller = { ...ROOT, replay: `twice ${at}` };
    const made = [1, 2].map((number) =>
      asked(() => ring.volcanos[number]!.up.flares.create(caller, owned[at % 3]!, `n${at}`, FILE)),
    );
    const [one, other] = await ring.settle(Promise.all(made));
    t.same(one, other);
    // The second asking looks at the flare while the first is under way, and must not take the name that it then finds for somebody else's.
    const linked = [1, 2].map(async (number) => {
      if (number === 2) await ring.pause(at / 10);
      const named = { ...ROOT, replay: `link ${at}` };
      return ring.volcanos[number]!.up.flares.link(named, one!, owned[(at + 1) % 3]!, `m${at}`);
    });
    t.same(await ring.settle(Promise.all(linked)), [undefined, undefined]);
  }
  await ring.close();
});
