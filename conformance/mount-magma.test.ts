import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { FUSE, mountsBelow } from './lib/fuse-mounts.ts';
import { MOUNT_MAGMA, mounted, PROGRAM, place } from './lib/magma-mounts.ts';
import { freePort } from './lib/ports.ts';
import { unmet } from './lib/requirements.ts';
import { run } from './lib/run.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';
import { UdpWire } from './lib/wire.ts';
import { mount, Nfs2Wire } from './lib/wire-nfs2.ts';
import { at, KEY, magma, scratch, startVolcano, whole } from './ring-real/lib/ring.ts';

/* bin/mount.magma against real volcanos: what it says and exits with, the tree that NFSv2 clients see, volcanos that go and come. */

const options = { skip: unmet(FUSE), timeout: TEST_TIMEOUT };

t.test('what cannot be mounted: each its own message, and a status as in mount(8)', options, async (t) => {
  const volcano = await startVolcano(t, scratch(t), { nickname: 'wallace' });
  const { directory, target, keyFile } = await place(t, volcano);
  const wide = join(directory, 'wide');
  fs.writeFileSync(wide, KEY);
  fs.chmodSync(wide, 0o640);
  const nobody = await freePort();
  const { flarePort: port, nodePort } = volcano;
  const ours = `plain,port=${port},node_port=${nodePort}`;
  // Of another network, as `magma key client` would print it there.
  const body = `magma-client/1/${'ab'.repeat(16)}/${'cd'.repeat(32)}`;
  const stranger = `${body}/${createHash('sha256').update(body).digest('hex').slice(0, 8)}`;
  const spec = '127.0.0.1:/';
  const cases: readonly (readonly [number, RegExp, readonly string[], string?])[] = [
    [1, /say what to mount and where/, []],
    [1, /volcanos let nobody in without a key\. Cure: keyfile=FILE/, [spec, target, '-o', ours]],
    [1, /mode is 0640, so others can use it\. Cure: chmod 600/, [spec, target, '-o', `${ours},keyfile=${wide}`]],
    [1, /does not have the same key/, [spec, target, '-o', ours], 'guess'],
    [1, /does not take this key/, [spec, target, '-o', ours], stranger],
    [32, /mount point .*nowhere does not exist\. Cure/, [spec, join(directory, 'nowhere'), '-o', ours]],
    [32, /key is not a directory/, [spec, keyFile, '-o', ours]],
    [32, /no volcano answers: .*ECONNREFUSED.* Cure:/, [spec, target, '-o', `plain,port=${nobody},keyfile=${keyFile}`]],
    [32, /\/nothing cannot be mounted: nothing there/, [`${spec}nothing`, target, '-o', `${ours},keyfile=${keyFile}`]],
  ];
  for (const [number, [status, message, words, key]] of cases.entries()) {
    const env = { ...process.env, ...(key !== undefined && { MAGMA_KEY: key }) };
    // The one in the background tells the one that waits.
    const ran = await run(MOUNT_MAGMA, number % 4 === 1 ? words : ['--foreground', ...words], { env });
    t.equal(ran.status, status, words.join(' '));
    t.match(ran.stderr, message);
  }
  t.same(mountsBelow(directory), []);
});

t.test(
  'as mount(8) calls it: it goes to the background, and shows the tree that NFSv2 clients see',
  options,
  async (t) => {
    const volcano = await startVolcano(t, scratch(t), { nickname: 'wallace' });
    const { directory, target } = await place(t, volcano);
    const log = join(directory, 'log');
    spawnSync('mkfifo', [log]);
    // It ends when the last process that writes to it does.
    const reader = fs.createReadStream(log);
    let said = '';
    reader.on('data', (bytes) => {
      said += bytes;
    });
    const ended = once(reader, 'end');
    const { flarePort, nodePort } = volcano;
    // The network key itself: volcanos say which network it is.
    const list = `rw,plain,_netdev,noatime,port=${flarePort},node_port=${nodePort},log=${log}`;
    const ran = await run(MOUNT_MAGMA, ['127.0.0.1:/', target, '-v', '-o', list], { env: { MAGMA_KEY: KEY } });
    t.equal(ran.status, 0, ran.stderr);
    t.match(ran.stdout, /mounted on/);
    t.match(
      fs.readFileSync('/proc/self/mounts', 'utf8'),
      new RegExp(`127\\.0\\.0\\.1:/ ${target} fuse\\.magma rw,.*noatime`),
    );

    const mountWire = await UdpWire.open(volcano.volcano.mountPort);
    const wire = await UdpWire.open(volcano.volcano.nfsPort);
    t.teardown(() => {
      mountWire.close();
      wire.close();
    });
    const nfs = new Nfs2Wire(wire);
    const root = await mount(mountWire, '/');
    fs.writeFileSync(join(target, 'from-fuse'), 'written by mount.magma');
    const found = await nfs.call('LOOKUP', root, 'from-fuse');
    t.equal(found.attributes?.fileid, fs.statSync(join(target, 'from-fuse')).ino);
    t.equal((await nfs.call('READ', found.handle!, 0, 100)).data?.toString(), 'written by mount.magma');
    t.equal((await nfs.call('WRITE', found.handle!, 0, Buffer.from('REWRITTEN'))).status, 0);
    t.equal(fs.readFileSync(join(target, 'from-fuse'), 'utf8'), 'REWRITTENy mount.magma');
    t.match(fs.readdirSync(join(target, '.dht')), ['projection', 'ring', 'wallace']);
    t.throws(() => fs.writeFileSync(join(target, '.dht/new'), ''), { code: 'EROFS' });
    t.equal((await run('umount', [target])).status, 0);
    await ended;
    t.match(said, /fuse: mounted[\s\S]*fuse: unmounted/);
  },
);

