import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, watch, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { silentLogger } from '../src/base/logger.ts';
import { openDisk } from '../src/base/system-disk.ts';
import { IndexFullError } from '../src/flare/index/errors.ts';
import { FlushWriter } from '../src/flare/index/flush.ts';
import { threadedIndexHost } from '../src/flare/index/threaded-host.ts';
import { unmet } from './lib/requirements.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';
import { Volcano } from './lib/volcano.ts';
import { UdpWire } from './lib/wire.ts';
import { type Answer, mount, Nfs2Wire, Stat } from './lib/wire-nfs2.ts';

/** The size of the disk, MiB: the least reserve, 16, and something to use. */
const DISK = 160;
const BLOCK = Buffer.alloc(8192, 'full disk ');
const FILE_BLOCKS = 64;

function smallDisk(t: Test): string {
  const at = mkdtempSync(join(tmpdir(), 'magma-full-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}m`, 'magma-full', at]);
  if (mounted.status !== 0) throw new Error(`cannot mount a small tmpfs: ${mounted.stderr}`);
  t.teardown(() => {
    spawnSync('umount', ['-l', at]);
    rmSync(at, { recursive: true, force: true });
  });
  return at;
}

async function open(t: Test, volcano: Volcano): Promise<{ nfs: Nfs2Wire; root: Buffer }> {
  const mounts = await UdpWire.open(volcano.mountPort);
  const root = await mount(mounts, '/');
  mounts.close();
  const wire = await UdpWire.open(volcano.nfsPort);
  t.teardown(() => wire.close());
  return { nfs: new Nfs2Wire(wire), root };
}

/** Writes files until the disk is full; which there are, how many blocks the last has. */
async function fill(
  nfs: Nfs2Wire,
  directory: Buffer,
): Promise<{ files: Buffer[]; lastBlocks: number; status: number }> {
  const files: Buffer[] = [];
  for (;;) {
    const made = await nfs.call('CREATE', directory, `f${files.length}`, { mode: 0o644 });
    if (made.status !== Stat.OK) return { files, lastBlocks: FILE_BLOCKS, status: made.status };
    files.push(made.handle!);
    for (let block = 0; block < FILE_BLOCKS; block++) {
      const { status } = await nfs.call('WRITE', made.handle!, block * 8192, BLOCK);
      if (status !== Stat.OK) return { files, lastBlocks: block, status };
    }
  }
}

/** Fills a disk to its end with a file. */
function fillDisk(path: string): void {
  const file = openSync(path, 'w');
  // The last pages one by one.
  for (const block of [Buffer.alloc(1 << 20), Buffer.alloc(4096)]) {
    try {
      for (;;) writeSync(file, block);
    } catch (error) {
      if ((error as { code?: string }).code !== 'ENOSPC') throw error;
    }
  }
  closeSync(file);
}

/** Asks until it is not refused for want of room: after each refusal again when the volcano has written or removed a file. */
async function whenRoom(volcano: Volcano, ask: () => Promise<Answer>): Promise<Answer> {
  let changed = Promise.withResolvers<void>();
  const watchers = [volcano.directory, join(volcano.directory, 'kml')].map((directory) =>
    watch(directory, () => changed.resolve()),
  );
  try {
    for (;;) {
      changed = Promise.withResolvers();
      const answer = await ask();
      if (answer.status !== Stat.NOSPC) return answer;
      await changed.promise;
    }
  } finally {
    for (const watcher of watchers) watcher.close();
  }
}

t.test(
  'a full disk: NOSPC before anything is half written; reads and removals go on; room comes back (RFC 1094 §2.3.1, NFSERR_NOSPC)',
  { skip: unmet({ root: true, commands: { mount: 'mount' } }), timeout: TEST_TIMEOUT },
  async (t) => {
    const at = smallDisk(t);
    const volcano = await Volcano.start(t, { directory: join(at, 'data') });
    const { nfs, root } = await open(t, volcano);
    const directory = (await nfs.ok('MKDIR', root, 'd', { mode: 0o755 })).handle!;
    const { files, lastBlocks, status } = await fill(nfs, directory);
    t.equal(status, Stat.NOSPC, `after ${files.length} files: NOSPC`);
    t.ok(files.length > 10, 'most of the disk could be used');
    const last = files.at(-1)!;
    t.equal(
      (await nfs.ok('GETATTR', last)).attributes!.size,
      lastBlocks * 8192,
      'the refused WRITE left nothing behind',
    );
    for (let again = 0; again < 20; again++)
      t.equal((await nfs.call('WRITE', last, lastBlocks * 8192, BLOCK)).status, Stat.NOSPC, 'it stays refused');
    t.equal((await nfs.call('WRITE', files[0]!, 0, BLOCK)).status, Stat.NOSPC, 'overwriting needs room in the log too');
    for (const [index, file] of files.entries()) {
      const blocks = index === files.length - 1 ? lastBlocks : FILE_BLOCKS;
      if (blocks === 0) continue;
      const { data } = await nfs.ok('READ', file, (blocks - 1) * 8192, 8192);
      if (!data!.equals(BLOCK)) t.fail(`file ${index} has other contents`);
    }
    t.pass('all is read');
    t.equal((await nfs.list(directory)).size, files.length + 2, 'and listed');

    t.equal(await volcano.stop(), 0, 'a full volcano stops in order');
    await volcano.start();
    t.ok((await nfs.ok('READ', files[0]!, 0, 8192)).data!.equals(BLOCK), 'and starts again');
    await volcano.kill();
    await volcano.start();
    t.ok((await nfs.ok('READ', files[0]!, 0, 8192)).data!.equals(BLOCK), 'after a crash too');

    for (let index = 0; index < files.length - 1; index++)
      t.equal((await nfs.call('REMOVE', directory, `f${index}`)).status, Stat.OK, `file ${index} is removed`);
    const made = await whenRoom(volcano, () => nfs.call('CREATE', directory, 'after', { mode: 0o644 }));
    t.equal(made.status, Stat.OK, 'room comes back when the log is compacted');
    // Segment by segment, while this goes on.
    for (let block = 0; block < FILE_BLOCKS * 4; block++) {
      const { status } = await whenRoom(volcano, () => nfs.call('WRITE', made.handle!, block * 8192, BLOCK));
      if (status !== Stat.OK) t.fail(`block ${block} is refused with ${status}`);
    }
    t.pass('enough of it to write on');
    volcano.assertAlive();
  },
);

t.test(
  'a disk that others fill: NOSPC, no crash, nothing that was answered is lost',
  { skip: unmet({ root: true, commands: { mount: 'mount' } }), timeout: TEST_TIMEOUT },
  async (t) => {
    const at = smallDisk(t);
    const volcano = await Volcano.start(t, { directory: join(at, 'data') });
    const { nfs, root } = await open(t, volcano);
    const file = (await nfs.ok('CREATE', root, 'file', { mode: 0o644 })).handle!;
    await nfs.ok('WRITE', file, 0, BLOCK);

    const foreign = openSync(join(at, 'foreign'), 'w');
    const mebibyte = Buffer.alloc(1 << 20);
    const filling = (): boolean => {
      try {
        writeSync(foreign, mebibyte);
        return true;
      } catch {
        return false;
      }
    };
    let answered = 1;
    let refused = 0;
    while (refused < 20) {
      filling();
      const { status } = await nfs.call('WRITE', file, answered * 8192, BLOCK);
      if (status === Stat.OK) answered++;
      else {
        refused++;
        t.equal(status, Stat.NOSPC, 'refused with NOSPC');
      }
    }
    while (filling());
    closeSync(foreign);
    t.equal((await nfs.call('WRITE', file, answered * 8192, BLOCK)).status, Stat.NOSPC, 'nothing at all is left');
    t.equal((await nfs.ok('GETATTR', file)).attributes!.size, answered * 8192, 'what was answered is there');
    rmSync(join(at, 'foreign'));
    const { status } = await whenRoom(volcano, () => nfs.call('WRITE', file, answered * 8192, BLOCK));
    t.equal(status, Stat.OK, 'and when the others have gone it is written on');
    await volcano.kill();
    await volcano.start();
    t.equal((await nfs.ok('GETATTR', file)).attributes!.size, (answered + 1) * 8192, 'after a crash too');
  },
);

t.test(
  'a disk without room for the index: that says so, goes on when there is room, and nothing is lost',
  { skip: unmet({ root: true, commands: { mount: 'mount' } }), timeout: TEST_TIMEOUT },
  async (t) => {
    const at = smallDisk(t);
    const host = await threadedIndexHost({ disk: await openDisk(at), logger: silentLogger });
    const apply = (lsn: number): Promise<void> | void => {
      const writer = new FlushWriter(host.memory());
      writer.note(`note ${lsn}`, Buffer.alloc(60_000, 'n'), 1);
      return host.apply({ mark: { lsn, segment: 1, position: 64 + lsn }, bytes: writer.written });
    };
    await apply(1);
    fillDisk(join(at, 'foreign'));
    const told = Promise.withResolvers<Error>();
    host.onFull(told.resolve);
    const applying = apply(2);
    t.match((await told.promise).message, /no room for the index/);
    t.equal(host.full, true);
    t.equal(host.applied.lsn, 1);
    t.ok(host.reader.note('note 1'), 'it can be read');
    await t.rejects(host.checkpoint(), IndexFullError);
    rmSync(join(at, 'foreign'));
    await applying;
    t.equal(host.full, false);
    t.equal((await host.checkpoint()).lsn, 2);
    t.equal(host.reader.note('note 2')?.value.length, 60_000);

    fillDisk(join(at, 'foreign'));
    const again = Promise.withResolvers<Error>();
    host.onFull(again.resolve);
    // The WAL keeps its room: it takes more than that.
    const waiting = [3, 4, 5, 6, 7, 8].map((lsn) => Promise.resolve(apply(lsn)).catch((error: unknown) => error));
    await again.promise;
    await host.close();
    t.ok((await waiting.at(-1)) instanceof Error, 'closing does not wait for room');
  },
);
