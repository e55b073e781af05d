import t from 'tap';
import { UsageError } from '../usage-error.ts';
import { HELP, readRingOptions } from './options.ts';

const ALLOWED = [0, 1, 2, 3];

t.test('the benchmark of a ring: what it does without options, and what options choose', async (t) => {
  t.match(readRingOptions([], ALLOWED), {
    transports: ['tcp'],
    windows: [1, 16],
    rounds: 7,
    cores: { server: 0, generator: 1 },
  });
  const some = readRingOptions(
    ['--ops', 'read,write', '--windows=16', '--rounds', '3', '--cores', '2,3', '--json'],
    ALLOWED,
  );
  t.match(some, {
    operations: ['read', 'write'],
    windows: [16],
    rounds: 3,
    cores: { server: 2, generator: 3 },
    json: true,
  });
  t.equal(readRingOptions(['--help'], ALLOWED), null);
  t.match(HELP, /--rounds/);
  for (const wrong of [
    ['--ops', 'x'],
    ['--rounds', '0'],
    ['--vs', 'x'],
  ])
    t.throws(() => readRingOptions(wrong, ALLOWED), { constructor: UsageError, message: /--/ });
});
