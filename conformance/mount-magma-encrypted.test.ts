import * as fs from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { mountsBelow } from './lib/fuse-mounts.ts';
import { MOUNT_MAGMA } from './lib/magma-mounts.ts';
import { encrypted, init, PASSPHRASE, TREES, trees, unmount } from './lib/magma-trees.ts';
import { unmet } from './lib/requirements.ts';
import { run } from './lib/run.ts';
import { seeded, TEST_TIMEOUT } from './lib/seed.ts';

/* Encrypted mounts of a real volcano: what of it the volcano can see, what it can do to it, and mount(8). */

const options = { skip: unmet(TREES), timeout: TEST_TIMEOUT };

t.test('what a volcano stores has no plain name and no plain content, also after kill -9', options, async (t) => {
  const made = await trees(t, 'tree');
  const { random } = seeded((line) => t.comment(line));
  // 16 bytes of hexadecimal digits that occur nowhere by chance.
  const secret = (): string => random.bytes(8).toString('hex');
  const [name, longName, directory, text, target, moved] = Array.from({ length: 6 }, secret) as [string, ...string[]];
  await init(t, made, 'tree');
  const mount = await encrypted(t, made, 'tree');
  const path = (...names: string[]): string => join(mount.target, ...names);
  fs.mkdirSync(path(directory!));
  fs.writeFileSync(path(directory!, name), `${text} `.repeat(1000));
  fs.writeFileSync(path(`${longName}${'.'.repeat(200)}`), text!);
  fs.appendFileSync(path(directory!, name), text!);
  fs.symlinkSync(target!, path('link'));
  fs.renameSync(path(`${longName}${'.'.repeat(200)}`), path(directory!, moved!));
  fs.unlinkSync(path('link'));
  // What is not encrypted would be found.
  const open = secret();
  fs.writeFileSync(join(made.plain, open), `${open} in the open`);

  const found = async (word: string): Promise<number> => {
    const ran = await run('grep', ['-rlaFi', '-e', word, made.volcano.volcano.directory]);
    return ran.stdout.split('\n').length - 1;
  };
  const search = async (when: string): Promise<void> => {
    for (const word of [name, longName, directory, text, target, moved, PASSPHRASE, name.slice(0, 8)]) {
      t.equal(await found(word!), 0, when);
    }
    t.not(await found(open), 0, 'what is plain is found');
  };
  await search('while it runs');
  await made.volcano.volcano.kill();
  await search('after kill -9');
  await made.volcano.volcano.start([]);
  t.equal(fs.readFileSync(path(directory!, moved!), 'utf8'), text, 'and the key finds it again');
  await unmount(t, mount);
  t.equal(await made.volcano.volcano.stop(), 0);
  await search('after it was stopped');
});

