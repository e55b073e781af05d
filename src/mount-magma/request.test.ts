import t from 'tap';
import { withoutKey } from './background.ts';
import { ExitError } from './exit.ts';
import { HOSTS_MAX, readRequest } from './request.ts';

/* Command lines of mount.magma: as people write them, and as mount(8) calls `/sbin/mount.magma SPEC DIR [-sfnv] [-N namespace] [-o options] [-t type]`. */

/** The message, and the status, that a command line is refused with. */
function refusal(...argv: string[]): string {
  try {
    readRequest(argv);
  } catch (error) {
    if (error instanceof ExitError) return `${error.status}: ${error.message}`;
    throw error;
  }
  return 'it was not refused';
}

t.test('as people write it', async (t) => {
  t.same(readRequest(['--plain', '--host=volcano', '--key=m4gm4s3cr3t', '/mnt']), {
    ...{ kind: 'mount', hosts: ['volcano'], path: '/', target: '/mnt', port: 12000, nodePort: 12001 },
    ...{ key: 'm4gm4s3cr3t', keyFile: null, allowOther: false, timeout: 30 },
    ...{ attributes: 1, entries: 1, negative: 1, log: null, foreground: false },
    ...{ fake: false, verbose: false, generic: [] },
  });
  t.match(readRequest(['--plain', '--host', 'a,b', '--key-file', 'k', '--attr-timeout', '0.25', '--', '-odd']), {
    ...{ hosts: ['a', 'b'], keyFile: 'k', attributes: 0.25, target: '-odd' },
  });
});

t.test('as mount(8) and fstab call it', async (t) => {
  const list =
    'rw,noatime,_netdev,nofail,x-systemd.automount,plain,keyfile=/k,port=1,node_port=2,timeout=0,allow_other';
  t.match(
    readRequest(['[fd00::1]+10.0.0.2:/home/ann', '/h', '-s', '-fv', '-n', '-t', 'magma', '-N', 'ns', '-o', list]),
    {
      ...{ hosts: ['fd00::1', '10.0.0.2'], path: '/home/ann', target: '/h', port: 1, nodePort: 2, timeout: 0 },
      ...{ keyFile: '/k', allowOther: true, fake: true, verbose: true, generic: ['rw', 'noatime'] },
    },
  );
  t.match(readRequest(['v:/', '/h', '-r', '-oplain']), { generic: ['ro'] });
});

t.test('what is wrong is refused with a word about it', async (t) => {
  t.match(refusal(), /^1: say what to mount and where/);
  t.match(refusal('a:/', '/b', '/c'), /^1: say what to mount/);
  t.match(refusal('/mnt'), /^1: say on which volcano/);
  t.match(refusal('volcano', '/mnt', '--plain'), /^1: volcano: what to mount is HOST:\//);
  t.match(refusal('v:/', '/m', '--compress'), /^1: --compress: there is no such option/);
  t.match(refusal('v:/', '/m', '-o', 'plain,colour'), /^1: -o colour: there is no such option/);
  t.match(refusal('v:/', '/m', '-q'), /^1: -q: there is no such flag/);
  t.match(refusal('v:/', '/m', '-o'), /^1: -o: it needs a value/);
  t.match(refusal('v:/', '/m', '-o', 'port'), /^1: -o port: it needs a value/);
  t.match(refusal('v:/', '/m', '-o', 'plain=1'), /^1: -o plain: it takes no value/);
  t.match(refusal('v:/', '/m', '--plain', '--port=0'), /^1: port=0: a port is/);
  t.match(refusal('v:/', '/m', '--plain', '--timeout=soon'), /^1: timeout=soon: it is 0 to 86400/);
  t.match(refusal('v:/', '/m', '--plain', '--timeout=86401'), /^1: timeout=86401/);
  t.match(refusal('--plain', '--host=a b', '/m'), /^1: host "a b": it is no name/);
  t.match(refusal('--plain', `--host=${'a,'.repeat(HOSTS_MAX)}a`, '/m'), /^1: 33 hosts; the most is 32/);
  t.match(refusal('v:/', '/m', '--plain', '--key=k', '--keyfile=f'), /^1: --key and keyfile/);
});

t.test('keys stay out of fstab and of the messages', async (t) => {
  t.match(refusal('v:/', '/m', '-o', 'plain,key=s3cret'), /^1: -o key: .*keyfile=FILE, mode 0600/);
  t.notMatch(refusal('v:/', '/m', '-o', 'plain,key=s3cret'), /s3cret/);
  t.same(withoutKey(['--plain', '--key', 's3cret', '--key=s3cret', 'v:/', '--', '--key=x']), [
    '--plain',
    'v:/',
    '--',
    '--key=x',
  ]);
});

t.test('what needs the encryption layer is refused until that is there', async (t) => {
  for (const word of ['--init', '--passwd', '--info', '--passfile=f']) {
    t.match(refusal(word, 'v:/', '/m'), /^1: --\w+: encryption is not in this version .* Cure: with --plain/);
  }
  t.match(refusal('v:/', '/m', '-o', 'passfile=f'), /^1: -o passfile: encryption is not/);
  t.match(refusal('v:/', '/m'), /^1: a mount without --plain: encryption is not/);
});

t.test('help and version come before everything else', async (t) => {
  t.same(readRequest(['--help', '--nonsense']), { kind: 'help' });
  t.same(readRequest(['--version']), { kind: 'version' });
});
