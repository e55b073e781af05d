import t from 'tap';
import { type LongBench, longHelp, MIB, readLongOptions } from './long-options.ts';
import { UsageError } from './usage-error.ts';

const BENCH: LongBench = {
  script: 'bench:x',
  about: 'About it.',
  parts: [
    { name: 'one', what: 'first' },
    { name: 'two', what: 'second' },
  ],
};
const read = (...argv: string[]) => readLongOptions(BENCH, argv, [0, 1])!;

t.test('without options: all parts, a million entries, a working set of 1 GiB, a new data directory', async (t) => {
  t.match(read(), { parts: ['one', 'two'], entries: 1_000_000, workingSet: 1024 * MIB, data: null });
  t.match(read().server.command, /^\.\/bin\/magmad /);
});

t.test('parts run in their own order, whatever the order in which they are named', async (t) => {
  t.same(read('--parts', 'two,one').parts, ['one', 'two']);
  t.same(read('--parts', 'two').parts, ['two']);
});

t.test('bad input is refused', async (t) => {
  const refused = (...argv: string[]) =>
    t.throws(() => read(...argv), { constructor: UsageError, message: /--/ }, argv.join(' '));
  refused('--parts', 'three');
  refused('--entries', '9999');
  refused('--entries', '9000001');
  refused('--working-set', '15');
  refused('--working-set', '4096');
  refused('--fast');
});

t.test('--help names every part', async (t) => {
  t.equal(readLongOptions(BENCH, ['--help'], [0]), null);
  t.match(longHelp(BENCH), /npm run bench:x -- \[options\][\s\S]* one +first\n +two +second/);
});
