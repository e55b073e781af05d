import t from 'tap';
import { Roles } from './roles.ts';

t.test(
  'A slice that has caught up counts apart from those in sync until the map says that it is: no group changes both',
  (t) => {
    const roles = new Roles();
    roles.assign([1], [2]);
    roles.begin([2]);
    roles.stream([2]);
    t.same([roles.part(1), roles.part(2)], ['waited for', 'none']);
    roles.filled([2]);
    roles.promote([2]);
    t.ok(roles.isFollowing(2), 'answers wait for it,');
    t.same([roles.part(1), roles.part(2)], ['waited for', 'coming'], 'but it is not taken over with the other');
    roles.assign([1], [2]);
    t.equal(roles.part(2), 'coming');
    roles.assign([1, 2], []);
    t.same([roles.part(1), roles.part(2)], ['waited for', 'waited for']);
    t.end();
  },
);
