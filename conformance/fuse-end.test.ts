import { once } from 'node:events';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { FUSE, fuseMounts, mountsBelow } from './lib/fuse-mounts.ts';
import { unmet } from './lib/requirements.ts';
import { run } from './lib/run.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';

/* How a mount ends: never hung, never a mount that cannot be taken away (issue: SIGTERM, unmount, kill -9). */

const options = { skip: unmet(FUSE), timeout: TEST_TIMEOUT };

t.test('unmounted by root: the client ends by itself', options, async (t) => {
  const { at, exited, said } = await fuseMounts(t);
  fs.writeFileSync(join(at[0]!, 'a'), 'x');
  const minor = fs.statSync(at[0]!).dev & 0xff;
  t.equal(
    fs.readFileSync(`/sys/class/bdi/0:${minor}/read_ahead_kb`, 'utf8'),
    '1024\n',
    'a whole request is read ahead',
  );
  t.equal((await run('umount', [at[0]!])).status, 0);
  t.equal(await exited, 0);
  t.equal(said(), 'ready\nended\n');
});

t.test('a busy mount is not unmounted by umount, but by SIGTERM; who uses it gets an error', options, async (t) => {
  const { at, server, exited, said } = await fuseMounts(t);
  const fd = fs.openSync(join(at[0]!, 'a'), 'w');
  t.not((await run('umount', [at[0]!])).status, 0);
  fs.writeSync(fd, 'still there');
  server.kill('SIGTERM');
  t.equal(await exited, 0);
  t.same(mountsBelow(dirname(at[0]!)), []);
  t.throws(() => fs.writeSync(fd, 'x'), { code: /ENOTCONN|ECONNABORTED/ });
  try {
    fs.closeSync(fd);
  } catch {
    // FLUSH has nobody to answer it any more.
  }
  t.equal(said(), 'ready\nended\n');
});

t.test('after kill -9 nothing hangs, and an unmount is enough', options, async (t) => {
  const { at, server } = await fuseMounts(t);
  fs.writeFileSync(join(at[0]!, 'a'), 'x');
  server.kill('SIGKILL');
  await once(server, 'close');
  t.throws(() => fs.readdirSync(at[0]!), { code: 'ENOTCONN' });
  t.equal((await run('umount', [at[0]!])).status, 0);
  t.same(fs.readdirSync(at[0]!), []);
});

t.test('fusermount3 mounts and unmounts the same tree', options, async (t) => {
  const { at, server, exited } = await fuseMounts(t, { environment: { FUSERMOUNT: '1' } });
  fs.writeFileSync(join(at[0]!, 'a'), 'x');
  t.match(
    fs.readFileSync('/proc/self/mounts', 'utf8'),
    new RegExp(`test:/ ${at[0]} fuse\\.magma .*default_permissions`),
  );
  server.kill('SIGTERM');
  t.equal(await exited, 0);
  t.same(fs.readdirSync(at[0]!), []);
});
