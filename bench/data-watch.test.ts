import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { DataWatch, roomOf } from './data-watch.ts';

t.test(
  'what happens in a data directory is seen from outside: segments that go, a WAL that shrinks, the peak',
  async (t) => {
    const directory = t.testdir({
      kml: { '00000001.seg': 'a', '00000002.seg': 'b' },
      'index.sqlite-wal': 'x'.repeat(5000),
    });
    const watch = new DataWatch(directory);
    const before = roomOf(directory);
    rmSync(join(directory, 'kml/00000001.seg'));
    writeFileSync(join(directory, 'kml/00000003.seg'), '');
    truncateSync(join(directory, 'index.sqlite-wal'), 0);
    t.same(watch.stop(), { dropped: 1, checkpoints: 1, peak: before });
    t.ok(roomOf(directory) < before);
  },
);

t.test('a WAL that is not there yet, or grows, is no checkpoint', async (t) => {
  const directory = t.testdir({ kml: {} });
  const watch = new DataWatch(directory);
  writeFileSync(join(directory, 'index.sqlite-wal'), 'x');
  t.match(watch.stop(), { dropped: 0, checkpoints: 0 });
});
