import t from 'tap';
import { distributionTable, type Kill, percentile, timesOf } from './distribution.ts';

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

t.test('when a log has a message: one JSON object a line, as magmad writes it', async (t) => {
  const line = (msg: string, second: number): string =>
    `{"level":"info","time":"2026-11-21T00:00:0${second}.250Z","room":"dht","msg":"${msg}"}\n`;
  const log = `${line('slices were taken over', 1)}(node) a warning\n${line('ready', 2)}${line('slices were taken over', 3)}`;
  const first = Date.UTC(2026, 10, 21, 0, 0, 1, 250);
  t.same(timesOf(log, 'slices were taken over'), [first, first + 2000]);
});
