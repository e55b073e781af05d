import t from 'tap';
import { UNTIL_MAX, untilOf } from './rotate.ts';

/* Until when the old key of the network is let in (docs/operating.md, "Keys"). */

const NOW = Date.parse('2026-11-22T06:00:00Z') / 1000;

t.test('A date, or a while from now on, is taken; nothing said is nothing', async (t) => {
  t.equal(untilOf(undefined, NOW), null);
  t.equal(untilOf('2026-12-24', NOW), Date.parse('2026-12-24T00:00:00Z') / 1000);
  t.equal(untilOf('2026-12-24T12:00:00Z', NOW), Date.parse('2026-12-24T12:00:00Z') / 1000);
  const whiles = { '90': 90, '90s': 90, '3m': 180, '12h': 43_200, '30d': 30 * 86_400 };
  for (const [text, seconds] of Object.entries(whiles)) t.equal(untilOf(text, NOW), NOW + seconds, text);
  t.equal(untilOf('0', NOW + 0.7), NOW, 'at once, in whole seconds');
  t.equal(untilOf('0', 0), 1, 'never 0, which would be without an end');
});

t.test('What is past, further away than is sensible, or no time is refused', async (t) => {
  t.equal(untilOf(`${UNTIL_MAX}`, NOW), NOW + UNTIL_MAX);
  const wrong = { message: /^until .*: that is past, or more than 366 days from now$/ };
  for (const text of [`${UNTIL_MAX + 1}`, '999999999d', '2026-11-21', '2028-01-01'])
    t.throws(() => untilOf(text, NOW), { name: 'RangeError', ...wrong }, text);
  for (const text of ['', 'soon', '12w', '-1', '1.5h', '1234567890d'])
    t.throws(() => untilOf(text, NOW), { name: 'RangeError' }, text);
});
