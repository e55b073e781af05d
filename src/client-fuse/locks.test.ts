import t from 'tap';
import { seededRandom } from '../base/random.ts';
import { type ManualClock, manualClock } from '../base/testing/manual-clock.ts';
import { UnavailableError } from '../flare/errors.ts';
import { LOCK_END, LOCK_WAIT_MS } from '../flare/locks/types.ts';
import type { FlareService } from '../flare/service.ts';
import { MemoryService } from '../flare/testing/memory-service.ts';
import { F_RDLCK, F_UNLCK, F_WRLCK, LK_FLOCK, Opcode } from './protocol/numbers.ts';
import { INTERRUPT_MS } from './session.ts';
import { type FakeMount, type FakeOptions, type Field, readyMount, u32, u64 } from './testing/kernel.ts';

/* Locks as the kernel asks for them, of two mounts of one tree (docs/mount.magma.md, "Locks"): what is asked of the volcano and when, what becomes of lost answers and of lost locks. */

const LEASE_MS = 30_000;
const END = Buffer.from('ffffffffffffff7f', 'hex');

interface Opened {
  readonly mount: FakeMount;
  readonly nodeid: number;
  readonly fh: number;
  /** A lock by that owner: `R`, `W`, or `U`, in words what becomes of it. */
  lock(owner: number, type: number, from?: number, length?: number, flags?: number): Promise<string>;
  tell(owner: number, type: number, opcode?: 'SETLK' | 'SETLKW', from?: number, length?: number): number;
}

function fields(fh: number, owner: number, type: number, from = 0, length?: number, flags = 0): Field[] {
  const last = length === undefined ? END : u64(from + length - 1);
  return [u64(fh), u64(owner), u64(from), last, u32(type), u32(4000 + owner), u32(flags), u32(0)];
}

/** Mounts the service once more, and opens the file `f` there. */
async function opened(service: FlareService, clock: ManualClock, options: FakeOptions = {}): Promise<Opened> {
  const mount = await readyMount({
    service,
    clock,
    leaseMs: LEASE_MS,
    random: seededRandom(Math.floor(clock.monotonic())),
    ...options,
  });
  const { kernel } = mount;
  await kernel.ask('MKNOD', [u32(0o100666), u32(0), u32(0), u32(0), 'f']);
  const nodeid = Number((await kernel.ask('LOOKUP', ['f'])).body.readBigUInt64LE(0));
  const fh = Number((await kernel.ask('OPEN', [u32(2), u32(0)], { nodeid })).body.readBigUInt64LE(0));
  return {
    ...{ mount, nodeid, fh },
    lock: async (owner, type, from, length, flags) =>
      (await kernel.ask('SETLK', fields(fh, owner, type, from, length, flags), { nodeid })).error,
    tell: (owner, type, opcode = 'SETLKW', from, length) =>
      kernel.tell(opcode, fields(fh, owner, type, from, length), { nodeid }),
  };
}

async function two() {
  const clock = manualClock();
  const service = new MemoryService({ clock, random: seededRandom(1), root: { mode: 0o777 } });
  const one = await opened(service, clock, { random: seededRandom(7) });
  const other = await opened(service, clock, { random: seededRandom(8) });
  return { clock, service, one, other };
}

const read = (fh: number): Field[] => [u64(fh), u64(0), u32(100), u32(0), u64(0), u64(0)];

t.test('two mounts exclude each other, by bytes and by whole files; GETLK says what is in the way', async (t) => {
  const { one, other } = await two();
  t.equal(await one.lock(1, F_WRLCK, 10, 10), 'OK');
  t.equal(await other.lock(1, F_RDLCK), 'EAGAIN', 'the same number there is another process');
  t.equal(await other.lock(1, F_RDLCK, 20), 'OK');
  t.equal(await other.lock(1, F_WRLCK, 0, undefined, LK_FLOCK), 'OK', 'the kinds do not meet');
  t.equal(await one.lock(2, F_WRLCK, 0, undefined, LK_FLOCK), 'EAGAIN');
  const test = async ({ mount, fh, nodeid }: Opened, owner: number) => {
    const { body } = await mount.kernel.ask('GETLK', fields(fh, owner, F_WRLCK), { nodeid });
    return [body.readBigUInt64LE(0), body.readBigUInt64LE(8), body.readUInt32LE(16), body.readUInt32LE(20)];
  };
  t.same(await test(one, 3), [10n, 19n, F_WRLCK, 4001]);
  t.same(await test(one, 1), [20n, LOCK_END, F_RDLCK, 0], 'processes of another machine have no number here');
  await one.lock(1, F_UNLCK);
  t.same(await test(other, 1), [0n, LOCK_END, F_UNLCK, 0]);
  t.equal((await one.mount.kernel.ask('SETLK', fields(one.fh, 1, 9), { nodeid: one.nodeid })).error, 'EINVAL');
  t.equal((await one.mount.kernel.ask('SETLK', fields(99, 1, F_RDLCK), { nodeid: one.nodeid })).error, 'EBADF');
});

