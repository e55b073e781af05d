import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { BLOCK_BYTES } from './aligned-memory.ts';
import { GATHER_MAX, openDisk, writeAll } from './system-disk.ts';

t.test('openDisk makes the directory, and those above it, for its owner alone', async (t) => {
  const path = join(t.testdir(), 'a', 'b');
  await openDisk(path);
  t.equal(statSync(path).mode & 0o777, 0o700);
  await openDisk(path);
});

t.test('files: made once, written at positions, read back, listed, renamed, removed', async (t) => {
  const path = t.testdir();
  const disk = await openDisk(path);
  await disk.makeDirectory('kml');
  const file = await disk.create('kml/f');
  t.equal(statSync(join(path, 'kml/f')).mode & 0o777, 0o600);
  await t.rejects(disk.create('kml/f'), { code: 'EEXIST' });
  await file.writeDurable([Buffer.from('abc'), Buffer.alloc(0), Buffer.from('def')], 0);
  await file.writeDurable([Buffer.from('X')], 10);
  t.equal(await file.size(), 11);
  const bytes = Buffer.alloc(20);
  t.equal(await file.read(bytes, 1), 10);
  t.equal(bytes.toString('latin1', 0, 10), 'bcdef\0\0\0\0X');
  t.equal(file.readSync(bytes.subarray(0, 3), 3), 3);
  t.equal(bytes.toString('latin1', 0, 3), 'def');
  t.equal(file.readSync(bytes, 11), 0);
  await file.truncate(13);
  await file.truncate(11);
  t.equal(await file.size(), 11);
  await file.sync();
  await file.close();
  await file.close();
  await disk.syncDirectory('kml');
  await disk.rename('kml/f', 'g');
  t.same(await disk.list('kml'), []);
  t.same(await disk.list('nowhere'), []);
  await (await disk.open('g')).close();
  const uncached = await disk.open('g', { uncached: true });
  t.equal(await uncached.read(bytes, 0), 11, 'the device has it all');
  await uncached.close();
  await disk.remove('g');
  await disk.remove('g');
  await t.rejects(disk.open('g'), { code: 'ENOENT' });
  const space = disk.space();
  t.ok(space.free > 0 && space.free <= space.total);
});

/** How many descriptors this process has of a file that go past the host's cache (proc(5), fdinfo; `O_DIRECT`). */
function directWays(path: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`) !== path) return false;
      const [, flags] = /^flags:\s+([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')) ?? [];
      return (Number.parseInt(flags!, 8) & constants.O_DIRECT) !== 0;
    } catch {
      return false;
    }
  }).length;
}

/** Whether the file system there can do without the host's cache. */
function hasDirectWays(path: string): boolean {
  if (process.platform !== 'linux') return false;
  try {
    closeSync(openSync(path, constants.O_RDWR | constants.O_DIRECT));
    return true;
  } catch {
    return false;
  }
}

t.test(
  'whole blocks in memory of the disk go past the cache, all else does not; every reader sees the same',
  async (t) => {
    const path = t.testdir();
    const disk = await openDisk(path);
    const file = await disk.create('f');
    const expect = Buffer.alloc(4 * BLOCK_BYTES + 100);
    const memory = disk.memory(3 * BLOCK_BYTES);
    const write = async (from: number, to: number, position: number, fill: number): Promise<void> => {
      memory.fill(fill, from, to);
      await file.writeDurable([memory.subarray(from, to)], position);
      memory.copy(expect, position, from, to);
      const seen = Buffer.alloc(expect.length);
      await file.read(seen, 0);
      t.same(seen, expect, `${to - from} bytes at ${position}`);
      const once = await disk.open('f', { once: true });
      const large = disk.memory(8 * BLOCK_BYTES);
      t.equal(await once.read(large, 0), Math.max(await file.size(), 0), 'a read that goes on behind the end');
      t.same(large.subarray(0, expect.length), expect);
      t.equal(await once.read(large.subarray(0, 10), 3), 10);
      await once.close();
    };
    await write(0, 100, 4 * BLOCK_BYTES, 1);
    await write(0, BLOCK_BYTES, 100, 2);
    await write(1, BLOCK_BYTES + 1, BLOCK_BYTES, 3);
    const file0 = join(path, 'f');
    t.equal(directWays(file0), 0, 'the place, or the memory, is not at a block');
    await write(BLOCK_BYTES, 3 * BLOCK_BYTES, BLOCK_BYTES, 4);
    if (hasDirectWays(file0)) t.equal(directWays(file0), 1);
    await write(0, BLOCK_BYTES, 0, 5);
    await write(0, 50, BLOCK_BYTES, 6);
    await file.close();
    t.equal(directWays(file0), 0, 'all of it is let go of');
  },
);

t.test('writeDurable gathers more buffers than one system call takes', async (t) => {
  const path = t.testdir();
  const file = await (await openDisk(path)).create('f');
  const buffers = Array.from({ length: GATHER_MAX * 2 + 3 }, (_, at) => Buffer.from([at & 0xff, at >> 8]));
  await file.writeDurable(buffers, 0);
  t.same(readFileSync(join(path, 'f')), Buffer.concat(buffers));
  await file.close();
});

t.test('writeDurable goes on after short writes, and a write that takes nothing is EIO', async (t) => {
  const out = Buffer.alloc(12);
  const short = async (_fd: number, buffers: readonly Uint8Array[], position: number): Promise<number> => {
    const asked = Buffer.concat(buffers);
    return asked.copy(out, position, 0, Math.min(5, asked.length));
  };
  await writeAll(short, 0, [Buffer.from('abc'), Buffer.from('defg'), Buffer.from('hijkl')], 0);
  t.equal(out.toString(), 'abcdefghijkl');
  await t.rejects(
    writeAll(async () => 0, 0, [Buffer.from('a')], 0),
    { code: 'EIO' },
  );
});

t.test('lock: one holder, in this process and in all; it dies with its process', async (t) => {
  const path = t.testdir();
  const disk = await openDisk(path);
  const lock = await disk.lock();
  t.not(lock, null);
  t.equal(await disk.lock(), null, 'not twice in this process');
  t.equal(await (await openDisk(path)).lock(), null, 'nor by another open');
  const module = fileURLToPath(new URL('./system-disk.ts', import.meta.url));
  const script =
    `import { openDisk } from ${JSON.stringify(module)};` +
    `const lock = await (await openDisk(${JSON.stringify(path)})).lock();` +
    "console.log(lock === null ? 'refused' : 'held'); process.kill(process.pid, 'SIGKILL');";
  const other = (): string =>
    spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }).stdout;
  t.equal(other(), 'refused\n');
  lock!.release();
  t.equal(other(), 'held\n', 'and killed while it holds it');
  const again = await disk.lock();
  t.not(again, null);
  again!.release();
});
