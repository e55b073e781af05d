import t from 'tap';
import { distributionTable, type Kill, percentile } from './distribution.ts';

t.test('percentiles are by nearest rank', async (t) => {
  const ten = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1];
  t.same(
    [0, 0.5, 0.9, 1].map((share) => percentile(ten, share)),
    [1, 5, 9, 10],
  );
  t.equal(percentile([7], 0.5), 7);
});

t.test('the table has the pause and its parts, in seconds', async (t) => {
  const kill = (pause: number): Kill => ({ pause, detection: pause - 300, map: 200, takingUp: 100, others: 3000 });
  const lines = distributionTable([5000, 6000, 5500].map(kill)).split('\n');
  t.equal(lines.length, 7);
  t.match(lines[2], /pause of files of the dead volcano\s+\|\s+5\.00 \|\s+5\.50 \|\s+6\.00 \|\s+6\.00 \|/);
  t.match(lines[3], /take over\s+\|\s+4\.70 \|\s+5\.20 \|\s+5\.70 \|\s+5\.70 \|/);
});