t.test('a process that closes the file has no locks of it; an open file that goes has none either', async (t) => {
  const { one, other, service } = await two();
  const { kernel } = one.mount;
  let asked = 0;
  const { lock } = service.locks;
  service.locks.lock = (...args) => {
    asked += 1;
    return lock.apply(service.locks, args);
  };
  await one.lock(1, F_WRLCK);
  await one.lock(5, F_WRLCK, 0, undefined, LK_FLOCK);
  asked = 0;
  await kernel.ask('FLUSH', [u64(one.fh), u32(0), u32(0), u64(2)], { nodeid: one.nodeid });
  t.equal(asked, 0, 'who has none costs nothing');
  t.equal(await other.lock(1, F_WRLCK), 'EAGAIN');
  await kernel.ask('FLUSH', [u64(one.fh), u32(0), u32(0), u64(1)], { nodeid: one.nodeid });
  t.equal(await other.lock(1, F_WRLCK), 'OK');
  t.equal(await other.lock(1, F_WRLCK, 0, undefined, LK_FLOCK), 'EAGAIN');
  await kernel.ask('RELEASE', [u64(one.fh), u32(0), u32(2), u64(5)], { nodeid: one.nodeid });
  t.equal(await other.lock(1, F_WRLCK, 0, undefined, LK_FLOCK), 'OK');
  t.equal(one.mount.context.locks.files, 0);
});

t.test('a lock that is waited for is given when it is free; who is interrupted has none', async (t) => {
  const { one, other, clock } = await two();
  await one.lock(1, F_WRLCK);
  const unique = other.tell(1, F_WRLCK);
  const { kernel } = other.mount;
  const interrupted = other.tell(2, F_RDLCK);
  await new Promise(setImmediate);
  t.equal(kernel.answers.size > 0 && kernel.answers.has(unique), false);
  kernel.deliver(kernel.request(Opcode.INTERRUPT, [u64(interrupted)]).bytes);
  clock.advance(INTERRUPT_MS);
  t.equal((await kernel.answer(interrupted)).error, 'EINTR');
  t.equal(await one.lock(1, F_UNLCK), 'OK');
  t.equal((await kernel.answer(unique)).error, 'OK');
  t.equal(await other.lock(1, F_UNLCK), 'OK');
  await new Promise(setImmediate);
  t.equal(await one.lock(1, F_WRLCK), 'OK', 'what came too late for who was interrupted was given back');
  // However long it takes.
  const long = other.tell(1, F_RDLCK);
  for (let turn = 0; turn < 20; turn++) {
    clock.advance(LOCK_WAIT_MS / 2);
    await new Promise(setImmediate);
  }
  t.notOk(kernel.answers.has(long));
  await one.lock(1, F_UNLCK);
  t.equal((await kernel.answer(long)).error, 'OK');
});

t.test('a grant that nobody hears of leaves the owner what it had', async (t) => {
  const { one, other, clock } = await two();
  const { kernel } = one.mount;
  await one.lock(1, F_RDLCK, 0, 10);
  await other.lock(1, F_RDLCK, 5, 1);
  const upgrade = one.tell(1, F_WRLCK, 'SETLKW', 0, 20);
  await new Promise(setImmediate);
  kernel.deliver(kernel.request(Opcode.INTERRUPT, [u64(upgrade)]).bytes);
  kernel.aborted.add(upgrade);
  await other.lock(1, F_UNLCK);
  clock.advance(0);
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
  t.equal(await other.lock(1, F_WRLCK, 0, 10), 'EAGAIN');
  t.equal(await other.lock(1, F_RDLCK, 0, 10), 'OK', 'it reads again, and no more');
  t.equal(await other.lock(1, F_WRLCK, 10), 'OK');
});

