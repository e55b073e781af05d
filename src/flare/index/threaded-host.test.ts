import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import t from 'tap';
import { silentLogger } from '../../base/logger.ts';
import { openDisk } from '../../base/system-disk.ts';
import { KmlWedgedError } from '../kml/errors.ts';
import { openKml } from '../kml/kml.ts';
import type { Kml, LogBatch } from '../kml/types.ts';
import { INDEX_FORMAT } from './database.ts';
import { IndexFailedError, IndexFormatError } from './errors.ts';
import { change, recordOf } from './testing/records.ts';
import { INDEX_FILE, QUEUE_BYTES_MAX, threadedIndexHost } from './threaded-host.ts';
import type { IndexHost } from './types.ts';

const logger = silentLogger;

interface Volcano {
  readonly host: IndexHost;
  readonly kml: Kml;
  /** How many batches the walk handed over. */
  readonly walked: number;
  setNote(name: string, value: string): Promise<void>;
  close(): Promise<void>;
}

/** A log with its threaded index, on a real directory. */
async function volcano(path: string): Promise<Volcano> {
  const disk = await openDisk(path);
  const host = await threadedIndexHost({ disk, logger });
  let walked = 0;
  const onBatch = (batch: LogBatch) => {
    walked++;
    return host.apply(batch);
  };
  const kml = await openKml({ disk, logger, networkId: Buffer.alloc(16), from: host.applied, onBatch });
  kml.onDurable((batch) => host.apply(batch));
  host.onFailed((error) => kml.wedge(error));
  return {
    host,
    kml,
    walked,
    async setNote(name, value) {
      const { lsn } = kml.append([recordOf([change.note(name, value)])]);
      await kml.whenDurable(lsn);
      await host.whenApplied(lsn);
    },
    async close() {
      await kml.close();
      await host.close();
    },
  };
}

t.test(
  'what the thread has applied is seen by the reader, also after a restart, which begins at the mark',
  async (t) => {
    const path = t.testdir();
    const one = await volcano(path);
    await one.setNote('a', '1');
    await one.setNote('b', '2');
    t.equal(one.host.reader.note('b')?.value.toString(), '2');
    t.same(one.host.applied, one.kml.durableMark);
    await one.close();
    const two = await volcano(path);
    t.equal(two.host.reader.note('a')?.value.toString(), '1');
    t.equal(two.walked, 0, 'closing cleanly leaves nothing to be walked');
    t.equal(two.host.applied.lsn, 2);
    await two.close();
  },
);

t.test('a checkpoint puts the WAL into the database, and says up to where', async (t) => {
  const path = t.testdir();
  const { host, setNote, close } = await volcano(path);
  await setNote('a', 'x'.repeat(60_000));
  t.equal(host.checkpointed.segment, 0, 'nothing is known to be on stable storage before');
  const mark = await host.checkpoint();
  t.equal(mark.lsn, 1);
  t.same(host.checkpointed, mark);
  t.equal(statSync(join(path, `${INDEX_FILE}-wal`)).size, 0);
  const copy = new Database(join(path, INDEX_FILE), { readonly: true });
  t.equal(copy.prepare('SELECT lsn FROM mark').pluck().get(), 1);
  copy.close();
  await close();
});

t.test('a damaged index is set aside and rebuilt from the log', async (t) => {
  const path = t.testdir();
  const one = await volcano(path);
  await one.setNote('a', '1');
  await one.host.checkpoint();
  await one.close();
  writeFileSync(join(path, INDEX_FILE), Buffer.alloc(20_000, 0x5a));
  const two = await volcano(path);
  await two.host.whenApplied(1);
  t.equal(two.host.reader.note('a')?.value.toString(), '1');
  t.ok(existsSync(join(path, `${INDEX_FILE}.damaged-1`)), 'the damaged one is kept');
  await two.close();
  writeFileSync(join(path, 'index.damaged'), '');
  const three = await volcano(path);
  await three.host.whenApplied(1);
  t.equal(three.host.reader.note('a')?.value.toString(), '1', 'one that was found to be damaged in use, too');
  t.ok(readdirSync(path).includes(`${INDEX_FILE}.damaged-2`));
  t.notOk(readdirSync(path).includes('index.damaged'), 'once');
  await three.close();
});

t.test('an index of a newer format is refused by name, and left as it is', async (t) => {
  const path = t.testdir();
  const disk = await openDisk(path);
  const newer = new Database(join(path, INDEX_FILE));
  newer.exec('CREATE TABLE later (x)');
  newer.pragma(`user_version = ${INDEX_FORMAT + 1}`);
  newer.close();
  const before = readFileSync(join(path, INDEX_FILE));
  const error = await threadedIndexHost({ disk, logger }).catch((caught: unknown) => caught);
  t.type(error, IndexFormatError);
  t.match(error, { message: /index\.sqlite has format 2.*formats up to 1.*use the program that wrote it/ });
  t.same(readFileSync(join(path, INDEX_FILE)), before);
});

t.test('a failure in the thread is loud: all that wait are told, and the log wedges', async (t) => {
  const { host, kml, setNote, close } = await volcano(t.testdir());
  await setNote('a', '1');
  const failed = new Promise<Error>((resolve) => host.onFailed(resolve));
  const waiter = Promise.resolve(host.whenApplied(9));
  const checkpoint = host.checkpoint().then(() => host.checkpoint());
  host.apply({ segment: 1, position: 64, firstLsn: 9, count: 0, bytes: Buffer.allocUnsafeSlow(48) });
  await Promise.all([t.rejects(waiter, IndexFailedError), checkpoint.catch(() => {})]);
  t.match((await failed).message, /has failed: the index ends with record 1, and was given 9/);
  await t.rejects(
    Promise.resolve(host.apply({ segment: 1, position: 64, firstLsn: 2, count: 0, bytes: Buffer.alloc(48) })),
  );
  await t.rejects(host.checkpoint(), IndexFailedError);
  t.throws(() => kml.append([Buffer.from('x')]), KmlWedgedError);
  await close();
});

t.test('apply is pending while more is queued than QUEUE_BYTES_MAX', async (t) => {
  const disk = await openDisk(t.testdir());
  const host = await threadedIndexHost({ disk, logger });
  const size = QUEUE_BYTES_MAX / 4;
  const batch = (place: number): LogBatch => {
    const bytes = Buffer.allocUnsafeSlow(size);
    return { segment: 1, position: 64 + place * size, firstLsn: 1, count: 0, bytes };
  };
  for (let place = 0; place < 4; place++) t.equal(host.apply(batch(place)), undefined, `batch ${place} has room`);
  const room = host.apply(batch(4));
  t.type(room, Promise);
  await room;
  await host.checkpoint();
  t.equal(host.applied.position, 64 + 5 * size);
  await host.close();
});
