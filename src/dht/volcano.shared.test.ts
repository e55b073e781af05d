import t from 'tap';
import { MemoryKeyValues } from '../base/testing/memory-key-value.ts';
import { SharedProjectionStore } from './projection/shared-store.ts';
import { withMember } from './projection/steps.ts';
import { member } from './testing/members.ts';
import { VirtualRing } from './testing/virtual-ring.ts';

/*
 * Whole volcanos whose maps lie in a store that they share, as in etcd (issue 6, "Projection stores"). docs/operating.md, "Maps in etcd".
 */

/** Volcanos, and what gives each its register. */
function world(volcanos: number) {
  const keys = new MemoryKeyValues();
  const ring = new VirtualRing({ volcanos });
  const client = () => keys.client();
  const start = (number: number, via: number | null, keyValues = client()) =>
    ring.start(number, {
      ...(via === null ? { boot: true } : { seeds: [ring.volcanos[via]!.seed] }),
      register: (networkId) => new SharedProjectionStore(keyValues, `magma/${networkId}/`),
    });
  return { ring, start, client };
}

t.test('the first volcano arbitrates nothing, and the map says so', async (t) => {
  const { ring, start } = world(1);
  const first = await start(0, null);
  t.match(first.projection(), { epoch: 1, arbiter: null, volcanos: [{ nickname: 'v0', state: 'serving' }] });
  await ring.stop(0);
  const again = await start(0, null);
  t.equal(again.projection().arbiter, null);
  t.equal(again.networkId, first.networkId, 'it goes on in its network');
  await ring.close();
});

t.test('the map changes without the first volcano, and who joined later sees it', async (t) => {
  const { ring, start, client } = world(3);
  const first = await start(0, null);
  const second = await start(1, 0);
  await ring.time.run(3000);
  t.equal(second.projection().arbiter, null);
  await ring.stop(0);
  const { epoch, networkId } = second.projection();
  const store = new SharedProjectionStore(client(), `magma/${networkId}/`);
  t.equal(await store.write(withMember(second.projection(), member(7), 0)), 'written');
  await ring.time.run(1000);
  t.match(second.projection(), { epoch: epoch + 1, volcanos: { length: 3 } });
  t.equal(first.networkId, networkId);
  await ring.close();
});

t.test('who cannot reach the store serves on by the map that he has; nobody joins; then all goes on', async (t) => {
  const { ring, start, client } = world(2);
  const keys = client();
  const first = await start(0, null, keys);
  keys.faults.away = true;
  await ring.time.run(60_000);
  t.match(await ring.settle((async () => first.tree.getattr(first.tree.root()))()), { nlink: 2 });
  let members = 0;
  ring.volcanos[0]!.clock!.after(20_000, () => {
    members = first.projection().volcanos.length;
    keys.faults.away = false;
  });
  const second = await start(1, 0);
  t.equal(members, 1, 'after 20 s it still waited');
  t.equal(second.projection().volcanos.length, 2);
  await ring.close();
});

t.test('a register elsewhere than where the map says is refused: two would give two maps of one epoch', async (t) => {
  const { ring, start } = world(2);
  await start(0, null);
  await t.rejects(ring.start(1, { seeds: [ring.volcanos[0]!.seed] }), /lie in etcd: say where that is \(--etcd\)/);
  await ring.stop(0);
  await t.rejects(ring.start(0, { boot: true }), /lie in etcd/);
  await ring.close();

  const other = world(2);
  await other.ring.start(0, { boot: true });
  await t.rejects(other.start(1, 0), /arbitrated by its first volcano, not in etcd: leave --etcd out/);
  t.equal(other.ring.volcanos[0]!.up.projection().volcanos.length, 1, 'and it has not joined');
  await other.ring.close();
});
