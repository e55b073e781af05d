import t from 'tap';
import { FILE, ROOT } from '../../flare/store/testing/harness.ts';
import { FAILOVER_MS } from '../failover/times.ts';
import type { Projection } from '../projection/types.ts';
import { checkFiles, MIRRORED, makeFiles, mirroredRing, planned } from '../testing/mirrored.ts';
import { Operator } from '../testing/operator.ts';
import type { VirtualRing } from '../testing/virtual-ring.ts';

/*
 * A volcano leaves its network: others get all that it has while it serves, then it goes (docs/ring-failover.md, "Leaving").
 */

const mapOf = (ring: VirtualRing, at = 0): Projection => ring.volcanos[at]!.up.projection();
const states = (ring: VirtualRing, at = 0): string[] =>
  mapOf(ring, at)
    .volcanos.map(({ nickname, state }) => `${nickname} ${state}`)
    .sort();

/** Lets time go by until that is so. */
async function until(ring: VirtualRing, what: string, done: () => boolean): Promise<void> {
  const end = ring.time.now + 600_000_000;
  while (!done()) {
    if (ring.time.now > end) throw new Error(`never: ${what}`);
    await ring.time.run(5);
  }
}

t.test(
  'A volcano that is told to leave serves until others have all that it had, in as many copies; then it ends, and its old disk is of no use',
  async (t) => {
    const told: string[] = [];
    const start = {
      ...MIRRORED,
      left: () => void told.push('left'),
      expelled: ({ message }: Error) => void told.push(message),
    };
    const ring = await mirroredRing(3, start);
    const names = await makeFiles(ring, 1, 0, 30);
    // By way of itself, which does not keep the register.
    await new Operator(ring).leave(1, 'v1');
    // What clients write meanwhile comes with it.
    const meanwhile = ['m0', 'm1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7'];
    const { flares } = ring.volcanos[0]!.up;
    const writing = (async () => {
      for (const name of meanwhile) {
        const file = await flares.create(ROOT, flares.root(), name, FILE);
        await flares.write(ROOT, file, 0, Buffer.from(name));
      }
    })();
    names.push(...meanwhile);
    let leaving = false;
    let fewest = Number.POSITIVE_INFINITY;
    await until(ring, 'it has left', () => {
      leaving ||= states(ring).includes('v1 leaving');
      for (const { primary, inSync } of mapOf(ring).map) {
        const holds = [primary, ...inSync].map((at) => mapOf(ring).volcanos[at]!.state);
        fewest = Math.min(fewest, holds.length);
      }
      return told.length > 0;
    });
    t.ok(leaving);
    await ring.settle(writing);
    t.same(told, ['left']);
    t.equal(fewest, 2, 'there were two copies of everything at each moment');
    t.same(states(ring), ['v0 serving', 'v2 serving']);
    await ring.stop(1);
    await planned(ring);
    await checkFiles(t, ring, names);
    t.ok(mapOf(ring).map.every(({ inSync }) => inSync.length === 1));
    await t.rejects(ring.start(1, start), { name: 'JoinError', message: /v1 .* it has left, or was declared dead/ });
    await ring.stop(1);
    await ring.close();
  },
);

t.test('Who is called back stays, and has in the end what its place in the ring gives it', async (t) => {
  const ring = await mirroredRing(3);
  const names = await makeFiles(ring, 0, 0, 20);
  const operator = new Operator(ring);
  await operator.leave(0, 'v2');
  await until(ring, 'something was handed over or filled', () => mapOf(ring).epoch % 2 === 0);
  await operator.leave(0, 'v2', false);
  await operator.leave(0, 'v2', false);
  await planned(ring);
  t.same(states(ring), ['v0 serving', 'v1 serving', 'v2 serving']);
  t.ok(mapOf(ring).map.every(({ inSync }) => inSync.length === 1));
  names.push(...(await makeFiles(ring, 2, 20, 5)));
  await checkFiles(t, ring, names);
  await ring.close();
});

t.test('The keeper of the maps, and the last one that would stay, do not leave', async (t) => {
  const ring = await mirroredRing(2);
  const operator = new Operator(ring);
  const { epoch } = mapOf(ring);
  await t.rejects(operator.leave(1, 'v0'), /v0 keeps the register of the maps.*magma takeover/);
  await t.rejects(
    operator.ask(0, (node) => node.leave('0'.repeat(32), false)),
    /it has left already/,
  );
  t.equal(mapOf(ring).epoch, epoch, 'nothing has changed');
  await ring.close();
});

for (const when of ['at once', 'when others have part of it'] as const) {
  t.test(`One that dies while it leaves, ${when}, loses nothing, and goes on leaving when it is back`, async (t) => {
    const told: string[] = [];
    const start = { ...MIRRORED, left: () => void told.push('left') };
    const ring = await mirroredRing(3, start);
    const names = await makeFiles(ring, 2, 0, 30);
    const { epoch } = mapOf(ring);
    await new Operator(ring).leave(0, 'v1');
    await until(ring, 'it is leaving', () => mapOf(ring).epoch >= epoch + (when === 'at once' ? 1 : 4));
    ring.kill(1, 'power');
    await ring.time.run(2 * FAILOVER_MS);
    names.push(...(await makeFiles(ring, 0, 30, 5)));
    await planned(ring, ['v1']);
    t.same(states(ring), ['v0 serving', 'v1 leaving', 'v2 serving']);
    // It may have left before it has started.
    void ring.begin(1, start).catch(() => {});
    await until(ring, 'it has left', () => told.length > 0);
    t.same(states(ring), ['v0 serving', 'v2 serving']);
    await ring.stop(1);
    await planned(ring);
    await checkFiles(t, ring, names);
    await ring.close();
  });
}
