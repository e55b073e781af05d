import t, { type Test } from 'tap';
import { MemoryKeyValues } from '../base/testing/memory-key-value.ts';
import { ROOT } from '../flare/store/testing/harness.ts';
import { FlareType } from '../flare/types.ts';
import { SharedProjectionStore } from './projection/shared-store.ts';
import { MIRRORED } from './testing/mirrored.ts';
import { type Start, VirtualRing } from './testing/virtual-ring.ts';
import { LOAD_MS } from './volcano/figures.ts';

/*
 * A ring of versions n and n + 1 (docs/upgrading.md): it works, and speaks n; n + 1 when all do. Who does not speak what the network is at is refused, on both sides.
 */

const start = (least: number, most: number, version: string) => ({
  ...MIRRORED,
  ...{ protocols: { least, most }, version },
});
const OLD = start(1, 1, '0.1.0');
const NEW = start(1, 2, '0.2.0');
const ONLY_NEW = start(2, 2, '0.3.0');

/** A name made by way of one volcano is seen by way of the others. */
async function works(ring: VirtualRing, t: Test, made: number, name: string): Promise<void> {
  const { tree } = ring.volcanos[made]!.up;
  const make = async (): Promise<void> => {
    const birth = { type: FlareType.directory, mode: 0o755 } as const;
    await tree.create({ ...ROOT, replay: name }, tree.root(), name, birth);
  };
  await ring.settle(make());
  for (const { nickname, ring: other } of ring.volcanos) {
    if (other === null) continue;
    const seen = await ring.settle(Promise.resolve(other.tree.lookup(ROOT, other.tree.root(), name)));
    t.equal(seen.type, FlareType.directory, `${name}, by way of ${nickname}`);
  }
}

t.test(
  'a ring is upgraded volcano by volcano: it works all the time, and goes on to the new protocol when all speak it',
  async (t) => {
    const ring = new VirtualRing({ volcanos: 4 });
    const seeds = [ring.volcanos[0]!.seed];
    const protocol = (): number => ring.volcanos[0]!.up.projection().protocol;
    await ring.start(0, { ...OLD, boot: true });
    await ring.start(1, { ...OLD, seeds });
    t.equal(protocol(), 1);

    await ring.start(2, { ...NEW, seeds });
    await works(ring, t, 0, 'old and new');
    await works(ring, t, 2, 'new and old');
    await ring.stop(0);
    await ring.start(0, NEW);
    await ring.time.run(4 * LOAD_MS);
    await works(ring, t, 1, 'the keeper is new');
    t.equal(protocol(), 1, 'one is old');
    await ring.stop(1);
    await ring.time.run(4 * LOAD_MS);
    t.equal(protocol(), 1, 'one that is away counts as it was');
    await t.rejects(ring.start(3, { ...ONLY_NEW, seeds }), {
      name: 'JoinError',
      message: /the network is at protocol 1, and v3 \(magma 0\.3\.0\) speaks none below 2/,
    });
    await ring.stop(3);

    await ring.start(1, NEW);
    await ring.time.run(4 * LOAD_MS);
    for (const number of [0, 1, 2]) t.equal(ring.volcanos[number]!.up.projection().protocol, 2, `v${number} knows`);
    await works(ring, t, 1, 'all are new');
    await ring.start(3, { ...ONLY_NEW, seeds });
    await works(ring, t, 3, 'one that does not speak the old protocol');
    await ring.close();
  },
);

t.test('who is too old for the network is refused on both sides, and by its own data directory', async (t) => {
  const ring = new VirtualRing({ volcanos: 3 });
  const seeds = [ring.volcanos[0]!.seed];
  await ring.start(0, { ...NEW, boot: true });
  t.equal(ring.volcanos[0]!.up.projection().protocol, 2, 'a new network begins with the newest');
  await ring.start(1, { ...NEW, seeds });
  const refusal = /the network is at protocol 2, and v2 \(magma 0\.1\.0\) speaks 1 at most: run a newer magma there/;
  await t.rejects(ring.start(2, { ...OLD, seeds }), { name: 'JoinError', message: refusal });
  t.match(ring.volcanos[0]!.warnings.at(-1), refusal, 'said by the member, too');
  t.same(await ring.volcanos[2]!.disk.list(''), [], 'nothing is left behind');
  await ring.stop(2);
  await ring.stop(1);
  await t.rejects(ring.start(1, OLD), {
    name: 'JoinError',
    message: /the network is at protocol 2, and v1 \(magma 0\.1\.0\) speaks 1 at most/,
  });
  await ring.stop(1);
  await ring.start(1, NEW);
  await works(ring, t, 1, 'with the newer one again');
  await ring.close();
});

t.test('a volcano that is alone goes on by itself', async (t) => {
  const ring = new VirtualRing({ volcanos: 1 });
  await ring.start(0, { ...OLD, boot: true });
  await ring.stop(0);
  await ring.start(0, NEW);
  await ring.time.run(100);
  t.equal(ring.volcanos[0]!.up.projection().protocol, 2);
  await ring.close();
});

t.test('where no volcano keeps the maps, the first one with slices has the network go on', async (t) => {
  const ring = new VirtualRing({ volcanos: 2 });
  const keys = new MemoryKeyValues();
  const seeds = [ring.volcanos[0]!.seed];
  const shared = (how: Start): Start => ({
    ...how,
    register: (networkId) => new SharedProjectionStore(keys.client(), `magma/${networkId}/`),
  });
  await ring.start(0, shared({ ...OLD, boot: true }));
  await ring.start(1, shared({ ...NEW, seeds }));
  await ring.time.run(4 * LOAD_MS);
  t.match(ring.volcanos[1]!.up.projection(), { arbiter: null, protocol: 1 });
  await ring.stop(0);
  await ring.start(0, shared(NEW));
  await ring.time.run(4 * LOAD_MS);
  for (const { nickname, up } of ring.volcanos) t.equal(up.projection().protocol, 2, nickname);
  await works(ring, t, 1, 'both are new');
  await ring.close();
});
