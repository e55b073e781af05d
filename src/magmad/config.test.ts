import { chmodSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import t from 'tap';
import { type Config, nicknameFromHost, readConfig } from './config.ts';
import { FILE_MAX } from './file.ts';
import { UsageError } from './usage.ts';

function config(argv: string[], environment: Record<string, string> = {}): Config {
  const request = readConfig(argv, environment);
  if (request.ask === 'help' || request.ask === 'version') throw new Error('not a configuration');
  return request.config;
}

/** The message that these flags and variables are refused with. */
function refusal(argv: string[], environment: Record<string, string> = {}): string {
  try {
    readConfig(argv, environment);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return 'nothing was refused';
}

t.test('nothing given: the defaults', async (t) => {
  const { origins, ...rest } = config([]);
  t.equal(origins.size, 0);
  t.same(rest, {
    boot: false,
    nickname: null,
    serverName: hostname(),
    data: '/var/lib/magma',
    weight: 1,
    join: [],
    replicas: 2,
    failoverMs: 10_000,
    deadAfterMs: null,
    balanceAfterMs: 300_000,
    etcd: null,
    addresses: [],
    nfsPort: 2049,
    mountPort: 20048,
    portmap: 'auto',
    portmapPort: 111,
    port: 12000,
    nodePort: 12001,
    console: true,
    consolePort: 12002,
    consoleListen: ['127.0.0.1', '::1'],
    web: true,
    webPort: 12003,
    webListen: ['127.0.0.1', '::1'],
    webCert: null,
    shares: [],
    sharesFile: null,
    oldMachines: { pcnfsd: null, time: null, tftp: null, bootparam: null },
    key: null,
    debug: '',
    logLevel: 'info',
    logFormat: null,
    pidFile: null,
    configFile: null,
    warnings: [],
  });
});

t.test('every flag, short and long', async (t) => {
  const short = config([
    '-b',
    '-n',
    'wallace',
    '-s',
    'files.example',
    '-i',
    '::1',
    '-i',
    '127.0.0.1',
    '-d',
    'd',
    '-D',
    'nV',
  ]);
  t.match(short, { boot: true, nickname: 'wallace', serverName: 'files.example', debug: 'nV', data: resolve('d') });
  t.same(short.addresses, ['::1', '127.0.0.1'], '-i gathers');
  const long = config(
    (
      '--boot --nickname=w --server-name s --address ::1 --data d --debug f --nfs-port 1 --mount-port 2 --portmap own --portmap-port 3 ' +
      '--log-level debug --log-format json --pid-file p --shares s'
    ).split(' '),
  );
  t.match(long, { nfsPort: 1, mountPort: 2, portmap: 'own', portmapPort: 3, logLevel: 'debug', logFormat: 'json' });
  t.match(long, { pidFile: resolve('p'), sharesFile: resolve('s') });
  t.same(
    config(['--share', '/ * r', '--share=/a * w']).shares.map(({ rule }) => rule),
    ['/ * r', '/a * w'],
  );
  t.equal(readConfig(['--check-config'], {}).ask, 'check');
  t.equal(readConfig(['-h', '--nfs-port', '7'], {}).ask, 'help');
  t.equal(readConfig(['--version'], {}).ask, 'version');
  t.equal(config(['--nfs-port', '1', '--nfs-port', '2']).nfsPort, 2, 'the last one counts');
});

t.test('flags win over the environment, the environment over the file, the file over defaults', async (t) => {
  const file = `${t.testdir({ 'm.toml': 'nickname = "file"\nnfs-port = 3\nmount-port = 33\nshares = "rules"\nboot = true\n' })}/m.toml`;
  const all = config(['--config', file, '--nfs-port', '1'], { MAGMA_NFS_PORT: '2', MAGMA_NICKNAME: 'env' });
  t.match(all, { nfsPort: 1, nickname: 'env', mountPort: 33, portmapPort: 111, boot: true });
  t.equal(all.sharesFile, resolve(file, '../rules'), 'paths in the file are looked up from the file');
  t.equal(all.origins.get('mount-port'), `${file}:3: mount-port`);
  t.same(
    config([], { MAGMA_SHARE: '/ * r\n\n /a * w\n' }).shares.map(({ rule }) => rule),
    ['/ * r', '/a * w'],
  );
  t.equal(config([], { MAGMA_BOOT: 'no' }).boot, false);
  t.equal(config([], { MAGMA_BOOT: 'yes', MAGMA_NICKNAME: '' }).boot, true, 'an empty variable is not set');
});

t.test('what is wrong on the command line is named, with the cure', async (t) => {
  t.match(refusal(['--nfs-prot', '1']), /^--nfs-prot is not a flag of magmad; did you mean --nfs-port\?$/);
  t.match(refusal(['-x']), /^-x is not a flag of magmad; see magmad --help$/);
  t.match(refusal(['--console-listen', '10.0.0.1']), /^--console-listen: 10\.0\.0\.1: .*there is none\. Cure: a key/);
  t.same(config(['--console-listen', '10.0.0.1', '-k', 'm4gm4']).consoleListen, ['10.0.0.1']);
  t.match(refusal(['--web-listen', '::']), /^--web-listen: ::: from other machines the web page .*Cure: a key/);
  t.match(refusal(['--web-cert-key', 'k']), /^--web-cert-key: .* Cure: give --web-cert as well$/);
  t.same(config(['--web-cert', '/c', '--web-cert-key', '/k']).webCert, { cert: '/c', key: '/k' });
  t.match(refusal(['--web-port', '12002']), /web-port and console-port are both 12002/);
  t.match(refusal(['--console-port', '2049']), /console-port and nfs-port are both 2049/);
  t.equal(config(['--console', 'off', '--console-port', '2049']).console, false);
  t.match(refusal(['--nfs-port']), /^--nfs-port needs a value: --nfs-port PORT$/);
  t.match(refusal(['-n', '-b']), /^-n needs a value: -n NICK or --nickname NICK$/);
  t.match(refusal(['--nfs-port', '70000']), /^--nfs-port: 70000 must be a port number, 0 to 65535$/);
  t.match(refusal(['--nfs-port', '1e3']), /^--nfs-port: "1e3" must be a port number/);
  t.match(refusal(['--portmap', 'maybe']), /"maybe" must be one of own, system, auto, off/);
  t.match(refusal(['-i', 'eth0']), /^-i: "eth0" must be an IPv4 or IPv6 address/);
  t.match(refusal(['-n', 'a b']), /^-n: "a b" must begin with a letter/);
  t.match(refusal(['-D', 'nz']), /^-D: "nz" must be letters out of/);
  t.match(refusal(['-w', '0']), /^-w: 0 must be a weight, 1 to 1000/);
  t.match(refusal(['-w', '1001']), /^-w: 1001 must be a weight, 1 to 1000/);
  t.equal(config(['-w', '2']).weight, 2);
  for (const wrong of ['9', '86401'])
    t.match(refusal(['--balance-after', wrong]), /^--balance-after: \d+ must be a number of seconds, 10 to 86400/);
  t.equal(config(['--balance-after', '10']).balanceAfterMs, 10_000);
  t.match(refusal(['--boot=1']), /^--boot takes no value/);
  t.match(refusal(['--share', '/', '*', 'r']), /^"\*" belongs to no flag. Cure: quote/);
  t.match(refusal([], { MAGMA_NFS_PORT: 'x' }), /^MAGMA_NFS_PORT: "x" must be a port number/);
  t.match(refusal(['--nfs-port', '111']), /^--nfs-port: portmap-port and nfs-port are both 111/);
  t.match(refusal(['--portmap-port', '0']), /works only with --portmap own/);
  t.equal(config(['--nfs-port', '111', '--portmap', 'off']).nfsPort, 111);
  t.equal(config(['--nfs-port', '0', '--mount-port', '0']).nfsPort, 0);
});

t.test('what is wrong in the file is named, with file, line and cure', async (t) => {
  const of = (text: string): string => {
    const file = `${t.testdir({ 'm.toml': text })}/m.toml`;
    return refusal(['--config', file]).replaceAll(file, 'FILE');
  };
  t.match(of('# x\nnfs_port = 1\n'), /^FILE:2: nfs_port is not a key .*; did you mean "nfs-port"\?$/);
  t.match(of('[volcano]\nnickname = "x"\n'), /^FILE:1: volcano is not a key/);
  t.match(of('\n\nnfs-port = "2049"\n'), /^FILE:3: nfs-port: "2049" must be a port number/);
  t.match(of('nfs-port = 2.5\n'), /^FILE:1: nfs-port: 2.5 must be/);
  t.match(of('share = "/ * r"\n'), /^FILE:1: share: "\/ \* r" must be a list$/);
  t.match(of('share = ["/ * r", 7]\n'), /^FILE:1: share: 7 must be text/);
  t.match(of('address = ["nowhere"]\n'), /^FILE:1: address: "nowhere" must be an IPv4/);
  t.match(of('boot = 1\n'), /must be true or false/);
  t.match(of('check-config = true\n'), /^FILE:1: check-config can only be given as a flag/);
  t.match(of('nickname = "a"\nnickname = "b"\n'), /^FILE:2: this is not TOML: /);
  t.match(of(`#${'x'.repeat(FILE_MAX)}`), /is larger than 1048576 bytes/);
  t.match(refusal(['--config', '/nowhere/m.toml']), /^--config: cannot read \/nowhere\/m.toml: there is no such file$/);
  t.match(refusal(['--config', t.testdirName]), /it is a directory/);
});

t.test('lists and texts are bounded', async (t) => {
  t.match(refusal(Array.from({ length: 1001 }, () => ['-i', '::1']).flat()), /^-i: .* must have at most 1000 values/);
  t.match(refusal(['--share', 'x'.repeat(4097)]), /must be at most 4096 characters/);
  t.match(refusal(['-n', 'x'.repeat(65)]), /must be at most 64 characters/);
  t.match(refusal(['-k', 'x'.repeat(1025)]), /the value must be at most 1024/);
});

t.test('the key comes by file, variable or flag, and is never shown', async (t) => {
  const dir = t.testdir({ key: 's3cret\r\nrest\n', empty: '\n', 'm.toml': 'key = "in-file"\n' });
  chmodSync(`${dir}/key`, 0o600);
  t.match(config(['--key-file', `${dir}/key`]), { key: 's3cret', warnings: [] });
  chmodSync(`${dir}/key`, 0o644);
  t.match(config(['--key-file', `${dir}/key`]).warnings, [/others may read/]);
  t.match(config([], { MAGMA_KEY: 'env' }), { key: 'env', warnings: [] });
  t.match(config(['-k', 'flag'], { MAGMA_KEY: 'env' }), { key: 'flag', warnings: [/^-k: others .* could see/] });
  t.match(refusal(['-k', 'a', '--key-file', 'b']), /^-k and --key-file both give the key/);
  t.match(refusal(['--key-file', `${dir}/empty`]), /the first line of .* is empty/);
  chmodSync(`${dir}/m.toml`, 0o644);
  t.match(
    refusal(['--config', `${dir}/m.toml`]),
    /m.toml:1: key stands in a file that others may read. Cure: chmod 600/,
  );
  chmodSync(`${dir}/m.toml`, 0o600);
  t.match(config(['--config', `${dir}/m.toml`]), { key: 'in-file' });
});

t.test('the host name makes a nickname', async (t) => {
  t.equal(nicknameFromHost('files.example.org'), 'files');
  t.equal(nicknameFromHost('a b'), 'a-b');
  t.equal(nicknameFromHost('-'), 'volcano');
  t.equal(nicknameFromHost('x'.repeat(100)).length, 64);
});

t.test(
  'a ring: whom to join, the ports of the programs, copies; what means nothing without a key is said',
  async (t) => {
    const key = { MAGMA_KEY: 'm4gm4s3cr3t' };
    const ring = config(
      ['-r', '192.168.1.20', '-r', '[fd00::20]:13001', '-p', '0', '--node-port=0', '--replicas', '3'],
      key,
    );
    t.same(ring.join, [
      { host: '192.168.1.20', port: 12001 },
      { host: 'fd00::20', port: 13001 },
    ]);
    t.match(ring, { port: 0, nodePort: 0, replicas: 3, warnings: { length: 0 } });
    t.match(refusal(['-r', 'host']), /^-r: who joins a network needs its key. Cure: --key-file, MAGMA_KEY or --key/);
    t.match(refusal(['-b', '-r', 'host'], key), /^-b and -r: a network is booted, or one is joined/);
    t.match(refusal(['-r', 'a:0'], key), /^-r: "a:0" must be an address or a host name, with or without a port/);
    t.match(refusal(['--replicas', '9'], key), /^--replicas: 9 must be a number of copies, 1 to 8/);
    t.match(refusal(['-p', '12001'], key), /^-p: node-port and port are both 12001/);
    t.equal(config(['-p', '2049']).port, 2049, 'without a key nothing listens there');
    t.same(config(['-p', '13000', '--replicas', '3']).warnings, [
      '--replicas: no effect: without a key this volcano is alone',
      '-p: no effect: without a key this volcano is alone',
    ]);
  },
);

t.test('maps in etcd: URLs of its members, TLS, a user; what does not go together is named', async (t) => {
  const key = { MAGMA_KEY: 'm4gm4s3cr3t' };
  const urls = ['--etcd', 'http://one:2379', '--etcd', 'https://two'];
  t.match(config(urls, key).etcd, { urls: ['http://one:2379', 'https://two'], ca: null, user: null });
  const all = [...urls, '--etcd-ca', '/ca', '--etcd-cert', '/cert', '--etcd-cert-key', '/key'];
  t.match(config([...all, '--etcd-user', 'magma', '--etcd-password-file', '/pass'], key).etcd, {
    ...{ ca: '/ca', cert: '/cert', certKey: '/key', user: 'magma', passwordFile: '/pass' },
  });
  t.match(refusal(urls), /^--etcd: .*a network needs its key. Cure: --key-file/);
  t.match(refusal(['--etcd', 'one:2379'], key), /^--etcd: .*neither http: nor https:/);
  t.match(refusal(['--etcd-ca', '/ca'], key), /^--etcd-ca: it is not said where etcd is. Cure: --etcd/);
  t.match(refusal([...urls, '--etcd-cert', '/c'], key), /^--etcd-cert: it goes with --etcd-cert-key/);
  t.match(refusal([...urls, '--etcd-password-file', '/p'], key), /^--etcd-password-file: it goes with --etcd-user/);
});
