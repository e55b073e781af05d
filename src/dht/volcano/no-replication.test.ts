import t from 'tap';
import type { LocalStore } from '../../flare/store/local-store.ts';
import { fill, inSync, withMember } from '../projection/steps.ts';
import { alone, member } from '../testing/members.ts';
import { VirtualRing } from '../testing/virtual-ring.ts';
import { NoReplication } from './no-replication.ts';
import type { ReplicationParts } from './replication.ts';

/*
 * Without copies: nothing is answered that a mirror should have, and nothing that was written changes hands. docs/architecture.md, "A volcano of a ring".
 */

t.test(
  'A network that keeps two copies is not grown without anything to make them: the newcomer stays a member that has nothing',
  async (t) => {
    const ring = new VirtualRing({ volcanos: 2 });
    const first = await ring.start(0, { boot: true, replicas: 2 });
    ring.begin(1, { seeds: [ring.volcanos[0]!.seed] }).catch(() => {});
    await ring.time.run(20_000);
    t.match(first.projection(), { epoch: 2, volcanos: [{ state: 'serving' }, { state: 'joining' }] });
    t.match(ring.volcanos[0]!.warnings, [/the network keeps 2 copies, and nothing makes them/]);
    t.match(await ring.settle((async () => first.tree.getattr(first.tree.root()))()), { nlink: 2 });
    ring.kill(1);
    await ring.close();
  },
);

t.test('A slice that the map gives a mirror is not served, nor one with which a step is being made', async (t) => {
  let records = 0;
  let changed = 0;
  const store = { lastOf: () => ({ number: records, epoch: 1 }) } as unknown as LocalStore;
  const told = (): void => {
    changed += 1;
  };
  const parts = { store, changed: told } as unknown as ReplicationParts;
  const replication = new NoReplication(parts);
  t.notOk(replication.mayServe(0), 'nothing before there is a map');
  const map = withMember(alone({ replicas: 1 }), member(1), 0);
  replication.update(map);
  t.ok(replication.mayServe(200));
  const range = { first: 128, count: 128 };
  await replication.fill(range);
  t.same([replication.mayServe(127), replication.mayServe(128), changed], [true, false, 1]);
  replication.update(fill(map, range, 1));
  replication.resume();
  t.same([replication.mayServe(127), replication.mayServe(128)], [true, false]);
  replication.update(inSync(fill(map, range, 1), range, 1));
  t.notOk(replication.mayServe(128));
  records = 1;
  await t.rejects(replication.handOver(range), /slice 128 holds records, and nothing copies them/);
  t.throws(() => replication.append({} as never), { name: 'DeniedError' });
});
