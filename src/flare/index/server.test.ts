import { join } from 'node:path';
import t from 'tap';
import { manualClock } from '../../base/testing/manual-clock.ts';
import type { LogMark } from '../kml/types.ts';
import { openDatabase, openForReading, readMark } from './database.ts';
import { FLUSH_MEMORY, FlushWriter } from './flush.ts';
import type { FromWorker, ToWorker } from './protocol.ts';
import { SqliteReader } from './reader.ts';
import { IndexServer, RETRY_MS } from './server.ts';

/** A flush with a note of so many bytes. */
function flush(lsn: number, bytes: number): ToWorker {
  const writer = new FlushWriter(new ArrayBuffer(FLUSH_MEMORY));
  writer.note(`note ${lsn}`, Buffer.alloc(bytes, 'n'), 1);
  const mark: LogMark = { lsn, segment: 1, position: 64 + lsn };
  return { type: 'flush', mark, bytes: writer.written };
}

t.test(
  'What finds no room on the disk is tried again until it does, in order, and nothing is lost (issue 3)',
  async (t) => {
    const path = join(t.testdir(), 'index.sqlite');
    const database = openDatabase(path);
    const pages = database.pragma('page_count', { simple: true }) as number;
    const clock = manualClock();
    const told: FromWorker[] = [];
    const server = new IndexServer(database, clock, (message) => told.push(message));
    const types = () => told.splice(0).map((message) => message.type);
    const applied = () => readMark(database).lsn;
    server.handle(flush(1, 10));
    t.same(types(), ['opened', 'applied']);

    database.pragma(`max_page_count = ${pages + 2}`);
    server.handle(flush(2, 60_000));
    server.handle(flush(3, 10));
    server.handle({ type: 'checkpoint' });
    t.same(types(), ['full'], 'what comes behind it waits');
    t.equal(applied(), 1);
    clock.advance(RETRY_MS);
    t.same(types(), ['full'], 'still none');
    t.equal(applied(), 1);

    database.pragma(`max_page_count = ${pages + 1000}`);
    clock.advance(RETRY_MS - 1);
    t.same(types(), []);
    clock.advance(1);
    t.same(types(), ['applied', 'applied', 'checkpointed']);
    t.equal(applied(), 3);
    const reading = openForReading(path);
    t.equal(new SqliteReader(reading).note('note 2')?.value.length, 60_000);
    reading.close();

    database.pragma(`max_page_count = ${(database.pragma('page_count', { simple: true }) as number) + 1}`);
    server.handle(flush(4, 60_000));
    t.same(types(), ['full']);
    server.handle({ type: 'close' });
    t.same(types(), ['closed'], 'closing does not wait for room');
    clock.advance(10 * RETRY_MS);
    t.same(types(), [], 'and then nothing is tried');
  },
);

t.test('After another failure nothing more is done', async (t) => {
  const database = openDatabase(join(t.testdir(), 'index.sqlite'));
  const clock = manualClock();
  const told: FromWorker[] = [];
  const server = new IndexServer(database, clock, (message) => told.push(message));
  database.exec('DROP TABLE notes');
  server.handle(flush(1, 10));
  server.handle({ type: 'checkpoint' });
  clock.advance(10 * RETRY_MS);
  t.same(
    told.map(({ type }) => type),
    ['opened', 'failed'],
  );
  server.handle({ type: 'close' });
});
