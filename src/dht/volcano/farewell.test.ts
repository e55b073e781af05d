import t from 'tap';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { MemoryKeyValues } from '../../base/testing/memory-key-value.ts';
import { FAILOVER_MS } from '../failover/times.ts';
import { SharedProjectionStore } from '../projection/shared-store.ts';
import { checkFiles, MIRRORED, makeFiles, mirroredRing, planned } from '../testing/mirrored.ts';
import { Operator } from '../testing/operator.ts';
import type { Start, VirtualRing } from '../testing/virtual-ring.ts';

/*
 * A volcano that is away for good is declared dead: its place is filled, it does not come back under its id, and a new one may have its nickname (docs/ring-failover.md, "Away for good").
 */

const nicknames = (ring: VirtualRing, at = 0): string[] =>
  ring.volcanos[at]!.up.projection().volcanos.map(({ nickname }) => nickname);

t.test(
  'A volcano that is gone is declared dead: its place is filled, its old disk ends with a clear word, an empty one joins under the nickname',
  async (t) => {
    const ring = await mirroredRing(3);
    const names = await makeFiles(ring, 1, 0, 30);
    ring.kill(2, 'power');
    await ring.time.run(FAILOVER_MS);
    const operator = new Operator(ring);
    // By way of one that does not keep the register.
    await operator.bury(1, 'v2');
    await planned(ring);
    t.same(nicknames(ring), ['v0', 'v1']);
    t.same(nicknames(ring, 1), ['v0', 'v1']);
    t.ok(
      ring.volcanos[0]!.up.projection().map.every(({ inSync }) => inSync.length === 1),
      'two copies of everything',
    );
    names.push(...(await makeFiles(ring, 0, 30, 10)));

    const old = ring.volcanos[2]!.disk;
    for (const how of [MIRRORED, { ...MIRRORED, seeds: [ring.volcanos[0]!.seed] }]) {
      await t.rejects(ring.start(2, how), {
        name: 'JoinError',
        message: /v2 is no volcano of network \w+ any more: it has left, or was declared dead.*start with an empty one/,
      });
      await ring.stop(2);
    }
    ring.volcanos[2]!.disk = new SimulatedDisk({ clock: ring.time.clock() });
    await ring.start(2, { ...MIRRORED, seeds: [ring.volcanos[0]!.seed] });
    await planned(ring);
    t.equal(nicknames(ring).filter((one) => one === 'v2').length, 1);
    await checkFiles(t, ring, names);
    const fresh = ring.volcanos[2]!.disk;
    await ring.stop(2);
    ring.volcanos[2]!.disk = old;
    await t.rejects(ring.start(2, MIRRORED), /declared dead/, 'also when another one has its nickname');
    await ring.stop(2);
    ring.volcanos[2]!.disk = fresh;
    await ring.start(2, MIRRORED);
    await checkFiles(t, ring, names);
    await ring.close();
  },
);

t.test('Who answers, keeps the register, alone has something, or is not there is not declared dead', async (t) => {
  const ring = await mirroredRing(2);
  const { epoch } = ring.volcanos[0]!.up.projection();
  const operator = new Operator(ring);
  await t.rejects(operator.bury(0, 'v1'), /v1 answers: it is not dead/);
  await t.rejects(operator.bury(1, 'v0'), /v0 keeps the register of the maps/);
  t.equal(ring.volcanos[0]!.up.projection().epoch, epoch, 'nothing has changed');
  await ring.close();

  const single = await mirroredRing(2, { ...MIRRORED, replicas: 1 });
  single.kill(1);
  await single.time.run(2 * FAILOVER_MS);
  await t.rejects(
    new Operator(single).bury(0, 'v1'),
    /128 slices are in sync on v1 alone: without it what is in them is lost/,
  );
  await single.start(1, MIRRORED);
  await single.close();
});

t.test('Who was cut off when it was declared dead answers nothing when it is back, and says why', async (t) => {
  const told: string[] = [];
  const ring = await mirroredRing(3, { ...MIRRORED, expelled: ({ message }) => void told.push(message) });
  const heal = ring.network.faults.partition(['v2'], ['v0', 'v1']);
  await ring.time.run(2 * FAILOVER_MS);
  await new Operator(ring).bury(0, 'v2');
  t.same(told, []);
  heal();
  await ring.time.run(2 * FAILOVER_MS);
  t.match(told, [/v2 is no volcano of network \w+ any more/]);
  t.equal(told.length, 1);
  const { flares } = ring.volcanos[2]!.up;
  let answered = false;
  void Promise.resolve(flares.getattr(flares.root())).then(
    () => {
      answered = true;
    },
    () => {},
  );
  await ring.time.run(FAILOVER_MS);
  t.notOk(answered, 'not even as a gateway');
  await ring.close();
});

for (const maps of ['on the first', 'in a shared store'] as const) {
  t.test(
    `With a time set it is declared dead when it was away for so long, and not before: maps ${maps}`,
    async (t) => {
      const keys = new MemoryKeyValues();
      const deadAfterMs = 60_000;
      const start: Start = {
        ...{ ...MIRRORED, deadAfterMs },
        ...(maps === 'on the first'
          ? {}
          : { register: (id) => new SharedProjectionStore(keys.client(), `magma/${id}/`) }),
      };
      const ring = await mirroredRing(3, start);
      const dead = maps === 'on the first' ? 1 : 0;
      const asked = dead === 0 ? 1 : 0;
      await ring.time.run(1.5 * deadAfterMs);
      t.equal(nicknames(ring, asked).length, 3, 'who is there stays');
      ring.kill(dead);
      await ring.time.run(deadAfterMs);
      t.equal(nicknames(ring, asked).length, 3, 'not before: its slices were taken over after it had gone');
      await ring.time.run(deadAfterMs / 4);
      t.same(
        nicknames(ring, asked).sort(),
        ['v0', 'v1', 'v2'].filter((one) => one !== `v${dead}`),
      );
      await planned(ring);
      await ring.close();
    },
  );
}
