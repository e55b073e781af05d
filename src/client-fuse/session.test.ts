import t, { type Test } from 'tap';
import { seededRandom } from '../base/random.ts';
import { manualClock } from '../base/testing/manual-clock.ts';
import { chooseSeed } from '../base/testing/seed.ts';
import { FlareError } from '../flare/errors.ts';
import { MemoryService } from '../flare/testing/memory-service.ts';
import { FlareType } from '../flare/types.ts';
import { COMPLAINT_MS } from '../rpc/throttle.ts';
import { APPEND_TRIES } from './operations/io.ts';
import { Opcode, type OpcodeName } from './protocol/numbers.ts';
import { INTERRUPT_MS, KEPT_MAX, REQUESTS_MAX } from './session.ts';
import {
  type Answered,
  bytesOf,
  type FakeMount,
  type Field,
  fakeMount,
  readyMount,
  u32,
  u64,
} from './testing/kernel.ts';

/* What a session answers, to whom, and how often (docs/mount.magma.md; uapi/linux/fuse.h). */

const KEEP_CACHE = 2;
const NODE = (answer: Answered): number => Number(answer.body.readBigUInt64LE(0));
const READ = (fh: number, offset: number, size: number): Field[] => [
  u64(fh),
  u64(offset),
  u32(size),
  u32(0),
  u64(0),
  u64(0),
];
const WRITE = (fh: number, offset: number, data: string): Field[] => [
  u64(fh),
  u64(offset),
  u32(data.length),
  u32(0),
  u64(0),
  u64(0),
  Buffer.from(data),
];

/** A service whose reads and writes wait until they are let go. */
class SlowService extends MemoryService {
  readonly waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  slow = true;

  #wait<T>(work: () => T): Promise<T> {
    if (!this.slow) return Promise.resolve().then(work);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.waiting.push({ resolve, reject });
    return promise.then(work);
  }

  override write(...args: Parameters<MemoryService['write']>): any {
    return this.#wait(() => super.write(...args));
  }

  override lookup(...args: Parameters<MemoryService['lookup']>): any {
    return this.#wait(() => super.lookup(...args));
  }
}

function slowService(): SlowService {
  return new SlowService({ clock: manualClock(), random: seededRandom(1), root: { mode: 0o777 } });
}

/** A new file, opened: its node and its handle. */
async function opened({ kernel }: FakeMount, name: string): Promise<{ nodeid: number; fh: number }> {
  const answer = await kernel.ask('CREATE', [u32(2), u32(0o644), u32(0), u32(0), name]);
  return { nodeid: NODE(answer), fh: Number(answer.body.readBigUInt64LE(128)) };
}

t.test(
  'what is not known is answered with ENOSYS: the kernel does it itself, or says that it is not supported',
  async (t) => {
    const { kernel } = await readyMount();
    // SETXATTR to REMOVEXATTR, BMAP, IOCTL, POLL, FALLOCATE, LSEEK, COPY_FILE_RANGE, STATX, one of the future.
    for (const opcode of [21, 22, 23, 24, 37, 39, 40, 43, 46, 47, 52, 4000]) {
      const { bytes, unique } = kernel.request(opcode, [Buffer.alloc(64)]);
      kernel.deliver(bytes);
      t.equal((await kernel.answer(unique)).error, 'ENOSYS', String(opcode));
    }
    t.equal((await kernel.ask('DESTROY', [])).error, 'OK');
  },
);

t.test(
  'what the service refuses is answered with the errno of that name; what nobody expects with EIO and a line',
  async (t) => {
    const service = slowService();
    const mount = await readyMount({ service });
    for (const [status, errno] of [
      ['NOENT', 'OK'],
      ['ACCES', 'EACCES'],
      ['STALE', 'ESTALE'],
      ['NAMETOOLONG', 'ENAMETOOLONG'],
      ['DQUOT', 'EDQUOT'],
      ['VERSION', 'EIO'],
    ] as const) {
      const unique = mount.kernel.tell('LOOKUP', ['a']);
      service.waiting.shift()!.reject(FlareError.of(status));
      t.equal((await mount.kernel.answer(unique)).error, errno, status);
    }
    t.same(mount.logged, []);
    const unique = mount.kernel.tell('LOOKUP', ['a']);
    service.waiting.shift()!.reject(new Error('the volcano is away'));
    t.equal((await mount.kernel.answer(unique)).error, 'EIO');
    t.same(mount.logged, ['a request failed']);
  },
);

