import t from 'tap';
import { cannotListen } from '../cannot-listen.ts';
import { type Config, readConfig } from '../config.ts';
import { reportConfig } from '../report.ts';
import { readRules } from '../rules.ts';
import { UsageError } from '../usage.ts';
import { allowing } from './networks.ts';
import { checkOldMachines } from './serve.ts';
import { parseServes } from './serves.ts';

const configOf = (...argv: string[]): Config => {
  const request = readConfig(argv, {});
  if (!('config' in request)) throw new Error('not a configuration');
  return request.config;
};

t.test('nothing of it is served unless it is asked for; what then has no effect is told', async (t) => {
  const { oldMachines, warnings } = configOf();
  t.same(oldMachines, { pcnfsd: null, time: null, tftp: null, bootparam: null });
  t.same(warnings, []);
  const idle = configOf('--pcnfsd-port', '1', '--time-port', '2', '--time-offset', '3', '--tftp-port', '4');
  t.same(idle.warnings, [
    '--pcnfsd-port: no effect without pcnfsd',
    '--time-port: no effect without time "on"',
    '--time-offset: no effect without time "on"',
    '--tftp-port: no effect without tftp',
  ]);
});

t.test('what is asked for, and what --check-config says of it', async (t) => {
  const config = configOf(
    '--pcnfsd',
    '/u',
    '--time',
    'on',
    '--time-offset',
    '-3600',
    '--tftp',
    '/a:/b//c/',
    '--tftp-port',
    '0',
  );
  t.same(config.oldMachines, {
    pcnfsd: { users: '/u', port: 0 },
    time: { port: 37, offset: -3600 },
    tftp: { share: '/a', path: '/b/c', port: 0 },
    bootparam: null,
  });
  const report = reportConfig(config, readRules(config));
  for (const line of [/^pcnfsd +\/u /m, /^time-offset +-3600 /m, /^tftp +\/a:\/b\/c /m]) t.match(report, line);
});

t.test(
  'bootparam: machines of the configuration file, answered where they are, or in the networks that are given',
  async (t) => {
    const dir = t.testdir({
      'magmad.toml':
        'bootparam = [\n  "sun1 192.168.1.40 root=/r/sun1",\n  "sun2 192.168.1.41 root=gromit:/r/sun2 swap=/s"\n]\n',
    });
    const file = ['--config', `${dir}/magmad.toml`];
    const { bootparam } = configOf(...file).oldMachines;
    t.match(bootparam, { networks: ['192.168.1.40', '192.168.1.41'], domain: '', router: null, port: 0 });
    const allows = allowing(bootparam!.networks);
    t.same(['192.168.1.40', '192.168.1.42', 'fd00::1', 'x'].map(allows), [true, false, false, false]);
    const wider = configOf(
      ...file,
      '--bootparam-network',
      '192.168.1.0/255.255.255.0',
      '--bootparam-network',
      '10.0.0.7',
    );
    const there = allowing(wider.oldMachines.bootparam!.networks);
    t.same(['192.168.1.42', '192.168.2.1', '10.0.0.7'].map(there), [true, false, true]);
    const report = reportConfig(wider, readRules(wider));
    t.match(report, /^bootparam +sun1 sun2 /m);
  },
);

t.test('what is wrong is refused with its place', async (t) => {
  for (const [flags, message] of [
    [['--tftp', '/tftpboot'], /^--tftp: "\/tftpboot" must be SHARE:PATH/],
    [['--tftp', 'a:/b'], /must be SHARE:PATH/],
    [['--tftp', '/a:/b/../c'], /must be SHARE:PATH/],
    [['--bootparam', 'sun1 192.168.1.40'], /^--bootparam: .*is no NAME ADDRESS FILE.*it has no files/],
    [['--bootparam', 'a 1.1.1.1 r=/', '--bootparam', 'b 1.1.1.1 r=/'], /1\.1\.1\.1 is there twice/],
    [['--bootparam-network', '*'], /must be an IPv4 address or network/],
    [['--bootparam-network', 'fd00::/8'], /must be an IPv4/],
    [['--bootparam-router', 'fd00::1'], /must be an IPv4 address/],
    [['--time', 'maybe'], /must be one of on, off/],
    [['--time-offset', '2147483648'], /must be a number of seconds/],
    [['--time', 'on', '--time-port', '2049'], /time-port and nfs-port are both 2049/],
    [['--pcnfsd', 'u', '--pcnfsd-port', '111'], /pcnfsd-port and portmap-port are both 111/],
  ] as const)
    t.throws(() => configOf(...flags), { message }, flags.join(' '));
});

t.test('a directory of a share: the first :/ parts them', async (t) => {
  t.same(parseServes('/:/'), { share: '/', path: '/' });
  t.same(parseServes('/a:b:/c:/d'), { share: '/a:b', path: '/c:/d' });
  t.same(parseServes('/ü:/'), { share: '/\xc3\xbc', path: '/' });
  t.equal(parseServes(':/a'), null);
});

t.test('users of PCNFSD that cannot be read are told by --check-config, with file and line', async (t) => {
  const dir = t.testdir({ users: 'kim\n', good: 'kim:*:1:1\n' });
  const check = (file: string) => checkOldMachines(configOf('--pcnfsd', `${dir}/${file}`).oldMachines);
  check('good');
  t.throws(() => check('users'), { constructor: UsageError, message: /users:1: a user is NAME/ });
  t.throws(() => check('none'), { constructor: UsageError, message: /--pcnfsd: cannot read .*no such file/ });
});

t.test('a port below 1024 that this user may not have is named, with the cure', async (t) => {
  const error = Object.assign(new Error('x'), { code: 'EACCES' });
  t.match(cannotListen(error, 69, 'tftp-port', []), {
    message:
      'cannot listen on port 69: ports below 1024 need root or CAP_NET_BIND_SERVICE. Cure: that, or another --tftp-port',
  });
});
