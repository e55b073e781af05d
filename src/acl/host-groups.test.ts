import t from 'tap';
import { allGroups, GROUPS_IN_CALL, HOST_GROUPS_MAX, hostGroups } from './host-groups.ts';

/* FIELD.md row 23: a call has room for 16 groups, and users may be in more. */

const PASSWD = `root:x:0:0:root:/root:/bin/sh
kim:x:1000:100::/home/kim:/bin/sh
other:x:1000:7::/:/bin/sh
lee:x:1001:100
+nis
broken:x:abc:1
`;
const GROUP = `wheel:x:10:root,kim
users:x:100:
many:x:20:kim,lee
also:x:30:lee,kim
100again:x:100:kim
broken:x:-1:kim
short:x:40
`;

t.test("A user's groups are his own and those that name him; what is no line is left out", async (t) => {
  const of = hostGroups(PASSWD, GROUP);
  t.same(of(1000), [100, 10, 20, 30], 'of two users with one uid the first');
  t.same(of(1001), [100, 20, 30]);
  t.same(of(0), [0, 10]);
  t.equal(of(5), null);
  const crowd = Array.from({ length: 100 }, (_, at) => `g${at}:x:${500 + at}:kim`).join('\n');
  t.equal(hostGroups(PASSWD, crowd)(1000)!.length, HOST_GROUPS_MAX);
});

t.test('Only who names as many groups as fit is looked up, where the rule says so, and if he is known', async (t) => {
  const of = hostGroups(PASSWD, GROUP);
  const caller = (uid: number, groups: number) => {
    return { flavor: 'unix', uid, gid: 100, gids: Array.from({ length: groups }, (_, at) => 900 + at) } as const;
  };
  const on = { hostGroups: true };
  t.match(allGroups(caller(1000, GROUPS_IN_CALL), on, of), { uid: 1000, gid: 100, gids: [100, 10, 20, 30] });
  for (const same of [caller(1000, GROUPS_IN_CALL - 1), caller(5, GROUPS_IN_CALL), { flavor: 'none' } as const])
    t.equal(allGroups(same, on, of), same);
  const full = caller(1000, GROUPS_IN_CALL);
  t.equal(allGroups(full, { hostGroups: false }, of), full);
});
