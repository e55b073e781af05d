import t from 'tap';
import { UsageError } from '../usage-error.ts';
import { readFailoverOptions } from './options.ts';

t.test('30 kills of a ring that has its maps in etcd, unless told otherwise', async (t) => {
  t.match(readFailoverOptions([], [0, 1]), {
    ...{ kills: 30, failoverSeconds: 10, files: 64, register: 'etcd' },
    cores: { server: 0, generator: 1 },
  });
  t.match(readFailoverOptions(['--kills', '3', '--register', 'first'], [0, 1]), { kills: 3, register: 'first' });
  t.equal(readFailoverOptions(['--help']), null);
  t.throws(() => readFailoverOptions(['--kills', '0'], [0, 1]), UsageError);
  t.throws(() => readFailoverOptions(['--register', 'second'], [0, 1]), UsageError);
});
