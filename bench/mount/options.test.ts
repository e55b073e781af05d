import t from 'tap';
import { UsageError } from '../usage-error.ts';
import { HELP, readMountOptions } from './options.ts';

const ALLOWED = [0, 1, 2, 3];

t.test('the benchmark of mounts: what it does without options, and what options choose', async (t) => {
  t.match(readMountOptions([], ALLOWED), {
    kinds: ['encrypted', 'plain', 'gocryptfs', 'nfs'],
    mib: 256,
    rounds: 5,
    cores: { server: 0, generator: 1 },
  });
  const some = readMountOptions(['--mounts', 'gocryptfs,encrypted', '--mib=16', '--cores', '2,3', '--json'], ALLOWED);
  t.match(some, { kinds: ['encrypted', 'gocryptfs'], mib: 16, cores: { server: 2, generator: 3 }, json: true });
  t.equal(readMountOptions(['--help'], ALLOWED), null);
  t.match(HELP, /--mounts/);
  for (const wrong of [
    ['--mounts', 'x'],
    ['--mib', '0'],
    ['--rounds', '0.5'],
    ['--vs', 'x'],
  ])
    t.throws(() => readMountOptions(wrong, ALLOWED), { constructor: UsageError, message: /--/ });
});
