import t from 'tap';
import { seededRandom } from '../../../../base/random.ts';
import { keyOf, ROOT_KEY } from '../../../../flare/keys.ts';
import { DATA_MAX, RECORD_MAX } from '../../../../flare/record/limits.ts';
import { SLICES_MAX } from '../../../projection/types.ts';
import { member } from '../../../testing/members.ts';
import type { Append } from '../handlers.ts';
import { served } from '../testing/served.ts';
import { APPEND_GROUPS_MAX } from './mirror.ts';

t.test('APPEND: groups of opaque records with their flags, the largest record', async (t) => {
  const seen: Append[] = [];
  const node = await served(t, {
    append(append) {
      const groups = append.groups.map((group) => group.map((one) => ({ ...one, payload: Buffer.from(one.payload) })));
      seen.push({ ...append, groups });
      return append.sequence === 2
        ? { gap: 1, at: { slice: 3, last: 2 ** 40 } }
        : { gap: 0, taken: { sequence: append.sequence, room: 2 ** 50 } };
    },
  });
  const payload = seededRandom(1).bytes(RECORD_MAX);
  const append: Append = {
    epoch: 4,
    sender: member(0).id,
    stream: 2 ** 50,
    sequence: 1,
    groups: [
      [
        { flags: 1, payload },
        { flags: 0, payload: Buffer.alloc(3, 1) },
      ],
      [],
      [{ flags: 2 ** 32 - 1, payload: Buffer.alloc(0) }],
    ],
  };
  t.strictSame(await node.append(append), { gap: 0, taken: { sequence: 1, room: 2 ** 50 } });
  t.strictSame(seen[0], append);
  t.strictSame(await node.append({ ...append, sequence: 2 }), { gap: 1, at: { slice: 3, last: 2 ** 40 } });
  const long = { ...append, groups: [[{ flags: 0, payload: Buffer.alloc(RECORD_MAX + 1) }]] };
  await t.rejects(node.append(long), { name: 'XdrError' });
  const many = { ...append, groups: Array.from({ length: APPEND_GROUPS_MAX + 1 }, () => []) };
  await t.rejects(node.append(many), { name: 'XdrError' });
});

t.test('FOLLOWED, TAIL: what a primary asks of its mirrors', async (t) => {
  const seen: unknown[] = [];
  const followed = { sequence: 2 ** 50, last: [{ number: 2 ** 51, epoch: 3 }], room: 77 };
  const groups = [[Buffer.from('one'), Buffer.alloc(0)], [seededRandom(2).bytes(RECORD_MAX)]];
  const node = await served(t, {
    followed(ask) {
      seen.push(ask);
      return followed;
    },
    tail(ask) {
      seen.push(ask);
      return groups;
    },
  });
  const sender = member(3).id;
  const asked = { epoch: 4, sender, stream: 2 ** 47, slices: [0, 255] };
  t.strictSame(await node.followed(asked), followed);
  const tail = { epoch: 4, sender, slices: [{ slice: 9, after: 2 ** 40 }] };
  t.strictSame(await node.tail(tail), groups);
  t.strictSame(seen, [asked, tail]);
  await t.rejects(node.followed({ ...asked, slices: Array(SLICES_MAX + 1).fill(1) }), { name: 'XdrError' });
});

t.test('CONTENTS: bytes of a file from another copy, none, and no more than a record holds', async (t) => {
  const seen: unknown[] = [];
  const bytes = seededRandom(3).bytes(DATA_MAX);
  const node = await served(t, {
    contents(id, version, offset, length) {
      seen.push([id, version, offset, length]);
      return version === 7 ? null : bytes;
    },
  });
  const id = { key: keyOf(ROOT_KEY, 'x'), generation: 2 ** 50 };
  t.ok((await node.contents(id, 8, 2 ** 49, DATA_MAX))!.equals(bytes));
  t.equal(await node.contents(id, 7, 0, 1), null);
  t.ok(await node.contents(id, null, 0, 1));
  t.same(seen, [
    [id, 8, 2 ** 49, DATA_MAX],
    [id, 7, 0, 1],
    [id, null, 0, 1],
  ]);
  await t.rejects(node.contents(id, 8, 0, DATA_MAX + 1), { name: 'DeniedError', message: /the most is/ });
});
