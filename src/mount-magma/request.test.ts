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
    ...{ plain: true, passFile: null },
    ...{ key: 'm4gm4s3cr3t', keyFile: null, allowOther: false, timeout: 30 },
    ...{ attributes: 1, entries: 1, negative: 1, lockLease: 60, log: null, foreground: false },
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
  t.match(refusal('v:/', '/m', '-oplain,lock_lease=1.9'), /^1: lock_lease=1.9: it is 2 to 86400 seconds/);
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

t.test(
  'encrypted unless it is said to be plain; the passphrase is in a file, or nowhere on the command line',
  async (t) => {
    t.match(readRequest(['v:/', '/m', '-o', 'keyfile=/k,passfile=/p']), {
      plain: false,
      passFile: '/p',
      keyFile: '/k',
    });
    t.match(readRequest(['--host=v', '--pass-file', '/p', '/m']), { plain: false, passFile: '/p' });
    t.match(readRequest(['v:/', '/m']), { plain: false, passFile: null });
    t.match(refusal('v:/', '/m', '--plain', '--passfile=f'), /^1: --plain and passfile/);
    const secret = 's3same';
    for (const name of ['passphrase', 'password', 'pass', 'masterkey', 'extpass']) {
      for (const words of [[`--${name}=${secret}`], [`--${name}`, secret], ['-o', `${name}=${secret}`]]) {
        t.match(refusal('v:/', '/m', ...words), new RegExp(`^1: (--|-o )${name}: others could read it\\. Cure: `));
        t.notMatch(refusal('v:/', '/m', ...words), /s3same/);
      }
    }
  },
);

t.test('--init, --passwd and --info name a tree, and no directory of this machine', async (t) => {
  const reach = { hosts: ['v'], path: '/a', port: 12000, nodePort: 12001, key: null, keyFile: '/k', timeout: 30 };
  const secrets = { passFile: null, scryptN: null, longNameMax: null };
  t.same(readRequest(['--init', 'v:/a', '--keyfile=/k']), { kind: 'init', ...reach, ...secrets });
  t.same(readRequest(['v:/a', '--passwd', '-o', 'keyfile=/k']), {
    ...{ kind: 'passwd', ...reach, ...secrets, newPassFile: null, masterKeyFile: null },
  });
  t.same(readRequest(['--keyfile=/k', '--info', 'v:/a']), { kind: 'info', ...reach });
  t.match(readRequest(['--info', '--host=v']), { hosts: ['v'], path: '/' });
  t.match(readRequest(['--init', 'v:/', '--scryptn=10', '--longnamemax', '62', '--passfile=/p']), {
    ...{ scryptN: 10, longNameMax: 62, passFile: '/p' },
  });
  t.match(readRequest(['--passwd', 'v:/', '--masterkeyfile=/m', '--new-passfile=/n', '--scryptn=20']), {
    ...{ scryptN: 20, masterKeyFile: '/m', newPassFile: '/n' },
  });

  t.match(refusal('--init'), /^1: say on which volcano/);
  t.match(refusal('--init', 'v:/', '/mnt'), /^1: --init takes one tree, and no mount point/);
  t.match(refusal('--init', '/mnt'), /^1: \/mnt: what to mount is HOST:\//);
  t.match(refusal('--init', '--info', 'v:/'), /^1: --init and --info: one at a time/);
  t.match(refusal('--init=v:/'), /^1: --init: it takes no value/);
  t.match(refusal('v:/', '/m', '-o', 'init'), /^1: -o init: it is no option of a mount\. Cure: mount\.magma --init/);
  for (const number of ['9', '21', 'x', '1e1']) {
    t.match(refusal('--init', 'v:/', `--scryptn=${number}`), /^1: scryptn=.*: it is 10 to 20/);
  }
  t.match(refusal('--init', 'v:/', '--longnamemax=61'), /^1: longnamemax=61: it is 62 to 255/);
  t.match(refusal('--passwd', 'v:/', '--passfile=p', '--masterkeyfile=m'), /^1: passfile and masterkeyfile/);
  // What would do nothing is refused.
  for (const word of ['--plain', '--log=l', '--foreground', '--allow-other', '--attr-timeout=1', '-f', '-v', '-oro']) {
    t.match(refusal('--init', 'v:/', word), /^1: .*: not with --init/, word);
  }
  for (const word of ['--passfile=p', '--scryptn=10']) t.match(refusal('--info', 'v:/', word), /not with --info/);
  t.match(refusal('--init', 'v:/', '--masterkeyfile=m'), /^1: masterkeyfile: not with --init/);
  t.match(refusal('v:/', '/m', '--scryptn=10'), /^1: scryptn: it is for --init, --passwd/);
});

t.test('help and version come before everything else', async (t) => {
  t.same(readRequest(['--help', '--nonsense']), { kind: 'help' });
  t.same(readRequest(['--version']), { kind: 'version' });
});
