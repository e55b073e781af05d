import t from 'tap';
import { FakeKernel, type Field, fakeMount, INIT_FIELDS, u32 } from '../testing/kernel.ts';
import { type InitAnswer, IO_MAX, negotiate } from './init.ts';
import { Opcode } from './numbers.ts';
import { Request } from './request.ts';

/* INIT (uapi/linux/fuse.h: version negotiation, `fuse_init_in`, `fuse_init_out`). */

function asked(fields: readonly Field[]): InitAnswer {
  const { bytes } = new FakeKernel().request(Opcode.INIT, fields);
  return negotiate(new Request(bytes, bytes.length));
}

function bodyOf(answer: InitAnswer): Buffer {
  if (answer.kind === 'refused') throw new Error(answer.why);
  return answer.reply.message(1).subarray(16);
}

t.test('a kernel of today: 1 MiB at once, read-ahead as it wants, no writeback cache', async (t) => {
  const answer = asked(INIT_FIELDS);
  const body = bodyOf(answer);
  t.equal(body.length, 64);
  t.same([body.readUInt32LE(0), body.readUInt32LE(4), body.readUInt32LE(8)], [7, 39, 131072]);
  const flags = body.readUInt32LE(12);
  for (const [name, bit] of [
    ['BIG_WRITES', 5],
    ['DO_READDIRPLUS', 13],
    ['PARALLEL_DIROPS', 18],
    ['MAX_PAGES', 22],
  ] as const) {
    t.ok(flags & (1 << bit), name);
  }
  t.notOk(flags & (1 << 16), 'WRITEBACK_CACHE');
  t.equal(flags & ((1 << 1) | (1 << 10)), (1 << 1) | (1 << 10), 'POSIX_LOCKS, FLOCK_LOCKS: the kernel asks for locks');
  t.equal(body.readUInt32LE(20), IO_MAX);
  t.equal(body.readUInt16LE(28) * 4096, IO_MAX);
  t.equal(body.readUInt32LE(32), 1 << 4, 'DIRECT_IO_ALLOW_MMAP');
});

t.test('only what the kernel has is agreed on', async (t) => {
  const old = asked([u32(7), u32(31), u32(4096), u32(1 << 5)]);
  t.equal(bodyOf(old).readUInt32LE(12), 1 << 5);
  t.equal(bodyOf(old).readUInt32LE(32), 0, 'flags2 is not read where there is none');
  t.match(old, { kind: 'agreed', negotiated: { minor: 31 } });
});

t.test('a newer major version is told ours, and asks again', async (t) => {
  const answer = asked([u32(8), u32(0), u32(0), u32(0)]);
  t.equal(answer.kind, 'again');
  t.same([bodyOf(answer).readUInt32LE(0), bodyOf(answer).readUInt32LE(4)], [7, 39]);
  const { kernel, session } = await fakeMount();
  await kernel.ask('INIT', [u32(8), u32(0), u32(0), u32(0)]);
  t.equal((await kernel.ask('GETATTR', [u32(0), u32(0)])).error, 'EINVAL', 'nothing is served before it is agreed');
  t.equal((await kernel.ask('INIT', INIT_FIELDS)).error, 'OK');
  await session.ready;
});

t.test('an old kernel is refused with a sentence', async (t) => {
  t.match(asked([u32(7), u32(30), u32(0), u32(0)]), { kind: 'refused', why: /speaks FUSE 7\.30.*7\.31/ });
  t.match(asked([u32(6), u32(40), u32(0), u32(0)]), { kind: 'refused' });
  const { kernel, session } = await fakeMount();
  t.equal((await kernel.ask('INIT', [u32(7), u32(8), u32(0), u32(0)])).error, 'EPROTO');
  await t.rejects(session.ready, { message: /speaks FUSE 7\.8/ });
});

t.test('a short INIT is refused', async (t) => {
  t.throws(() => asked([u32(7)]), { name: 'ProtocolError' });
  t.throws(() => asked([u32(7), u32(39), u32(0)]), { name: 'ProtocolError' });
});
