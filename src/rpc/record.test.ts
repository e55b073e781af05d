import fc from 'fast-check';
import t from 'tap';
import { LAST_FRAGMENT, RecordReader } from './record.ts';
import { XdrError } from './xdr.ts';

function fragment(bytes: Buffer, last: boolean): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE((bytes.length | (last ? LAST_FRAGMENT : 0)) >>> 0);
  return Buffer.concat([header, bytes]);
}

const buffers = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));

t.test('RFC 5531 §11: records come out whole, however they are cut into fragments and chunks', async (t) => {
  const records = fc.array(fc.array(buffers(40), { minLength: 1, maxLength: 4 }), { maxLength: 6 });
  fc.assert(
    fc.property(records, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (list, cuts) => {
      const stream = Buffer.concat(
        list.flatMap((parts) => parts.map((part, n) => fragment(part, n === parts.length - 1))),
      );
      const reader = new RecordReader({ recordBytes: 160, fragments: 4 });
      const found: string[] = [];
      for (let at = 0, n = 0; at < stream.length; n++) {
        const size = cuts[n % cuts.length]!;
        reader.push(stream.subarray(at, at + size));
        at += size;
        // Not always all of them: what is left over waits for the next chunk.
        for (let taken = 0; taken <= n % 3; taken++) {
          const record = reader.next();
          if (record === undefined) break;
          found.push(record.toString('hex'));
        }
      }
      for (let record = reader.next(); record !== undefined; record = reader.next()) found.push(record.toString('hex'));
      t.same(
        found,
        list.map((parts) => Buffer.concat(parts).toString('hex')),
      );
    }),
  );
});

t.test('bounds: bytes and fragments of a record', async (t) => {
  const make = (bytes: Buffer) => {
    const reader = new RecordReader({ recordBytes: 10, fragments: 3 });
    reader.push(bytes);
    return reader;
  };
  t.same(make(fragment(Buffer.alloc(10), true)).next(), Buffer.alloc(10));
  t.throws(() => make(fragment(Buffer.alloc(11), true)).next(), XdrError);
  t.throws(() => make(Buffer.from('ffffffff', 'hex')).next(), /2147483647 bytes, above 10/, 'on the header alone');
  const two = Buffer.concat([fragment(Buffer.alloc(6), false), fragment(Buffer.alloc(5), true)]);
  t.throws(() => make(two).next(), /11 bytes, above 10/, 'all fragments together');
  const empty = fragment(Buffer.alloc(0), false);
  const last = fragment(Buffer.from('x'), true);
  t.equal(
    make(Buffer.concat([empty, empty, last]))
      .next()
      ?.toString(),
    'x',
  );
  t.throws(() => make(Buffer.concat([empty, empty, empty, last])).next(), /more than 3 fragments/);
});
