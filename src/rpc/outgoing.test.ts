import t from 'tap';
import { manualClock } from '../base/testing/manual-clock.ts';
import { Outgoing, TURN_BYTES } from './outgoing.ts';
import { RecordReader } from './record.ts';
import { fakeNet } from './testing/fake-stream.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));
const bytes = (letter: string, length: number) => Buffer.alloc(length, letter);

async function start() {
  const { net, connect } = fakeNet();
  const listener = await net.listen([], 2049);
  let outgoing: Outgoing | undefined;
  listener.onConnection((stream) => {
    outgoing = new Outgoing(manualClock(), stream);
  });
  const stream = connect();
  return { outgoing: outgoing!, stream };
}

/** The records that were written, as the letter and the length of each. */
function records(written: readonly Buffer[]): string[] {
  const reader = new RecordReader({ recordBytes: 2 ** 30, fragments: 1 });
  reader.push(Buffer.concat(written));
  const found: string[] = [];
  for (let one = reader.next(); one !== undefined; one = reader.next()) {
    const letter = String.fromCharCode(one[0]!);
    found.push(one.equals(bytes(letter, one.length)) ? `${letter}${one.length}` : 'mixed up');
  }
  return found;
}

t.test('what is put in one turn leaves at its end, in one write, in order', async (t) => {
  const { outgoing, stream } = await start();
  outgoing.put((writer) => writer.append(bytes('a', 10)));
  outgoing.put((writer) => writer.append(bytes('b', 20_000)));
  t.same(stream.done, []);
  await turn();
  t.same(stream.done, ['write:20018']);
  t.same(records(stream.written), ['a10', 'b20000']);
});

t.test('what cannot be written is not sent, and nothing else is lost', async (t) => {
  const { outgoing, stream } = await start();
  outgoing.put((writer) => writer.append(bytes('a', 10)));
  const broken = () =>
    outgoing.put((writer) => {
      writer.append(bytes('b', 10));
      throw new RangeError('no');
    });
  t.throws(broken, RangeError);
  outgoing.put((writer) => writer.append(bytes('c', 10)));
  await turn();
  t.same(records(stream.written), ['a10', 'c10']);
});

t.test('no more than about TURN_BYTES wait for the end of the turn', async (t) => {
  const { outgoing, stream } = await start();
  outgoing.put((writer) => writer.append(bytes('a', TURN_BYTES)));
  t.equal(stream.done.length, 1);
  await turn();
  t.equal(stream.done.length, 1);
});

t.test('memory that the stream may still read is not written over, and is used again when it may not', async (t) => {
  const { outgoing, stream } = await start();
  stream.taken = false;
  const letters = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  for (const letter of letters) {
    outgoing.put((writer) => writer.append(bytes(letter, 100)));
    outgoing.flush();
  }
  t.same(
    records(stream.written),
    letters.map((letter) => `${letter}100`),
  );
  const memories = new Set(stream.written.map(({ buffer }) => buffer));
  t.equal(memories.size, letters.length, 'each in memory of its own');
  stream.take();
  for (const letter of ['h', 'i', 'j']) {
    outgoing.put((writer) => writer.append(bytes(letter, 100)));
    outgoing.flush();
  }
  const later = stream.written.slice(-2).map(({ buffer }) => buffer);
  t.ok(later.every((one) => memories.has(one)));
  t.not(later[0], later[1]);
});
