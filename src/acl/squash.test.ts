import t from 'tap';
import { parseRule } from './rule.ts';
import { squash } from './squash.ts';

function as(uid: number, gid: number, gids: number[], options: string) {
  const { options: parsed } = parseRule(`/ * w ${options}`, 'x');
  const caller = squash({ flavor: 'unix', uid, gid, gids }, parsed);
  return [caller.uid, caller.gid, [...caller.gids]];
}

t.test('root_squash: root is nobody, and the group of root is no one’s', async (t) => {
  t.same(as(0, 0, [0, 5], ''), [65534, 65534, []]);
  t.same(as(0, 7, [5], 'anonuid=99,anongid=98'), [99, 98, []]);
  t.same(as(1000, 0, [0, 5], ''), [1000, 65534, [5]]);
  t.same(as(1000, 100, [5, 6], ''), [1000, 100, [5, 6]]);
});

t.test('no_root_squash: everyone is who he says', async (t) => {
  t.same(as(0, 0, [0, 5], 'no_root_squash'), [0, 0, [0, 5]]);
});

t.test('all_squash: everyone is anonymous', async (t) => {
  t.same(as(1000, 100, [5], 'all_squash,anonuid=500'), [500, 65534, []]);
});

t.test('uid and gid ranges: who lies outside is squashed (FIELD.md row 29)', async (t) => {
  const options = 'uid=1000-1999+3000,gid=100-200';
  t.same(as(1000, 100, [200, 201], options), [1000, 100, [200]]);
  t.same(as(1999, 99, [], options), [1999, 65534, []]);
  t.same(as(3000, 150, [], options), [3000, 150, []]);
  t.same(as(2000, 150, [150], options), [65534, 65534, []]);
  t.same(as(999, 150, [], options), [65534, 65534, []]);
  t.same(as(0, 0, [], 'uid=0-10'), [65534, 65534, []], 'root_squash holds inside the range');
});

t.test('AUTH_NULL is anonymous, also where root is not squashed (FIELD.md row 17)', async (t) => {
  const { options } = parseRule('/ * w no_root_squash,anonuid=77', 'x');
  t.match(squash({ flavor: 'none' }, options), { uid: 77, gid: 65534, gids: [] });
});

t.test('the replay identity goes along', async (t) => {
  const { options } = parseRule('/ * w', 'x');
  t.equal(squash({ flavor: 'none' }, options, 'call').replay, 'call');
  t.notOk('replay' in squash({ flavor: 'none' }, options));
});
