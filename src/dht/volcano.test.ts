import t from 'tap';
import { ROOT } from '../flare/store/testing/harness.ts';
import { FlareType } from '../flare/types.ts';
import { CONNECT_MS } from './link.ts';
import { CLOCK_SKEW_MAX_MS } from './programs/node/hello.ts';
import { NODE_PORT, VirtualRing } from './testing/virtual-ring.ts';
import { LOAD_MS } from './volcano/figures.ts';
import type { Ring } from './volcano.ts';

/*
 * Whole volcanos on virtual time: how they begin, join, refuse and start again. docs/architecture.md, "A volcano of a ring".
 */

const DIRECTORY = { type: FlareType.directory, mode: 0o755 };

function names(ring: Ring): string[] {
  return ring.projection().volcanos.map(({ nickname, state }) => `${nickname} ${state}`);
}

t.test('A volcano stops at once, though others wait at it for a newer map (WATCH)', async (t) => {
  const ring = new VirtualRing({ volcanos: 2 });
  await ring.start(0, { boot: true });
  await ring.start(1, { seeds: [ring.volcanos[0]!.seed] });
  await ring.time.run(3000);
  const before = ring.time.now;
  await ring.stop(0);
  t.ok(ring.time.now - before < 100_000, `after ${(ring.time.now - before) / 1000} ms`);
  t.same(ring.volcanos[0]!.warnings, []);
  await ring.close();
});

t.test(
  'The first volcano has everything; others join through any member, and take over slices that never had a record',
  async (t) => {
    const ring = new VirtualRing({ volcanos: 3 });
    const first = await ring.start(0, { boot: true });
    t.match(first.projection(), { epoch: 1, replicas: 1, volcanos: [{ nickname: 'v0', state: 'serving' }] });
    // The one with the greater load gives: so the slice of the root is not asked for.
    const second = await ring.start(1, { seeds: [ring.volcanos[0]!.seed], load: () => 50 });
    t.equal(second.networkId, first.networkId);
    await ring.time.run(LOAD_MS + 100);
    const third = await ring.start(2, { seeds: [ring.volcanos[1]!.seed] });
    t.same(names(third), ['v0 serving', 'v1 serving', 'v2 serving']);
    await ring.time.run(1000);
    for (const { up } of ring.volcanos) {
      t.equal(up.projection().epoch, third.projection().epoch);
      t.same(up.tree.root(), first.tree.root());
      const made = await ring.settle(
        (async () => up.tree.create(ROOT, up.tree.root(), `by ${up.self.nickname}`, DIRECTORY))(),
      );
      for (const other of ring.volcanos) {
        const seen = await ring.settle(
          (async () => other.up.tree.lookup(ROOT, other.up.tree.root(), `by ${up.self.nickname}`))(),
        );
        t.same(seen, made, `${other.nickname} shows the same flare as ${up.self.nickname}`);
      }
    }
    t.same(
      ring.volcanos.flatMap(({ warnings }) => warnings),
      [],
    );
    await ring.close();
  },
);

t.test('A newcomer asks the next one when nobody answers, however long that took', async (t) => {
  const ring = new VirtualRing({ volcanos: 2 });
  await ring.start(0, { boot: true });
  const nobody = ['10.9.0.1', '10.9.0.2', '10.9.0.3'].map((address) => ({ address, port: NODE_PORT }));
  t.ok(nobody.length * CONNECT_MS > CLOCK_SKEW_MAX_MS, 'longer than clocks may differ');
  const second = await ring.start(1, { seeds: [...nobody, ring.volcanos[0]!.seed] });
  t.same(names(second), ['v0 serving', 'v1 serving']);
  await ring.close();
});