t.test('a name that means nothing is answered so that the kernel may remember it', async (t) => {
  const { kernel } = await readyMount();
  const { error, body } = await kernel.ask('LOOKUP', ['nothing']);
  t.equal(error, 'OK');
  t.equal(body.length, 128);
  t.equal(NODE({ error, body }), 0);
  t.equal(Number(body.readBigUInt64LE(16)), 1, 'for a second');
});

t.test('references are counted: a node lives until all of them are forgotten', async (t) => {
  const { kernel, context } = await readyMount();
  const made = await kernel.ask('MKNOD', [u32(0o100644), u32(0), u32(0), u32(0), 'a']);
  const nodeid = NODE(made);
  t.equal(NODE(await kernel.ask('LOOKUP', ['a'])), nodeid, 'the same flare is the same node');
  kernel.tell('FORGET', [u64(1)], { nodeid });
  t.equal((await kernel.ask('GETATTR', [u32(0), u32(0), u64(0)], { nodeid })).error, 'OK');
  kernel.tell('BATCH_FORGET', [u32(2), u32(0), u64(nodeid), u64(1), u64(12345), u64(1)]);
  t.equal((await kernel.ask('GETATTR', [u32(0), u32(0), u64(0)], { nodeid })).error, 'ESTALE');
  t.equal(context.nodes.count, 1, 'the root');
  kernel.tell('FORGET', [u64(1000)]);
  t.equal((await kernel.ask('GETATTR', [u32(0), u32(0), u64(0)])).error, 'OK', 'the root stays');
  t.not(NODE(await kernel.ask('LOOKUP', ['a'])), nodeid, 'numbers are not used again');
});

t.test('a file that came under the name of a removed one is another node', async (t) => {
  const { kernel } = await readyMount();
  const first = NODE(await kernel.ask('MKNOD', [u32(0o100644), u32(0), u32(0), u32(0), 'a']));
  t.equal((await kernel.ask('UNLINK', ['a'])).error, 'OK');
  const second = NODE(await kernel.ask('MKNOD', [u32(0o100644), u32(0), u32(0), u32(0), 'a']));
  t.not(first, second);
  t.equal((await kernel.ask('GETATTR', [u32(0), u32(0), u64(0)], { nodeid: first })).error, 'ESTALE');
  kernel.tell('FORGET', [u64(1)], { nodeid: first });
  t.equal(NODE(await kernel.ask('LOOKUP', ['a'])), second, 'the end of the old one is not that of the new one');
});

t.test('answers that nobody waits for take back what they would have given', async (t) => {
  const mount = await readyMount();
  const { kernel, context } = mount;
  await kernel.ask('MKNOD', [u32(0o100644), u32(0), u32(0), u32(0), 'a']);
  const before = context.nodes.count;
  const { bytes, unique } = kernel.request(Opcode.CREATE, [u32(2), u32(0o644), u32(0), u32(0), 'b']);
  kernel.aborted.add(unique);
  kernel.deliver(bytes);
  t.equal(context.nodes.count, before);
  t.equal(context.handles.count, 0);
  const list = await kernel.ask('OPENDIR', [u32(0), u32(0)]);
  const fh = Number(list.body.readBigUInt64LE(0));
  const plus = kernel.request(Opcode.READDIRPLUS, READ(fh, 0, 4096));
  kernel.aborted.add(plus.unique);
  kernel.deliver(plus.bytes);
  while (mount.session.underWay > 0) await new Promise(setImmediate);
  t.equal(context.nodes.count, before);
});

