import t from 'tap';
import { FAILOVER_MS } from '../failover/times.ts';
import type { NodeClient } from '../programs/node/client.ts';
import { generationOf, movedRegister, nextGeneration } from '../projection/generation.ts';
import { indexOf, runOf } from '../projection/queries.ts';
import type { Projection } from '../projection/types.ts';
import { checkFiles, MIRRORED, makeFiles, mirroredRing, planned, running } from '../testing/mirrored.ts';
import { Operator } from '../testing/operator.ts';
import type { VirtualRing } from '../testing/virtual-ring.ts';

/*
 * The volcano that keeps the register is gone, and the operator has another one keep it (docs/ring-failover.md, "Takeover").
 */

const idOf = (ring: VirtualRing, number: number): string => {
  const { nickname } = ring.volcanos[number]!;
  return running(ring)[0]!
    .projection()
    .volcanos.find((one) => one.nickname === nickname)!.id;
};

/** All of these promise; the newest map that one of them knows. */
async function promised(ring: VirtualRing, living: readonly number[], to: number, epoch: number): Promise<Projection> {
  const operator = new Operator(ring);
  const maps: Projection[] = [];
  for (const number of living) maps.push(await operator.ask(number, (node) => node.promise(epoch, idOf(ring, to))));
  return maps.reduce((newest, one) => (one.epoch > newest.epoch ? one : newest));
}

/** What `magma takeover` does, without its questions. */
async function takeOver(ring: VirtualRing, living: readonly number[], to: number): Promise<void> {
  const operator = new Operator(ring);
  const heard: number[] = [];
  for (const number of living) heard.push((await operator.ask(number, (node) => node.standing())).heard);
  const epoch = nextGeneration(Math.max(...heard), ring.random());
  const newest = await promised(ring, living, to, epoch);
  await operator.ask(to, (node) => node.crown(movedRegister(newest, idOf(ring, to), epoch)));
}

const arbiterOf = (ring: VirtualRing, number: number): string => {
  const { arbiter, volcanos } = ring.volcanos[number]!.up.projection();
  return volcanos.find(({ id }) => id === arbiter)!.nickname;
};

for (const how of ['killed', 'power'] as const) {
  t.test(
    `The keeper of the register goes (${how}): another one is made it, maps change again, nothing is lost; the old one comes back as one of many`,
    async (t) => {
      const ring = await mirroredRing(3);
      const names = await makeFiles(ring, 1, 0, 20);
      ring.kill(0, how);
      await ring.time.run(2 * FAILOVER_MS);
      const before = ring.volcanos[1]!.up.projection();
      t.not(runOf(before, indexOf(before, before.arbiter!)), null, 'nobody could be replaced');
      await takeOver(ring, [1, 2], 1);
      await ring.time.run(2 * FAILOVER_MS);
      t.equal(arbiterOf(ring, 1), 'v1');
      t.equal(arbiterOf(ring, 2), 'v1');
      await planned(ring, ['v0']);
      names.push(...(await makeFiles(ring, 2, 20, 20)));
      await ring.start(0, MIRRORED);
      t.equal(arbiterOf(ring, 0), 'v1', 'it has learned');
      await planned(ring);
      await checkFiles(t, ring, names);
      // The new one restarts, and so does the old one: both go by what they were told.
      for (const number of [0, 1]) ring.kill(number, how);
      await ring.settle(Promise.all([0, 1].map((number) => ring.begin(number, MIRRORED))));
      t.equal(arbiterOf(ring, 0), 'v1');
      await planned(ring);
      await checkFiles(t, ring, names);
      await ring.close();
    },
  );
}

t.test(
  'The old keeper comes back where it reaches nobody: it serves nothing until it has heard the others',
  async (t) => {
    const ring = await mirroredRing(2);
    const names = await makeFiles(ring, 0, 0, 10);
    ring.kill(0);
    await ring.time.run(2 * FAILOVER_MS);
    await takeOver(ring, [1], 1);
    await ring.time.run(2 * FAILOVER_MS);
    names.push(...(await makeFiles(ring, 1, 10, 10)));
    const heal = ring.network.faults.partition(['v0'], ['v1']);
    let serves = false;
    const starting = ring.begin(0, MIRRORED).then(() => {
      serves = true;
    });
    await ring.time.run(20 * FAILOVER_MS);
    t.notOk(serves, 'it does not know that it is alone in being right');
    t.match(ring.volcanos[0]!.warnings, [/the map cannot be read/]);
    heal();
    await ring.settle(starting);
    await planned(ring);
    t.equal(arbiterOf(ring, 0), 'v1');
    await checkFiles(t, ring, names);
    await ring.close();
  },
);

