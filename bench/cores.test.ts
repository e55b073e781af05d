import t from 'tap';
import { chooseCores, parseCoreList } from './cores.ts';

t.test('lists of cores as the kernel writes them', async (t) => {
  t.same(parseCoreList('0-2,5\n'), [0, 1, 2, 5]);
  t.same(parseCoreList('3'), [3]);
  for (const bad of ['', 'a', '1-', '3-1', '1,,2', '-1'])
    t.throws(() => parseCoreList(bad), /is no list of cores/, bad);
});

t.test('server and generator get different cores where there are two', async (t) => {
  t.same(chooseCores([4, 7, 8]), { server: 4, generator: 7 });
  t.same(chooseCores([2]), { server: 2, generator: 2 });
});
