import t from 'tap';
import { RefreshError } from '../dht/errors.ts';
import { fill, inSync, withMember } from '../dht/projection/steps.ts';
import type { Member, Projection } from '../dht/projection/types.ts';
import { alone, member } from '../dht/testing/members.ts';
import { compared } from './check-online.ts';

t.test('magma check --ring goes on by the newer map when the map changes meanwhile', async (t) => {
  const all = { first: 0, count: 256 };
  const before = inSync(fill(withMember(alone(), member(1), 0), all, 1), all, 1);
  const after: Projection = { ...before, epoch: before.epoch + 1 };
  let known = before;
  const ring = {
    projection: before,
    node: (_: Member) => ({
      async digest() {
        if (ring.projection.epoch < after.epoch) throw new RefreshError(after.epoch);
        return { number: 3, epoch: 1, digest: Buffer.from('same') };
      },
    }),
    newer: async () => {
      ring.projection = known;
      // It is known there a moment later only.
      known = after;
      return ring as never;
    },
  };
  t.same(await compared(ring, 0, 0), { found: [], mirrors: 1 });
  t.equal(ring.projection, after);
});
