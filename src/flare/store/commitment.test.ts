import t from 'tap';
import type { SimulatedDisk } from '../../base/simulated-disk.ts';
import { FlareError } from '../errors.ts';
import { BusyError } from '../joint.ts';
import { KmlClosedError, KmlWedgedError } from '../kml/errors.ts';
import { Commitment, type Copies } from './commitment.ts';
import { FILE, ROOT, testStore } from './testing/harness.ts';

/** A log of which a test says how far it is durable. */
function fakeLog() {
  let wedged: (error: Error) => void = () => {};
  const waiting: { lsn: number; resolve: () => void }[] = [];
  return {
    durable: 0,
    onWedged(listener: (error: Error) => void): void {
      wedged = listener;
    },
    whenDurable(lsn: number): Promise<void> | undefined {
      if (lsn <= this.durable) return undefined;
      return new Promise((resolve) => waiting.push({ lsn, resolve }));
    },
    reach(lsn: number): void {
      this.durable = lsn;
      for (const one of waiting) if (one.lsn <= lsn) one.resolve();
    },
    wedge: (error: Error) => wedged(error),
  };
}

/** What has become of some promises so far. */
async function settled(all: readonly (Promise<void> | void)[]): Promise<string> {
  const states = all.map(() => '.');
  for (const [at, one] of all.entries()) {
    void Promise.resolve(one).then(
      () => {
        states[at] = 'y';
      },
      () => {
        states[at] = 'n';
      },
    );
  }
  for (let turn = 0; turn < 10; turn++) await null;
  return states.join('');
}

t.test('Committed is what is durable here and wherever answers wait for a copy, and never goes back', async (t) => {
  const log = fakeLog();
  const commitment = new Commitment(log as never);
  const advance = (durable: number): void => {
    log.reach(durable);
    commitment.advance();
  };
  advance(3);
  t.equal(commitment.lsn, 3, 'alone it is the log');
  const copies = { lsn: 3, full: false as boolean, any: true, room: () => Number.POSITIVE_INFINITY } satisfies Copies;
  commitment.copies = copies;
  const waits = [4, 6, 9].map((lsn) => commitment.when(lsn));
  advance(6);
  t.equal(commitment.lsn, 3);
  t.equal(await settled(waits), '...');
  copies.lsn = 7;
  commitment.advance();
  t.equal(commitment.lsn, 6);
  t.equal(await settled(waits), 'yy.');
  advance(9);
  t.equal(commitment.lsn, 7);
  t.equal(commitment.when(7), undefined);
  copies.lsn = 5;
  commitment.advance();
  t.equal(commitment.lsn, 7);
  copies.full = true;
  t.ok(commitment.full);
  commitment.copies = null;
  t.equal(commitment.lsn, 9);
  t.equal(await settled(waits), 'yyy');
});

t.test('Who waits for a copy is told when the log wedges, and when it is closed', async (t) => {
  for (const end of ['wedge', 'close'] as const) {
    const log = fakeLog();
    const commitment = new Commitment(log as never);
    commitment.copies = { lsn: 0, full: false, any: true, room: () => Number.POSITIVE_INFINITY };
    log.reach(2);
    commitment.advance();
    const early = commitment.when(1) as Promise<void>;
    t.equal(await settled([early]), '.');
    if (end === 'wedge') log.wedge(new KmlWedgedError(new Error('sync')));
    else commitment.close();
    const expected = end === 'wedge' ? KmlWedgedError : KmlClosedError;
    await t.rejects(early, expected);
    await t.rejects(commitment.when(2) as Promise<void>, expected);
  }
});

t.test('No answer, no read and no note shows what is not committed (docs/architecture.md, Replication)', async (t) => {
  const { store } = await testStore();
  const copies = { lsn: 0, full: false, any: true, room: () => Number.POSITIVE_INFINITY };
  const commitment = store.replica.commitment;
  copies.lsn = commitment.lsn;
  commitment.copies = copies;
  const root = store.root();
  const created = Promise.resolve(store.create(ROOT, root, 'f', FILE));
  await store.checkpoint();
  const looked = Promise.resolve(store.lookup(ROOT, root, 'f'));
  const noted = store.setNote('n', Buffer.from('1'));
  await store.checkpoint();
  const done: string[] = [];
  void created.then(() => done.push('created'));
  void looked.then(() => done.push('looked'));
  void noted.then(() => done.push('noted'));
  await new Promise<void>((resolve) => setImmediate(resolve));
  t.same(done, [], 'all is durable here, and nothing shown');
  t.equal(store.note('n'), null);
  copies.lsn = Number.POSITIVE_INFINITY;
  commitment.advance();
  await Promise.all([created, looked, noted]);
  t.equal(store.note('n')?.toString(), '1');
  await store.close();
});

t.test(
  "A volcano's own notes go to nobody: they wait for its own disk alone, whatever becomes of copies",
  async (t) => {
    const { store } = await testStore();
    store.replica.commitment.copies = { lsn: 0, full: true, any: true, room: () => 0 };
    for (const name of ['dht/projection/1', 'volcano/x']) {
      await store.setNote(name, Buffer.from('1'));
      t.equal(store.note(name)?.toString(), '1');
      await store.setNote(name, Buffer.from('2'));
      await store.setNote(name, null);
      t.same([store.note(name), store.notes(name).size], [null, 0]);
    }
    await store.close();
  },
);

t.test(
  'A sync fails: IO where nobody else has copies; where others do, who asks is to ask again, and they take over (docs/ring-failover.md)',
  async (t) => {
    for (const any of [false, true]) {
      const { store, disk } = await testStore();
      store.replica.commitment.copies = {
        lsn: Number.POSITIVE_INFINITY,
        full: false,
        any,
        room: () => Number.POSITIVE_INFINITY,
      };
      store.replica.commitment.advance();
      const root = store.root();
      (disk as SimulatedDisk).fail('sync', 1, 'EIO');
      const expected = any ? new BusyError() : FlareError.of('IO');
      await t.rejects(Promise.resolve(store.create(ROOT, root, 'f', FILE)), expected, 'what waits for that sync');
      await t.rejects((async () => store.create(ROOT, root, 'g', FILE))(), expected, 'what comes later');
      await t.rejects((async () => store.lookup(ROOT, root, 'f'))(), expected, 'what has seen what is not durable');
      await store.close();
    }
  },
);