t.test('what was tampered with is EIO and a line in the log, and the rest can be read', options, async (t) => {
  const made = await trees(t, 'tree');
  await init(t, made, 'tree');
  const mount = await encrypted(t, made, 'tree');
  const path = (name: string): string => join(mount.target, name);
  const cipher = (name: string): string => join(made.plain, 'tree', name);
  const stored = new Set(fs.readdirSync(cipher('')));
  /** Where the ciphertext of the file is that was made last. */
  const newest = (): string => {
    const [entry, ...more] = fs.readdirSync(cipher('')).filter((entry) => !stored.has(entry));
    t.same(more, []);
    stored.add(entry!);
    return cipher(entry!);
  };
  fs.writeFileSync(path('one'), Buffer.alloc(3 * 4096, '1'));
  const one = newest();
  fs.writeFileSync(path('two'), Buffer.alloc(3 * 4096, '2'));
  const two = newest();
  fs.writeFileSync(path('good'), 'good');
  newest();
  fs.mkdirSync(path('directory'));
  fs.writeFileSync(path('directory/file'), 'text');
  const directory = newest();

  // One bit of the second block; another file's block in the same place; the IV of a directory.
  const changed = fs.readFileSync(one);
  changed[18 + 4128 + 100]! ^= 1;
  fs.writeFileSync(one, changed);
  const swapped = fs.readFileSync(two);
  changed.copy(swapped, 18, 18, 18 + 4128);
  fs.writeFileSync(two, swapped);
  fs.chmodSync(join(directory, 'gocryptfs.diriv'), 0o644);
  fs.writeFileSync(join(directory, 'gocryptfs.diriv'), Buffer.alloc(16, 7));
  await unmount(t, mount);

  const again = await encrypted(t, made, 'tree');
  const at = (name: string): string => join(again.target, name);
  const says = async (what: RegExp): Promise<void> => {
    while (!what.test(again.said())) await new Promise(setImmediate);
  };
  for (const [name, broken] of [
    ['one', 1],
    ['two', 0],
  ] as const) {
    for (const block of [0, 1, 2]) {
      const read = (): string => {
        const fd = fs.openSync(at(name), 'r');
        const bytes = Buffer.alloc(4096);
        try {
          fs.readSync(fd, bytes, 0, 4096, block * 4096);
        } finally {
          fs.closeSync(fd);
        }
        return bytes.toString('latin1');
      };
      if (block === broken) t.throws(read, { code: 'EIO' }, `${name}, block ${block}`);
      else t.equal(read(), name === 'one' ? '1'.repeat(4096) : '2'.repeat(4096), `${name}, block ${block}`);
    }
    t.throws(() => fs.readFileSync(at(name)), { code: 'EIO' });
    await says(new RegExp(`ERROR: fuse: a file cannot be decrypted [^\n]*BLOCK_BROKEN[^\n]*"block":${broken}`));
  }
  t.same(fs.readdirSync(at('directory')), [], 'names that mean nothing are not shown');
  await says(/ERROR: fuse: a part of the encrypted tree cannot be decrypted/);
  t.throws(() => fs.readFileSync(at('directory/file')), { code: 'ENOENT' });
  t.equal(fs.readFileSync(at('good'), 'utf8'), 'good');
});

t.test('mount(8) and fstab: no process before the passphrase was right', options, async (t) => {
  const made = await trees(t, 'tree');
  await init(t, made, 'tree');
  const { directory, keyFile } = made;
  const point = join(directory, 'point');
  fs.mkdirSync(point);
  const pass = made.secretFile('pass', `${PASSPHRASE}\n`);
  const wrong = made.secretFile('wrong', 'guess\n');
  const fstab = made.secretFile(
    'fstab',
    [pass, wrong]
      .map((file, number) => {
        const list = `port=${made.volcano.flarePort},keyfile=${keyFile},passfile=${file},noatime,nodev,_netdev,x-a=b`;
        return `127.0.0.1:/tree ${point}${number === 0 ? '' : '-wrong'} magma ${list} 0 0\n`;
      })
      .join(''),
  );
  fs.mkdirSync(`${point}-wrong`);
  // /sbin is this test's own, in a mount namespace.
  const script = `
    mount -t tmpfs none /usr/sbin && ln -s ${MOUNT_MAGMA} /usr/sbin/mount.magma || exit 9
    mount --fstab ${fstab} ${point}-wrong; echo "status $?"
    serving() { pgrep -f "^[^ ]*node .*--foreground .* $1 "; }
    serving ${point}-wrong; echo "process $?"
    mount --fstab ${fstab} ${point} || exit 8
    grep " ${point} " /proc/mounts
    echo text > ${point}/file && cat ${point}/file
    cat /proc/$(serving ${point})/cmdline /proc/$(serving ${point})/environ | grep -c '${PASSPHRASE}'
    umount ${point} || exit 7
    mount -t magma 127.0.0.1:/tree ${point} -o port=${made.volcano.flarePort},keyfile=${keyFile},ro < ${pass} || exit 6
    cat ${point}/file
    { echo no > ${point}/file; } 2>&1
    umount ${point}`;
  const ran = await run('unshare', ['--mount', 'bash', '-c', script]);
  t.equal(ran.status, 0, ran.stderr);
  t.match(ran.stderr, /127\.0\.0\.1:\/tree: wrong passphrase/);
  t.match(
    ran.stdout,
    new RegExp(`^status 1\\nprocess 1\\n127\\.0\\.0\\.1:/tree ${point} fuse\\.magma rw,nodev,noatime`),
  );
  t.match(ran.stdout, /\ntext\n0\ntext\n.*Read-only file system\n$/);
  t.same(mountsBelow(directory), [made.plain]);
  t.equal(fs.readdirSync(join(made.plain, 'tree')).length, 3, 'it is one file more than a new tree');
});
