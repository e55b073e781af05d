import t from 'tap';
import { FAILOVER_MS } from '../failover/times.ts';
import { mirroredRing, planned } from '../testing/mirrored.ts';

t.test('a volcano that is cut off from the mirrors of its slices says so, until it is not', async (t) => {
  const ring = await mirroredRing(3);
  const view = ring.volcanos[2]!.up.view;
  t.equal(view.unready(), null);
  const heal = ring.network.faults.partition(['v2'], ['v0', 'v1']);
  await ring.time.run(FAILOVER_MS);
  t.match(view.unready(), /^it has no lease: a mirror of its slices does not answer$/);
  heal();
  await ring.time.run(FAILOVER_MS);
  await planned(ring);
  t.equal(view.unready(), null);
  await ring.close();
});