t.test(
  'flock: who wants more gives up what it had before it waits, so that two do not wait for each other',
  async (t) => {
    const { one, other } = await two();
    for (const mount of [one, other]) t.equal(await mount.lock(1, F_RDLCK, 0, undefined, LK_FLOCK), 'OK');
    const up = [one, other].map(({ mount, fh, nodeid }) => ({
      kernel: mount.kernel,
      unique: mount.kernel.tell('SETLKW', fields(fh, 1, F_WRLCK, 0, undefined, LK_FLOCK), { nodeid }),
    }));
    const first = await Promise.race(up.map(({ kernel, unique }, at) => kernel.answer(unique).then(() => at)));
    await [one, other][first]!.lock(1, F_UNLCK, 0, undefined, LK_FLOCK);
    for (const { kernel, unique } of up) t.equal((await kernel.answer(unique)).error, 'OK');
  },
);

t.test('the volcanos hear of a mount that has locks as long as it has some, and of no other', async (t) => {
  const { one, other, clock, service } = await two();
  const kept: number[] = [];
  const { keep } = service.locks;
  service.locks.keep = (holder, ids) => {
    kept.push(ids.length);
    return keep.call(service.locks, holder, ids);
  };
  clock.advance(2 * LEASE_MS);
  t.same(kept, []);
  await one.lock(1, F_WRLCK);
  for (let turn = 0; turn < 9; turn++) {
    clock.advance(LEASE_MS / 3);
    await new Promise(setImmediate);
  }
  t.same(kept, new Array(9).fill(1));
  t.equal(await other.lock(1, F_WRLCK), 'EAGAIN');
  t.equal(await one.lock(1, F_UNLCK), 'OK');
  clock.advance(2 * LEASE_MS);
  t.equal(kept.length, 9);
});

t.test('locks that were lost: files by which they were taken fail until they are closed', async (t) => {
  const { one, other, clock, service } = await two();
  const { kernel, logged, context } = one.mount;
  const { nodeid } = one;
  const bystander = Number((await kernel.ask('OPEN', [u32(2), u32(0)], { nodeid })).body.readBigUInt64LE(0));
  await one.lock(1, F_WRLCK);
  const { keep } = service.locks;
  service.locks.keep = () => {
    throw new UnavailableError('the volcano is away');
  };
  clock.advance(LEASE_MS + 1);
  t.equal(
    (await kernel.ask('READ', read(one.fh), { nodeid })).error,
    'EIO',
    'it is not known whether it is still there',
  );
  service.locks.keep = keep;
  t.equal(await other.lock(1, F_WRLCK), 'OK');
  t.equal((await kernel.ask('READ', read(one.fh), { nodeid })).error, 'EIO');
  t.match(logged, [/a request failed/, /locks of a file are lost/]);
  t.equal(await one.lock(1, F_WRLCK), 'EIO');
  t.equal(
    (await kernel.ask('GETATTR', [u32(1), u32(0), u64(one.fh)], { nodeid })).error,
    'EIO',
    'nor from what is cached',
  );
  t.equal((await kernel.ask('READ', read(bystander), { nodeid })).error, 'OK');
  const ttl = async () =>
    Number((await kernel.ask('GETATTR', [u32(0), u32(0), u64(0)], { nodeid })).body.readBigUInt64LE(0));
  t.equal(await ttl(), 0, 'the kernel asks each time');
  await kernel.ask('FLUSH', [u64(one.fh), u32(0), u32(0), u64(1)], { nodeid });
  t.equal((await kernel.ask('RELEASE', [u64(one.fh), u32(0), u32(0), u64(1)], { nodeid })).error, 'OK');
  t.equal(await ttl(), 1);
  t.equal(context.locks.files, 0);
  await other.lock(1, F_UNLCK);
  const again = Number((await kernel.ask('OPEN', [u32(2), u32(0)], { nodeid })).body.readBigUInt64LE(0));
  t.equal((await kernel.ask('SETLK', fields(again, 1, F_WRLCK), { nodeid })).error, 'OK');
  t.equal((await kernel.ask('READ', read(again), { nodeid })).error, 'OK');
});

