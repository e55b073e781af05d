import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { both, compiled, FUSE, fuseMounts } from './lib/fuse-mounts.ts';
import { manyFiles } from './lib/mount-work.ts';
import { unmet } from './lib/requirements.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';

/* What a Linux user expects of a file system, on a real mount (issue: FUSE; docs/mount.magma.md). The server is another process. */

const options = { skip: unmet(FUSE), timeout: TEST_TIMEOUT };

/** The error's code, or `ok`. */
function codeOf(work: () => unknown): string {
  try {
    work();
    return 'ok';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

both('a tree of thousands of files: what was made is there, whole, once', options, async (t, kind) => {
  const { at, said } = await fuseMounts(t, { kind });
  await manyFiles(t, at[0]!);
  t.equal(said(), 'ready\n');
});

both('a large directory is listed once each, also while it is emptied', options, async (t, kind) => {
  const { at } = await fuseMounts(t, { kind });
  const directory = join(at[0]!, 'large');
  fs.mkdirSync(directory);
  const names = Array.from({ length: 1500 }, (_, number) => `${'n'.repeat(number % 100)}-${number}`);
  await Promise.all(names.map((name) => fs.promises.writeFile(join(directory, name), '')));
  t.same(fs.readdirSync(directory).sort(), names.toSorted());
  const open = fs.opendirSync(directory, { bufferSize: 16 });
  const seen: string[] = [];
  for (let entry = open.readSync(); entry !== null; entry = open.readSync()) {
    seen.push(entry.name);
    fs.unlinkSync(join(directory, entry.name));
  }
  open.closeSync();
  t.same(seen.sort(), names.toSorted());
  t.same(fs.readdirSync(directory), []);
});

both('names are bytes: not UTF-8, 255 long, no longer', options, async (t, kind) => {
  const { at } = await fuseMounts(t, { kind });
  const bytes = Buffer.concat([Buffer.from(`${at[0]}/`), Buffer.from([0xff, 0xfe, 0x80, 0x0a, 0x20])]);
  fs.writeFileSync(bytes, 'odd');
  t.same(fs.readdirSync(at[0]!, { encoding: 'buffer' }), [Buffer.from([0xff, 0xfe, 0x80, 0x0a, 0x20])]);
  t.equal(fs.readFileSync(bytes, 'utf8'), 'odd');
  fs.writeFileSync(join(at[0]!, 'l'.repeat(255)), '');
  t.equal(
    codeOf(() => fs.writeFileSync(join(at[0]!, 'l'.repeat(256)), '')),
    'ENAMETOOLONG',
  );
});

both('links, symlinks, devices, fifos, sockets, renames', options, async (t, kind) => {
  const calls = await compiled(t, 'calls');
  const { at, said } = await fuseMounts(t, { kind });
  const path = (name: string): string => join(at[0]!, name);
  const call = (what: string, ...names: string[]): string =>
    spawnSync(calls, [what, ...names.map(path)], { encoding: 'utf8' }).stdout.trim();
  fs.writeFileSync(path('a'), 'text');
  fs.linkSync(path('a'), path('b'));
  t.equal(fs.statSync(path('b')).nlink, 2);
  t.equal(fs.statSync(path('b')).ino, fs.statSync(path('a')).ino);
  fs.symlinkSync('a', path('s'));
  t.equal(fs.readlinkSync(path('s')), 'a');
  t.equal(fs.readFileSync(path('s'), 'utf8'), 'text');
  t.equal(
    codeOf(() => fs.symlinkSync('x'.repeat((kind === 'plain' ? 4095 : 3039) + 1), path('long'))),
    'ENAMETOOLONG',
  );
  t.equal(call('mkfifo', 'fifo'), 'ok');
  t.ok(fs.statSync(path('fifo')).isFIFO());
  t.equal(
    spawnSync('sh', ['-c', `echo through > "${path('fifo')}" & cat "${path('fifo')}"`], { encoding: 'utf8' }).stdout,
    'through\n',
  );
  t.equal(call('mknod', 'device'), 'ok');
  t.equal(fs.statSync(path('device')).rdev, 259 * 256 + (70000 & 0xff) + (70000 >> 8) * 2 ** 20, 'makedev(259, 70000)');
  t.equal(call('socket', 'socket'), 'ok');
  t.ok(fs.statSync(path('socket')).isSocket());

  t.equal(call('noreplace', 'b', 'a'), 'EEXIST');
  t.equal(call('noreplace', 'b', 'c'), 'ok');
  t.equal(fs.existsSync(path('b')), false);
  t.equal(fs.statSync(path('c')).nlink, 2);
  t.equal(call('exchange', 'a', 'fifo'), 'EINVAL');
  fs.mkdirSync(path('d/e'), { recursive: true });
  t.equal(call('noreplace', 'd', 'f'), 'EINVAL', 'directories have one name');
  t.equal(
    codeOf(() => fs.renameSync(path('d'), path('d/e/f'))),
    'EINVAL',
  );
  fs.renameSync(path('c'), path('d/e/c'));
  t.equal(fs.readFileSync(path('d/e/c'), 'utf8'), 'text');
  fs.renameSync(path('d'), path('g'));
  t.same(fs.readdirSync(path('g')), ['e']);
  t.equal(
    codeOf(() => fs.rmdirSync(path('g'))),
    'ENOTEMPTY',
  );
  t.equal(call('setxattr', 'a'), 'EOPNOTSUPP');
  t.equal(call('getxattr', 'a'), 'EOPNOTSUPP');
  t.equal(call('fallocate', 'a'), 'EOPNOTSUPP');
  t.equal(call('hole', 'a'), 'ok');
  t.equal(said(), 'ready\n');
});

both('flags of open(2), sizes above 4 GiB, times in nanoseconds, owners and modes', options, async (t, kind) => {
  const { at } = await fuseMounts(t, { kind });
  const path = join(at[0]!, 'a');
  fs.writeFileSync(path, 'one');
  t.equal(
    codeOf(() => fs.openSync(path, 'wx')),
    'EEXIST',
  );
  fs.appendFileSync(path, ' two');
  t.equal(fs.readFileSync(path, 'utf8'), 'one two');
  const both = fs.openSync(path, 'a+');
  fs.writeSync(both, ' three');
  const there = Buffer.alloc(100);
  const length = fs.readSync(both, there, 0, 100, 0);
  t.equal(there.toString('utf8', 0, length), 'one two three', 'read and appended through one descriptor');
  fs.closeSync(both);
  fs.writeFileSync(path, 'new');
  t.equal(fs.statSync(path).size, 3, 'O_TRUNC');
  const large = 5 * 2 ** 30;
  const fd = fs.openSync(path, 'r+');
  fs.writeSync(fd, 'far', large);
  const bytes = Buffer.alloc(10);
  t.equal(fs.readSync(fd, bytes, 0, 10, large - 2), 5);
  t.equal(bytes.toString('latin1', 0, 5), '\0\0far');
  t.equal(fs.fstatSync(fd).size, large + 3);
  t.ok(fs.fstatSync(fd).blocks < 100, 'a hole takes nothing');
  fs.closeSync(fd);
  spawnSync('touch', ['-d', '2001-02-03 04:05:06.789012345 UTC', path]);
  t.equal(fs.statSync(path, { bigint: true }).mtimeNs, 981173106789012345n);
  fs.chmodSync(path, 0o4751);
  fs.chownSync(path, 1000, 100);
  t.match(fs.statSync(path), { uid: 1000, gid: 100, mode: 0o100751 }, 'chown takes setuid away');
});

both('permissions are checked by the kernel, and groups of the caller count', options, async (t, kind) => {
  const { at } = await fuseMounts(t, { kind });
  const path = join(at[0]!, 'a');
  fs.writeFileSync(path, 'for the group', { mode: 0o640 });
  fs.chownSync(path, 1, 4242);
  const as = (groups: string, command: string): string => {
    const who = ['--reuid=1000', '--regid=1000', groups, 'sh', '-c', command];
    return spawnSync('setpriv', who, { encoding: 'utf8', cwd: at[0] }).stdout;
  };
  t.equal(as('--clear-groups', 'cat a || echo refused'), 'refused\n');
  t.equal(as('--groups=4242', 'cat a'), 'for the group');
  t.equal(as('--groups=4242', 'echo no >> a || echo refused'), 'refused\n');
  t.equal(
    as('--clear-groups', 'umask 077; echo mine > m; chmod 0 m; cat m || echo refused; stat -c "%u %a" m'),
    'refused\n1000 0\n',
  );
  t.equal(as('--clear-groups', 'exec 3<>n; chmod 0 n; echo still >&3; cat /dev/null; rm -f a || echo removed'), '');
  t.equal(fs.existsSync(path), false, "the directory is anybody's");
});

both('a file that is removed, or renamed over, while it is open lives until it is closed', options, async (t, kind) => {
  const { at, said } = await fuseMounts(t, { kind });
  const path = (name: string): string => join(at[0]!, name);
  fs.writeFileSync(path('a'), 'first');
  const removed = fs.openSync(path('a'), 'r+');
  fs.unlinkSync(path('a'));
  t.equal(fs.existsSync(path('a')), false);
  t.equal(fs.fstatSync(removed).nlink, 0);
  fs.writeSync(removed, ' and more', 5);
  const bytes = Buffer.alloc(100);
  t.equal(bytes.toString('utf8', 0, fs.readSync(removed, bytes, 0, 100, 0)), 'first and more');
  t.match(fs.readdirSync(at[0]!), [/^\.nfs[0-9a-f]{24}$/]);
  t.equal(
    codeOf(() => fs.unlinkSync(path(fs.readdirSync(at[0]!)[0]!))),
    'EBUSY',
    'as with NFS',
  );
  fs.writeFileSync(path('a'), 'another');

  const replaced = fs.openSync(path('a'), 'r');
  fs.writeFileSync(path('b'), 'b');
  fs.renameSync(path('b'), path('a'));
  t.equal(fs.readFileSync(path('a'), 'utf8'), 'b');
  t.equal(fs.readFileSync(replaced, 'utf8'), 'another');

  const linked = fs.openSync(path('a'), 'r');
  fs.linkSync(path('a'), path('c'));
  fs.unlinkSync(path('a'));
  t.equal(fs.fstatSync(linked).nlink, 1, 'it has another name, which is enough');
  for (const fd of [removed, replaced, linked]) fs.closeSync(fd);
  // RELEASE is not waited for by close(2); a request after it is answered after it has been asked for.
  while (fs.readdirSync(at[0]!).length > 1) await new Promise(setImmediate);
  t.same(fs.readdirSync(at[0]!), ['c']);
  t.equal(said(), 'ready\n');
});