t.test('a listing that begins anew shows what is there now', async (t) => {
  const { kernel } = await readyMount();
  const list = await kernel.ask('OPENDIR', [u32(0), u32(0)]);
  const fh = Number(list.body.readBigUInt64LE(0));
  const names = async (): Promise<string> => (await kernel.ask('READDIR', READ(fh, 0, 4096))).body.toString('latin1');
  t.notMatch(await names(), /made/);
  await kernel.ask('MKDIR', [u32(0o755), u32(0), 'made']);
  t.match(await names(), /made/);
});

t.test('an open tells the kernel that others have changed the file, so that it asks for the size', async (t) => {
  const mount = await readyMount();
  const { kernel, service, context } = mount;
  const { nodeid } = await opened(mount, 'a');
  const open = async (): Promise<number> =>
    (await kernel.ask('OPEN', [u32(0), u32(0)], { nodeid })).body.readUInt32LE(8);
  t.equal(await open(), KEEP_CACHE);
  t.equal(kernel.notified.length, 0);
  await service.write({ uid: 0, gid: 0, gids: [] }, context.nodes.get(nodeid).id, 0, Buffer.from('more'));
  t.equal(await open(), 0, 'what was cached is not what is there');
  const [message] = kernel.notified;
  t.equal(message!.readInt32LE(4), 2, 'FUSE_NOTIFY_INVAL_INODE');
  t.same([message!.readBigUInt64LE(16), message!.readBigInt64LE(24)], [BigInt(nodeid), -1n]);
  await kernel.ask('GETATTR', [u32(0), u32(0), u64(0)], { nodeid });
  t.equal(await open(), KEEP_CACHE);
  t.equal(kernel.notified.length, 1);
});

t.test('handles are those that were given, of that node, and of that kind', async (t) => {
  const mount = await readyMount();
  const { kernel } = mount;
  const { nodeid, fh } = await opened(mount, 'a');
  const other = await opened(mount, 'b');
  t.equal((await kernel.ask('READ', READ(fh + 1000, 0, 10), { nodeid })).error, 'EBADF');
  t.equal((await kernel.ask('READ', READ(other.fh, 0, 10), { nodeid })).error, 'EBADF');
  t.equal((await kernel.ask('READDIR', READ(fh, 0, 4096), { nodeid })).error, 'EBADF');
  t.equal((await kernel.ask('RELEASE', [u64(fh), u32(0), u32(0), u64(0)], { nodeid })).error, 'OK');
  t.equal((await kernel.ask('FSYNC', [u64(fh), u32(0), u32(0)], { nodeid })).error, 'EBADF');
});

t.test('lengths and offsets that no kernel sends are refused, and reads beyond the end are empty', async (t) => {
  const mount = await readyMount();
  const { kernel } = mount;
  const { nodeid, fh } = await opened(mount, 'a');
  t.equal((await kernel.ask('WRITE', WRITE(fh, 3, 'text'), { nodeid })).error, 'OK');
  t.equal((await kernel.ask('READ', READ(fh, 0, 100), { nodeid })).body.toString(), '\0\0\0text');
  t.equal((await kernel.ask('READ', READ(fh, 0, 2 ** 20 + 1), { nodeid })).error, 'EINVAL');
  const far = Buffer.from('ffffffffffffffff', 'hex');
  const tail = [u32(10), u32(0), u64(0), u64(0)];
  t.equal((await kernel.ask('READ', [u64(fh), far, ...tail], { nodeid })).body.length, 0);
  t.equal((await kernel.ask('WRITE', [u64(fh), far, ...tail, Buffer.alloc(10)], { nodeid })).error, 'EFBIG');
  t.equal((await kernel.ask('WRITE', [u64(fh), u64(0), ...tail, Buffer.alloc(9)], { nodeid })).error, 'EINVAL');
  t.equal((await kernel.ask('WRITE', [u64(fh), u64(0), ...tail, Buffer.alloc(11)], { nodeid })).error, 'EINVAL');
  const list = await kernel.ask('OPENDIR', [u32(0), u32(0)]);
  const directory = Number(list.body.readBigUInt64LE(0));
  t.equal((await kernel.ask('READDIR', READ(directory, 0, 2 ** 20 + 1))).error, 'EINVAL');
  t.equal((await kernel.ask('READDIR', READ(directory, 0, 8))).body.length, 0, 'no room for one entry');
});