t.test(
  'A takeover that was broken off: nobody serves by half of it, also after restarts, and it is gone on with',
  async (t) => {
    const ring = await mirroredRing(3);
    const names = await makeFiles(ring, 1, 0, 10);
    ring.kill(0);
    await ring.time.run(FAILOVER_MS);
    const first = nextGeneration(ring.volcanos[1]!.up.projection().epoch, ring.random());
    // v1 has promised v2, and v2 knows nothing of it.
    await promised(ring, [1], 2, first);
    ring.kill(1, 'power');
    let serves = false;
    const starting = ring.begin(1, MIRRORED).then((life) => {
      serves = true;
      return life;
    });
    // The old keeper is back as well: it may not go on with who has promised to go by it no more.
    const old = ring.begin(0, MIRRORED);
    await ring.time.run(2 * FAILOVER_MS);
    t.notOk(serves, 'it keeps its promise');
    // Since that is there, it is what the others agree on.
    const operator = new Operator(ring);
    const { networkId } = ring.volcanos[2]!.up;
    const ask = <T>(number: number, work: (node: NodeClient) => Promise<T>): Promise<T> =>
      operator.askAt(ring.volcanos[number]!, networkId, work);
    const heard: number[] = [];
    for (const number of [0, 1, 2]) heard.push((await ask(number, (node) => node.standing())).heard);
    t.equal(Math.max(...heard), first);
    const epoch = nextGeneration(first, ring.random());
    const keeper = idOf(ring, 0);
    const maps: Projection[] = [];
    for (const number of [0, 1, 2]) maps.push(await ask(number, (node) => node.promise(epoch, keeper)));
    t.ok(maps.every((map) => generationOf(map.epoch) === 0));
    const newest = maps.reduce((one, other) => (other.epoch > one.epoch ? other : one));
    await ask(0, (node) => node.crown(movedRegister(newest, keeper, epoch)));
    await ring.settle(Promise.all([starting, old]));
    await planned(ring);
    for (const number of [0, 1, 2]) {
      t.equal(arbiterOf(ring, number), 'v0');
      t.ok(ring.volcanos[number]!.up.projection().epoch >= epoch);
    }
    await checkFiles(t, ring, names);
    await ring.close();
  },
);

t.test(
  'Who still reaches the keeper promises nothing; a promise is for one volcano, and only for what comes later',
  async (t) => {
    const ring = await mirroredRing(2);
    const operator = new Operator(ring);
    const { epoch } = ring.volcanos[1]!.up.projection();
    const next = nextGeneration(epoch, ring.random());
    await t.rejects(
      operator.ask(1, (node) => node.promise(next, idOf(ring, 1))),
      /v0, which keeps the register, is there/,
    );
    await t.rejects(
      operator.ask(0, (node) => node.promise(next, idOf(ring, 1))),
      /v0, which keeps the register, is there/,
    );
    ring.kill(0);
    await t.rejects(
      operator.ask(1, (node) => node.promise(epoch + 1, idOf(ring, 1))),
      /is not after that/,
    );
    const moved = movedRegister(ring.volcanos[1]!.up.projection(), idOf(ring, 1), next);
    await t.rejects(
      operator.ask(1, (node) => node.crown(moved)),
      /not promised/,
    );
    await ring.time.run(FAILOVER_MS);
    await operator.ask(1, (node) => node.promise(next, idOf(ring, 1)));
    await operator.ask(1, (node) => node.promise(next, idOf(ring, 1)));
    await t.rejects(
      operator.ask(1, (node) => node.promise(next, idOf(ring, 0))),
      /is not after that/,
    );
    await operator.ask(1, (node) => node.crown(moved));
    await ring.time.run(FAILOVER_MS);
    t.equal(arbiterOf(ring, 1), 'v1');
    await ring.close();
  },
);

t.test(
  "An older copy of the keeper's disk keeps nothing, and another one can be made to keep the register",
  async (t) => {
    const ring = await mirroredRing(3);
    const names = await makeFiles(ring, 1, 0, 10);
    ring.kill(0);
    const { disk } = ring.volcanos[0]!;
    ring.volcanos[0]!.disk = disk.powerCut(ring.random());
    const older = disk.powerCut(ring.random());
    await ring.start(0, MIRRORED);
    await ring.time.run(FAILOVER_MS);
    names.push(...(await makeFiles(ring, 1, 10, 10)));
    await planned(ring);
    ring.kill(0);
    ring.volcanos[0]!.disk = older;
    let serves = false;
    ring.begin(0, MIRRORED).then(
      () => {
        serves = true;
      },
      () => {},
    );
    await ring.time.run(4 * FAILOVER_MS);
    t.notOk(serves, 'it has given away epochs that it knows nothing of');
    t.ok(
      ring.volcanos.some(({ warnings }) => warnings.some((one) => /v0 is an older copy|there are two of v0/.test(one))),
      'and it is said why',
    );
    await takeOver(ring, [1, 2], 1);
    await ring.time.run(4 * FAILOVER_MS);
    await planned(ring, ['v0']);
    names.push(...(await makeFiles(ring, 2, 20, 10)));
    ring.kill(0);
    await checkFiles(t, ring, names);
    await ring.close();
  },
);

t.test(
  'Two takeovers at once: a volcano that has promised one promises nothing that is before it, whoever asks meanwhile',
  async (t) => {
    const ring = await mirroredRing(3);
    const names = await makeFiles(ring, 1, 0, 10);
    ring.kill(0);
    await ring.time.run(FAILOVER_MS);
    const operator = new Operator(ring);
    const { epoch } = ring.volcanos[1]!.up.projection();
    const lower = nextGeneration(epoch, ring.random());
    // Both ask while the keeper is still called in vain.
    const asked = await operator.ask(1, (node) =>
      Promise.allSettled([node.promise(lower + 1, idOf(ring, 1)), node.promise(lower, idOf(ring, 2))]),
    );
    t.match(asked, [{ status: 'fulfilled' }, { status: 'rejected', reason: /was heard of here/ }]);
    await takeOver(ring, [1, 2], 2);
    await ring.time.run(2 * FAILOVER_MS);
    t.equal(arbiterOf(ring, 1), 'v2');
    await planned(ring, ['v0']);
    names.push(...(await makeFiles(ring, 2, 10, 10)));
    await ring.start(0, MIRRORED);
    await planned(ring);
    await checkFiles(t, ring, names);
    await ring.close();
  },
);
