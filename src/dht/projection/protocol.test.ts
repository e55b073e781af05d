import t from 'tap';
import { alone, member } from '../testing/members.ts';
import { changeOf } from './change.ts';
import { decodeProjection, encodeProjection } from './codec.ts';
import { RecentChanges } from './news.ts';
import { raised, withMember } from './steps.ts';
import { ProjectionError } from './types.ts';
import { validStep } from './valid-step.ts';

t.test(
  "the network's protocol is raised by a step of its own, by which nothing else changes; it is never lowered",
  async (t) => {
    const before = withMember(alone(), member(1), 0);
    const after = raised(before, 3);
    t.same({ ...after, epoch: before.epoch, protocol: before.protocol }, before);
    t.equal(decodeProjection(encodeProjection(after)).protocol, 3);
    t.doesNotThrow(() => validStep(before, after));
    for (const [what, wrong] of [
      ['lower', { ...before, epoch: after.epoch + 1, protocol: 2 }],
      ['with something else', { ...raised(after, 4), replicas: 3 }],
      ['with a newcomer', { ...withMember(after, member(2), 0), protocol: 4 }],
    ] as const)
      t.throws(() => validStep(after, wrong), ProjectionError, what);
    t.throws(() => raised(after, 3), ProjectionError);
  },
);

t.test('a raised protocol is told as a whole map', async (t) => {
  const before = alone();
  const after = raised(before, 2);
  t.equal(changeOf(before, after), null);
  const recent = new RecentChanges(before);
  recent.note(after);
  t.same(recent.since(before.epoch), { whole: after });
});