t.test('data of a WRITE stay whole while it waits; the memory of other requests is used again at once', async (t) => {
  const service = slowService();
  const mount = await readyMount({ service });
  const { nodeid, fh } = await opened(mount, 'a');
  const unique = mount.kernel.tell('WRITE', WRITE(fh, 0, 'kept'), { nodeid });
  const looked = mount.kernel.tell('LOOKUP', ['a']);
  for (const { resolve } of service.waiting) resolve();
  t.equal((await mount.kernel.answer(unique)).error, 'OK');
  t.equal(NODE(await mount.kernel.answer(looked)), nodeid);
  t.equal((await mount.kernel.ask('READ', READ(fh, 0, 10), { nodeid })).body.toString(), 'kept');
});

t.test('INTERRUPT: a request that hangs is answered with EINTR after a while, and its result is dropped', async (t) => {
  const service = slowService();
  const { kernel, clock, context, session } = await readyMount({ service });
  service.slow = false;
  await kernel.ask('MKNOD', [u32(0o100644), u32(0), u32(0), u32(0), 'a']);
  service.slow = true;
  const quick = kernel.tell('LOOKUP', ['a']);
  const hanging = kernel.tell('LOOKUP', ['a']);
  for (const unique of [quick, hanging, hanging, 4242]) {
    kernel.deliver(kernel.request(Opcode.INTERRUPT, [u64(unique)]).bytes);
  }
  clock.advance(INTERRUPT_MS - 1);
  t.notOk(kernel.answers.has(hanging), 'a signal does not break off what is about to be answered');
  service.waiting.shift()!.resolve();
  t.equal((await kernel.answer(quick)).error, 'OK');
  kernel.tell('FORGET', [u64(2)], { nodeid: NODE(await kernel.answer(quick)) });
  t.equal(context.nodes.count, 1, 'the root');
  clock.advance(1);
  t.equal((await kernel.answer(hanging)).error, 'EINTR');
  t.equal(session.underWay, 0);
  service.waiting.shift()!.resolve();
  await new Promise(setImmediate);
  t.equal(context.nodes.count, 1, 'the reference that nobody heard of is taken back');
});

t.test('what is under way is bounded: beyond that nothing is read until something is answered', async (t) => {
  const service = slowService();
  const mount = await readyMount({ service });
  const { kernel } = mount;
  const { nodeid, fh } = await opened(mount, 'a');
  const writes = Array.from({ length: KEPT_MAX }, (_, at) => kernel.tell('WRITE', WRITE(fh, at, 'x'), { nodeid }));
  t.equal(kernel.paused, true);
  service.waiting.shift()!.resolve();
  await kernel.answer(writes[0]!);
  t.equal(kernel.paused, false);
  for (const { resolve } of service.waiting.splice(0)) resolve();
  await kernel.answer(writes.at(-1)!);
  const lookups = Array.from({ length: REQUESTS_MAX }, () => kernel.tell('LOOKUP', ['a']));
  t.equal(kernel.paused, true);
  for (const { resolve } of service.waiting.splice(0)) resolve();
  await kernel.answer(lookups.at(-1)!);
  t.equal(kernel.paused, false);
});

t.test('an append that others are always quicker with is given up', async (t) => {
  const service = new MemoryService({ clock: manualClock(), random: seededRandom(1), root: { mode: 0o777 } });
  const mount = await readyMount({ service });
  const { kernel, context } = mount;
  const { nodeid } = await opened(mount, 'a');
  const fh = Number((await kernel.ask('OPEN', [u32(0o2001), u32(0)], { nodeid })).body.readBigUInt64LE(0));
  const { id } = context.nodes.get(nodeid);
  const root = { uid: 0, gid: 0, gids: [] };
  service.write(root, id, 0, Buffer.from('theirs'));
  t.equal((await kernel.ask('WRITE', WRITE(fh, 0, ' ours'), { nodeid })).error, 'OK');
  t.equal(service.read(root, id, 0, 100).data.toString(), 'theirs ours', 'it is put behind what others wrote');
  const write = service.write.bind(service);
  let tries = 0;
  service.write = (caller, what, offset, data, expect) => {
    tries += 1;
    write(root, id, 0, Buffer.from('T'));
    return write(caller, what, offset, data, expect);
  };
  t.equal((await kernel.ask('WRITE', WRITE(fh, 0, 'lost'), { nodeid })).error, 'EIO');
  t.equal(tries, APPEND_TRIES);
});