t.test('locks that a new one shows to be lost are lost, and the new one counts', async (t) => {
  const { one, service } = await two();
  const { kernel, context } = one.mount;
  const { nodeid } = one;
  const second = Number((await kernel.ask('OPEN', [u32(2), u32(0)], { nodeid })).body.readBigUInt64LE(0));
  await one.lock(1, F_WRLCK, 0, 10);
  const root = { uid: 0, gid: 0, gids: [] };
  const { id } = context.nodes.get(nodeid);
  const held = service.locks.test(root, id, {
    kind: 0,
    holder: 'x',
    owner: 'x',
    mode: 'exclusive',
    start: 0n,
    last: LOCK_END,
    pid: 0,
    leaseMs: 0,
  });
  service.locks.release(held!.holder, [id]);
  t.equal((await kernel.ask('SETLK', fields(second, 2, F_WRLCK, 20, 10), { nodeid })).error, 'OK');
  t.equal((await kernel.ask('READ', read(one.fh), { nodeid })).error, 'EIO');
  t.equal((await kernel.ask('READ', read(second), { nodeid })).error, 'OK');
});

t.test('a volcano that was away is told later what was given back meanwhile', async (t) => {
  const { one, other, service, clock } = await two();
  await one.lock(1, F_WRLCK, 0, 20);
  const { lock } = service.locks;
  service.locks.lock = () => {
    throw new UnavailableError('the volcano is away');
  };
  t.equal(await one.lock(1, F_UNLCK, 0, 10), 'OK', 'it is nobody’s here');
  t.equal(await one.lock(1, F_WRLCK, 30, 10), 'EIO');
  service.locks.lock = lock;
  t.equal(await other.lock(1, F_WRLCK, 0, 10), 'EAGAIN');
  for (let turn = 0; turn < 5; turn++) {
    clock.advance(LEASE_MS / 5);
    await new Promise(setImmediate);
  }
  t.equal(await other.lock(1, F_WRLCK, 0, 10), 'OK');
  t.equal(await other.lock(1, F_WRLCK, 10, 10), 'EAGAIN');
});

t.test('what others wrote while they had the lock is read by who has it next', async (t) => {
  const { one, other } = await two();
  const { kernel } = one.mount;
  const write = async (mount: typeof one): Promise<void> => {
    const fields = [u64(mount.fh), u64(0), u32(4), u32(0), u64(0), u64(0), Buffer.from('text')];
    t.equal((await mount.mount.kernel.ask('WRITE', fields, { nodeid: mount.nodeid })).error, 'OK');
  };
  const taken = async (): Promise<number> => {
    const before = kernel.notified.length;
    t.equal(await one.lock(1, F_RDLCK), 'OK');
    await one.lock(1, F_UNLCK);
    return kernel.notified.length - before;
  };
  t.equal(await taken(), 1, 'what the kernel has may be older');
  const message = kernel.notified.at(-1)!;
  t.equal(message.readInt32LE(4), 2, 'FUSE_NOTIFY_INVAL_INODE');
  t.same([message.readBigUInt64LE(16), message.readBigInt64LE(24)], [BigInt(one.nodeid), 0n], 'of all pages');
  t.equal(await taken(), 0, 'nobody has written');
  await other.lock(1, F_WRLCK);
  await write(other);
  await other.lock(1, F_UNLCK);
  t.equal(await taken(), 1);
  await write(one);
  t.equal(await taken(), 1, 'others may have written before that, unnoticed');
});

t.test('who has taken a lock hears of it when the kernel has let go of old pages, whoever had it let go', async (t) => {
  const { one } = await two();
  const { kernel } = one.mount;
  const { promise, resolve } = Promise.withResolvers<void>();
  kernel.lettingGo = promise;
  const heard: string[] = [];
  const locks = [1, 2].map(async (owner) => {
    heard.push(await one.lock(owner, F_RDLCK));
  });
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  t.same(heard, []);
  t.equal(kernel.notified.length, 1);
  resolve();
  await Promise.all(locks);
  t.same(heard, ['OK', 'OK']);
});

t.test('the end of a mount gives its locks back at once', async (t) => {
  const { one, other } = await two();
  await one.lock(1, F_WRLCK);
  await one.lock(1, F_WRLCK, 0, undefined, LK_FLOCK);
  one.mount.kernel.end();
  t.equal(await one.mount.session.ended, null);
  t.equal(await other.lock(1, F_WRLCK), 'OK');
  t.equal(await other.lock(1, F_WRLCK, 0, undefined, LK_FLOCK), 'OK');
});
