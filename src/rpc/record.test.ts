import fc from 'fast-check';
import t from 'tap';
import { LAST_FRAGMENT, NextRecordMemory, OWN_BYTES_MAX, RecordReader, TurnRecordMemory } from './record.ts';
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

t.test('long records that come in pieces are whole until the next one, also where memory is used again', async () => {
  const lengths = fc.array(fc.integer({ min: OWN_BYTES_MAX - 10, max: 3 * OWN_BYTES_MAX }), {
    minLength: 2,
    maxLength: 5,
  });
  const sizes = fc.array(fc.integer({ min: 1000, max: 100_000 }), { minLength: 1 });
  fc.assert(
    fc.property(lengths, sizes, (list, cuts) => {
      const records = list.map((length, n) => Buffer.alloc(length, n + 1));
      const stream = Buffer.concat(records.map((record) => fragment(record, true)));
      const reader = new RecordReader(
        { recordBytes: 3 * OWN_BYTES_MAX, fragments: 1 },
        { memory: new NextRecordMemory() },
      );
      const memories = new Set<ArrayBufferLike>();
      let found = 0;
      for (let at = 0, n = 0; at < stream.length; n++) {
        const end = at + cuts[n % cuts.length]!;
        reader.push(stream.subarray(at, end));
        at = end;
        for (let record = reader.next(); record !== undefined; record = reader.next()) {
          if (!record.equals(records[found++]!)) return false;
          memories.add(record.buffer);
        }
      }
      return found === records.length && memories.size <= found;
    }),
    { numRuns: 30 },
  );
});

t.test('memory of a long record is used for the next one', async (t) => {
  const reader = new RecordReader({ recordBytes: 2 * OWN_BYTES_MAX, fragments: 1 }, { memory: new NextRecordMemory() });
  const memories = ['a', 'b'].map((letter) => {
    const bytes = fragment(Buffer.alloc(OWN_BYTES_MAX + 1, letter), true);
    reader.push(bytes.subarray(0, 100));
    t.equal(reader.next(), undefined);
    reader.push(bytes.subarray(100));
    return reader.next()!.buffer;
  });
  t.equal(memories[0], memories[1]);
});

t.test('long records lie in memory that is used again only in the turns after', async (t) => {
  const turns: (() => void)[] = [];
  const memory = new TurnRecordMemory({ soon: (run) => void turns.push(run) });
  const reader = new RecordReader({ recordBytes: 2 * OWN_BYTES_MAX, fragments: 1 }, { memory, lent: true });
  // The memory that all chunks come in, as a socket uses it.
  const chunk = Buffer.alloc(4 * OWN_BYTES_MAX);
  const record = (letter: string): Buffer => {
    const bytes = fragment(Buffer.alloc(OWN_BYTES_MAX + 1, letter), true);
    for (const part of [bytes.subarray(0, 100), bytes.subarray(100)]) {
      reader.push(chunk.subarray(0, part.copy(chunk)));
      const found = reader.next();
      if (found !== undefined) return found;
    }
    throw new Error('no record');
  };
  const [first, second] = [record('a'), record('b')];
  t.ok(first.equals(Buffer.alloc(OWN_BYTES_MAX + 1, 'a')), 'two in one turn have memory of their own');
  t.ok(second.equals(Buffer.alloc(OWN_BYTES_MAX + 1, 'b')));
  for (const run of turns.splice(0)) run();
  const later = [record('c').buffer, record('d').buffer];
  t.strictSame(new Set(later), new Set([first.buffer, second.buffer]));
  t.not(record('e').buffer, later[0]);
});

t.test('a short record in a chunk that is lent is whole when the chunk has gone', async (t) => {
  const reader = new RecordReader({ recordBytes: 100, fragments: 1 }, { lent: true });
  const chunk = fragment(Buffer.from('cheese'), true);
  reader.push(chunk);
  const record = reader.next();
  chunk.fill(0);
  t.equal(record?.toString(), 'cheese');
});
