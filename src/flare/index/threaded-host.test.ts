import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import t from 'tap';
import { silentLogger } from '../../base/logger.ts';
import { openDisk } from '../../base/system-disk.ts';
import { Rebuild } from '../check/rebuild.ts';
import { KmlWedgedError } from '../kml/errors.ts';
import { openKml } from '../kml/kml.ts';
import { type Kml, LOG_START, type LogBatch } from '../kml/types.ts';
import { DEFAULT_LIMITS } from '../store/limits.ts';
import { INDEX_FORMAT } from './database.ts';
import { IndexFailedError, IndexFormatError } from './errors.ts';
import { FLUSH_MEMORY, type IndexFlush } from './flush.ts';
import { change, recordOf } from './testing/records.ts';
import { INDEX_FILE, threadedIndexHost } from './threaded-host.ts';
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
  const rebuild = new Rebuild(host, { ...DEFAULT_LIMITS, flushBytes: 0 });
  let walked = 0;
  const onBatch = (batch: LogBatch) => {
    walked++;
    return rebuild.batch(batch);
  };
  const kml = await openKml({ disk, logger, networkId: Buffer.alloc(16), from: host.applied, onBatch });
  await rebuild.done();
  kml.onDurable((batch) => rebuild.batch(batch));
  host.onFailed((error) => kml.wedge(error));
  return {
    host,
    kml,
    walked,
    async setNote(name, value) {
      const { lsn } = kml.append([recordOf([change.note(name, value)])]);
      await kml.whenDurable(lsn);
      await rebuild.done();
    },
    async close() {
      await kml.close();
      await rebuild.done().catch(() => {});
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
  const size = statSync(join(path, `${INDEX_FILE}-wal`)).size;
  copyFileSync(join(path, INDEX_FILE), join(path, 'copy.sqlite'));
  const copy = new Database(join(path, 'copy.sqlite'), { readonly: true });
  t.equal(copy.prepare('SELECT lsn FROM mark').pluck().get(), 1);
  copy.close();
  for (let at = 0; at < 5; at++) {
    await setNote('a', String(at).repeat(50_000));
    await host.checkpoint();
  }
  t.equal(statSync(join(path, `${INDEX_FILE}-wal`)).size, size, 'the WAL is used again');
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
  t.equal(two.host.reader.note('a')?.value.toString(), '1');
  t.ok(existsSync(join(path, `${INDEX_FILE}.damaged-1`)), 'the damaged one is kept');
  await two.close();
  writeFileSync(join(path, 'index.damaged'), '');
  const three = await volcano(path);
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
  t.match(error, {
    message: new RegExp(
      `index.sqlite has format ${INDEX_FORMAT + 1}.*formats up to ${INDEX_FORMAT}.*use the program that wrote it`,
    ),
  });
  t.same(readFileSync(join(path, INDEX_FILE)), before);
});

t.test('a failure in the thread is loud: all that wait are told, and the log wedges', async (t) => {
  const { host, kml, setNote, close } = await volcano(t.testdir());
  await setNote('a', '1');
  const failed = new Promise<Error>((resolve) => host.onFailed(resolve));
  const mark = host.applied;
  const checkpoint = host.checkpoint().then(() => host.checkpoint());
  const flush = (): IndexFlush => ({ mark, bytes: Buffer.from(new Uint8Array([99]).buffer) });
  const waiter = Promise.resolve(host.apply(flush()));
  await Promise.all([t.rejects(waiter, IndexFailedError), checkpoint.catch(() => {})]);
  t.match((await failed).message, /has failed: a flush holds a step of unknown kind 99/);
  await t.rejects(Promise.resolve(host.apply(flush())), IndexFailedError);
  await t.rejects(host.checkpoint(), IndexFailedError);
  t.throws(() => kml.append([Buffer.from('x')]), KmlWedgedError);
  await close();
});

t.test('an index of an older format is removed and rebuilt from the log, and that is said', async (t) => {
  const path = t.testdir();
  const one = await volcano(path);
  await one.setNote('a', '1');
  await one.close();
  const older = new Database(join(path, INDEX_FILE));
  older.pragma(`user_version = ${INDEX_FORMAT - 1}`);
  older.close();
  const said: string[] = [];
  const warn = (fields: object, message: string): void => void said.push(`${message} ${JSON.stringify(fields)}`);
  const disk = await openDisk(path);
  const host = await threadedIndexHost({ disk, logger: { ...logger, warn } });
  t.same(host.applied, LOG_START);
  t.match(said, [
    new RegExp(
      `of an older format: it is rebuilt from the log.*has format ${INDEX_FORMAT - 1}, and this program writes format ${INDEX_FORMAT}`,
    ),
  ]);
  await host.close();
  const two = await volcano(path);
  t.equal(two.host.reader.note('a')?.value.toString(), '1');
  await two.close();
});

t.test('what flushes are written in is used again', async (t) => {
  const { host, setNote, close } = await volcano(t.testdir());
  await setNote('a', '1');
  const memory = host.memory();
  t.equal(memory.byteLength, FLUSH_MEMORY);
  t.not(host.memory(), memory, 'one at a time');
  await setNote('a', '2');
  await close();
});
