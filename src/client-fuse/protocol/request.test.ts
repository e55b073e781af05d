import t from 'tap';
import { bytesOf, FakeKernel, type Field, u32, u64 } from '../testing/kernel.ts';
import { IN_HEADER_BYTES, Opcode } from './numbers.ts';
import { ProtocolError } from './refusal.ts';
import { Request } from './request.ts';

/* Every length and field from the kernel is checked (uapi/linux/fuse.h, `fuse_in_header`). */

function whole(fields: readonly Field[]): Buffer {
  return new FakeKernel().request(Opcode.LOOKUP, fields, { nodeid: 7, uid: 1000, gid: 100 }).bytes;
}

t.test('a request is read as it was made', async (t) => {
  const bytes = whole([u32(0xfffffffe), u64(2 ** 53 - 1), 'n\xe4me', Buffer.from([1, 2, 3])]);
  const request = new Request(bytes, bytes.length);
  t.match(request, { opcode: 1, unique: 2, nodeid: 7, uid: 1000, gid: 100, pid: 0 });
  t.equal(request.u32(), 0xfffffffe);
  t.equal(request.u64(), 2 ** 53 - 1);
  t.equal(request.name(), 'n\xe4me');
  t.same(request.data(3), Buffer.from([1, 2, 3]));
  t.equal(request.left, 0);
  request.finish();
});

t.test('what is no header, or not as long as it says, is refused', async (t) => {
  const bytes = whole([u64(1)]);
  for (const length of [0, 1, IN_HEADER_BYTES - 1, bytes.length - 1, bytes.length + 1]) {
    t.throws(() => new Request(Buffer.concat([bytes, Buffer.alloc(8)]), length), ProtocolError, `${length} bytes`);
  }
  t.throws(() => new Request(bytes, 2 ** 32), ProtocolError);
});

t.test('nothing is read beyond the end', async (t) => {
  const bytes = whole([u32(1)]);
  const reads: ((request: Request) => unknown)[] = [
    (request) => request.u64(),
    (request) => request.data(5),
    (request) => request.data(2 ** 32),
    (request) => request.skip(5),
    (request) => [request.u32(), request.u32()],
  ];
  for (const read of reads) {
    // What lies behind it in memory is not its own.
    const memory = Buffer.concat([bytes, Buffer.alloc(64)]);
    t.throws(() => read(new Request(memory, bytes.length)), ProtocolError);
  }
});

t.test('a name without an end is refused, also when there is a NUL behind the request', async (t) => {
  const bytes = whole([Buffer.from('abc')]);
  const memory = Buffer.concat([bytes, Buffer.alloc(8)]);
  t.throws(() => new Request(memory, bytes.length).name(), ProtocolError);
  t.throws(() => new Request(memory, bytes.length).target(), ProtocolError);
});

t.test('what is left over is refused', async (t) => {
  const bytes = whole(['a', u32(0)]);
  const request = new Request(bytes, bytes.length);
  request.name();
  t.throws(() => request.finish(), ProtocolError);
});

t.test('numbers that a double does not hold are refused, or are too large', async (t) => {
  const large = Buffer.from('ffffffffffffffff', 'hex');
  const bytes = whole([large]);
  t.throws(() => new Request(bytes, bytes.length).u64(), ProtocolError);
  t.equal(new Request(bytes, bytes.length).size(), Number.POSITIVE_INFINITY);
  t.equal(new Request(bytes, bytes.length).i64(), -1);
});

t.test('extensions are left alone, and cannot be longer than the request', async (t) => {
  const bytes = whole(['a', Buffer.alloc(8)]);
  bytes.writeUInt16LE(1, 36);
  const request = new Request(bytes, bytes.length);
  t.equal(request.name(), 'a');
  request.finish();
  bytes.writeUInt16LE(0xffff, 36);
  t.throws(() => new Request(bytes, bytes.length), ProtocolError);
  t.equal(bytesOf([u32(1), 'a']).length, 6);
});
