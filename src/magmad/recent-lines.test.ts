import t from 'tap';
import { LINE_KEPT_MAX, LINES_KEPT, RecentLines } from './recent-lines.ts';

t.test('the last lines are kept, as many as may be, in their order, each up to its bound', async (t) => {
  const recent = new RecentLines();
  t.same(recent.last(5), []);
  for (let line = 0; line < LINES_KEPT + 10; line++) recent.add(`${line}`);
  t.same(recent.last(2), [`${LINES_KEPT + 8}`, `${LINES_KEPT + 9}`]);
  t.same([recent.last(2 * LINES_KEPT).length, recent.last(2 * LINES_KEPT)[0]], [LINES_KEPT, '10']);
  recent.add('x'.repeat(2 * LINE_KEPT_MAX));
  t.equal(recent.last(1)[0]!.length, LINE_KEPT_MAX);
});
