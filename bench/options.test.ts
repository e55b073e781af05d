import t from 'tap';
import { DEFAULT_OPERATIONS } from './operations.ts';
import { helpText, readOptions } from './options.ts';
import { UsageError } from './usage-error.ts';

const ALLOWED = [0, 1, 2, 3];
const read = (...argv: string[]) => readOptions(argv, ALLOWED)!;
const refused = (argv: string[], message: RegExp) =>
  t.throws(() => readOptions(argv, ALLOWED), { constructor: UsageError, message }, argv.join(' '));

t.test('without options: every operation that has a target, both transports, windows 1 and 16', async (t) => {
  const options = read();
  t.same(options.operations, DEFAULT_OPERATIONS);
  t.same(options.operations, ['null', 'getattr', 'lookup', 'read', 'write', 'create', 'readdir', 'mix']);
  t.same(options.transports, ['udp', 'tcp']);
  t.same(options.windows, [1, 16]);
  t.same(options.cores, { server: 0, generator: 1 });
  t.equal(options.vs, null);
  t.match(options.server.command, /^\.\/bin\/magmad .*--nfs-port \{port\} --mount-port \{mountport\}/);
});

t.test('options choose', async (t) => {
  const options = read(
    '--ops',
    'read,null',
    '--transports',
    'tcp',
    '--windows',
    '4',
    '--seconds',
    '0.5',
    '--cores',
    '3,2',
  );
  t.same(options.operations, ['read', 'null']);
  t.same(options.transports, ['tcp']);
  t.same(options.windows, [4]);
  t.equal(options.seconds, 0.5);
  t.same(options.cores, { server: 3, generator: 2 });
  const { vs } = read('--vs', 'peer {port}', '--vs-vers', '3', '--vs-path', '{dir}');
  t.same(vs, { name: 'other', command: 'peer {port}', version: 3, path: '{dir}' });
});

t.test('what is named twice runs once', async (t) => t.same(read('--ops', 'null,null').operations, ['null']));

t.test('bad input is refused, with what, where and the cure', async () => {
  refused(['--ops', 'null,writ'], /--ops: 'writ' is not known. Cure: choose from null, getattr/);
  refused(['--ops', ''], /--ops : an item is empty/);
  refused(['--transports', 'sctp'], /choose from udp, tcp/);
  refused(['--windows', '0'], /--windows 0: a whole number from 1 to 256/);
  refused(['--windows', '1,,2'], /an item is empty/);
  refused(['--windows', '1,2,3,4,5,6,7,8,9'], /9 items are too many: at most 8/);
  refused(['--windows', '1.5'], /whole number/);
  refused(['--seconds', '-1'], /--seconds/);
  refused(['--seconds', '1e3'], /--seconds 1e3: a number from 0.1 to 600/);
  refused(['--cores', '0'], /two numbers/);
  refused(['--cores', '0,9'], /core 9 cannot be used here. Cure: choose from 0, 1, 2, 3/);
  refused(['--vs', ' '], /--vs: a command is needed/);
  refused(['--vs', 'x', '--vs-vers', '4'], /2 or 3/);
  refused(['--profile', 'nul'], /--profile: 'nul' is not known/);
  refused(['--profile', 'null', '--vs', 'x'], /do not go together/);
  refused(['--fast'], /'--fast'.*Cure: see --help/);
  refused(['write'], /write/);
});

t.test('--help names every operation', async (t) => {
  t.equal(readOptions(['--help'], ALLOWED), null);
  for (const name of DEFAULT_OPERATIONS) t.match(helpText(), ` ${name} `);
});