t.test('before INIT nothing is served, and what is no request is dropped', async (t) => {
  const { kernel, logged, clock } = await fakeMount();
  t.equal((await kernel.ask('STATFS', [])).error, 'EINVAL');
  const { bytes } = kernel.request(Opcode.STATFS, []);
  kernel.deliver(bytes, 39);
  bytes.fill(0xff);
  kernel.deliver(bytes);
  t.equal(logged.length, 1, 'and the log is not filled with it');
  clock.advance(COMPLAINT_MS);
  kernel.deliver(bytes);
  t.equal(logged.length, 2);
});

t.test('the end: what hangs is let go, and files that were removed while they were open go', async (t) => {
  const mount = await readyMount();
  const { kernel, session, service } = mount;
  await opened(mount, 'a');
  t.equal((await kernel.ask('UNLINK', ['a'])).error, 'OK');
  const root = { uid: 0, gid: 0, gids: [] };
  t.match((await service.readdir(root, service.root(), 0, 10)).entries, [{ name: /^\.nfs/ }]);
  kernel.end();
  t.equal(await session.ended, null);
  t.equal((await service.readdir(root, service.root(), 0, 10)).entries.length, 0);
});

t.test(
  'whatever bytes come, each request is answered once, and what is right is served after it',
  { timeout: 60_000 },
  async (t: Test) => {
    const seed = chooseSeed();
    t.comment(`MAGMA_SEED=${seed} repeats this run`);
    const random = seededRandom(seed);
    const mount = await readyMount({ random });
    const { kernel, service, session, clock } = mount;
    const root = { uid: 0, gid: 0, gids: [] };
    await service.create(root, service.root(), 'f', { type: FlareType.file, mode: 0o644 });
    await service.create(root, service.root(), 'd', { type: FlareType.directory, mode: 0o755 });
    const { nodeid, fh } = await opened(mount, 'o');
    const names = Object.keys(Opcode) as OpcodeName[];
    const silent: readonly OpcodeName[] = ['FORGET', 'BATCH_FORGET', 'INTERRUPT', 'INIT'];
    const small = (): Field => u32([0, 1, 2, 5, 100, 4096, 2 ** 20, 2 ** 32 - 1][random.below(8)]!);
    const large = (): Field => u64([0, 1, fh, nodeid, 4096, 2 ** 40, 2 ** 53 - 1, 2 ** 62][random.below(8)]!);
    const field = (): Field => {
      const kind = random.below(5);
      if (kind === 0) return small();
      if (kind === 1) return large();
      if (kind === 2) return ['a', 'f', 'd', 'o', '', '..', 'x/y', 'n'.repeat(300)][random.below(8)]!;
      if (kind === 3) return random.bytes(random.below(200));
      return Buffer.alloc(8 * random.below(12));
    };
    for (let count = 0; count < 6000; count++) {
      const name = names[random.below(names.length)]!;
      const fields = Array.from({ length: random.below(7) }, field);
      const about = { nodeid: [1, nodeid, 2, 3, 99999][random.below(5)]!, uid: random.below(2) * 1000 };
      const { bytes, unique } = kernel.request(Opcode[name], fields, about);
      kernel.deliver(bytes);
      if (name === 'SETLKW') {
        // It may wait for another owner, which never lets go.
        kernel.deliver(kernel.request(Opcode.INTERRUPT, [u64(unique)]).bytes);
        clock.advance(INTERRUPT_MS);
      }
      if (!silent.includes(name)) await kernel.answer(unique);
    }
    t.equal(session.underWay, 0);
    t.equal((await kernel.ask('GETATTR', [u32(0), u32(0), u64(0)])).error, 'OK');
    t.equal(bytesOf([]).length, 0);
  },
);