t.test('a user without rights mounts by fusermount3, and keeps it to himself', options, async (t) => {
  const volcano = await startVolcano(t, scratch(t), { nickname: 'wallace', shares: ['/ * w root_squash'] });
  // Neither scratch directories nor `/dev/fuse` nor the directories above magma need be open to everybody: in a mount namespace of its own they are.
  const target = fs.mkdtempSync('/tmp/magma-user-');
  const device = fs.mkdtempSync('/tmp/magma-dev-');
  const program = fs.mkdtempSync('/tmp/magma-program-');
  fs.chmodSync(program, 0o755);
  t.teardown(() => {
    fs.rmdirSync(target);
    fs.rmdirSync(program);
    fs.rmSync(device, { recursive: true });
  });
  fs.chownSync(target, 1000, 1000);
  const secret = (await magma(['key', 'client', ...at(volcano)])).stdout.trim();
  const as = 'setpriv --reuid=1000 --regid=1000 --clear-groups';
  const script = `
    unset NODE_OPTIONS
    mknod ${device}/fuse c 10 229 && chmod 666 ${device}/fuse && mount --bind ${device}/fuse /dev/fuse || exit 9
    mount --bind ${PROGRAM} ${program} || exit 9
    ${as} ${program}/bin/mount.magma --plain --host=127.0.0.1 --port=${volcano.flarePort} ${target} || exit 8
    ${as} ls -A ${target}
    ls ${target} 2>&1 | grep -o 'Permission denied'
    ${as} fusermount3 -u ${target} || exit 7`;
  const ran = await run('unshare', ['--mount', 'sh', '-c', script], { env: { MAGMA_KEY: secret } });
  t.equal(ran.status, 0, ran.stderr);
  t.equal(ran.stdout, '.dht\nPermission denied\n');
});

t.test(
  'a volcano that is killed and comes back: what was under way goes on, nothing is done twice or lost',
  options,
  async (t) => {
    const volcano = await startVolcano(t, scratch(t), { nickname: 'wallace' });
    const where = await place(t, volcano);
    const { child, exited, said } = await mounted(t, where, [volcano], ['--plain']);
    const script = 'i=0; while [ $i -lt 100 ]; do echo "line $i" >> log && mkdir d$i || exit 1; i=$((i+1)); done';
    const writing = run('sh', ['-c', script], { cwd: where.target, timeoutMs: TEST_TIMEOUT });
    for (let kills = 0; kills < 2; kills++) {
      const before = fs.readdirSync(where.target).length;
      while (fs.readdirSync(where.target).length < before + 15) await new Promise(setImmediate);
      await volcano.volcano.kill();
      await volcano.volcano.start([]);
    }
    const { status, stderr } = await writing;
    t.equal(status, 0, stderr);
    const lines = Array.from({ length: 100 }, (_, number) => `line ${number}\n`).join('');
    t.equal(fs.readFileSync(join(where.target, 'log'), 'utf8'), lines);
    t.equal(fs.readdirSync(where.target).filter((name) => name.startsWith('d')).length, 100);
    child.kill('SIGTERM');
    t.equal(await exited, 0);
    t.notMatch(said(), /failed|ERROR/);
  },
);

t.test(
  'a volcano that stays away is waited for so long, then it is an error; unmounting does not hang',
  options,
  async (t) => {
    const volcano = await startVolcano(t, scratch(t), { nickname: 'wallace' });
    const where = await place(t, volcano);
    const { exited } = await mounted(
      t,
      where,
      [volcano],
      ['--plain', '-o', 'timeout=0.5,attr_timeout=0,entry_timeout=0'],
    );
    fs.writeFileSync(join(where.target, 'a'), 'x');
    await volcano.volcano.kill();
    t.throws(() => fs.readFileSync(join(where.target, 'a')), { code: 'EIO' });
    await volcano.volcano.start([]);
    t.equal(fs.readFileSync(join(where.target, 'a'), 'utf8'), 'x', 'it is back');
    await volcano.volcano.kill();
    t.equal((await run('umount', [where.target])).status, 0);
    t.equal(await exited, 0);
  },
);

t.test('several volcanos: each call goes to the owner, and the map is followed when one joins', options, async (t) => {
  const directory = scratch(t);
  const first = await startVolcano(t, directory, { nickname: 'wallace' });
  const where = await place(t, first);
  const { child, exited, said } = await mounted(t, where, [first], ['--plain']);
  const make = (from: number, count: number): Promise<unknown> =>
    Promise.all(
      Array.from({ length: count }, async (_, number) => {
        const path = join(where.target, `d${from + number}`);
        await fs.promises.mkdir(path);
        await fs.promises.writeFile(join(path, 'f'), `file ${from + number}`);
        await fs.promises.rename(join(path, 'f'), join(where.target, `f${from + number}`));
      }),
    );
  const joining = startVolcano(t, directory, { nickname: 'gromit' }, first);
  await make(0, 25);
  await joining;
  await make(25, 25);
  await whole(t, at(first), 2);
  await make(50, 25);
  for (let number = 0; number < 75; number++) {
    t.equal(fs.readFileSync(join(where.target, `f${number}`), 'utf8'), `file ${number}`);
  }
  t.equal(fs.readdirSync(where.target).length, 151);
  child.kill('SIGTERM');
  t.equal(await exited, 0);
  t.notMatch(said(), /failed|ERROR/);
});
