import t, { type Test } from 'tap';
import { SimulatedDisk } from '../../../base/simulated-disk.ts';
import { sliceOf } from '../../keys.ts';
import {
  HOLDER_MAX,
  LOCK_END,
  LOCK_FLARES_MAX,
  LOCK_WAIT_MS,
  LockKind,
  type LockRequest,
  RANGES_MAX,
} from '../../locks/types.ts';
import type { Attributes, FlareId } from '../../types.ts';
import type { LocalStore } from '../local-store.ts';
import {
  ALICE,
  BOB,
  checkSound,
  DIRECTORY,
  FILE,
  ROOT,
  statusOf,
  type TestStore,
  testStore,
} from '../testing/harness.ts';
import { LOCKS_LISTED_MAX } from './keeper.ts';
import { bytes, whole } from './testing/requests.ts';
import { WAITERS_MAX } from './waiting.ts';

/* Locks (`LockService`) as the store keeps them: what meets what, what stays after a restart, who waits and for how long, and when they end by themselves. */

interface Opened extends TestStore {
  readonly file: Attributes;
  /** 'OK', or what it is refused with. */
  ask(request: LockRequest, caller?: typeof ROOT): Promise<string>;
}

async function opened(t: Test, options: Parameters<typeof testStore>[0] = {}): Promise<Opened> {
  const made = await testStore(options);
  const { store } = made;
  t.teardown(() => store.close());
  const file = await store.create(ROOT, store.root(), 'f', { ...FILE, mode: 0o640, uid: ALICE.uid });
  return { ...made, file, ask: (request, caller = ROOT) => statusOf(() => store.locks.lock(caller, file, request)) };
}

/** All locks, in words. */
function held(store: LocalStore): string[] {
  return store.locks.listed('').locks.map(({ lock: { owner, kind, mode, start, last } }) => {
    const place = last === LOCK_END ? `${start}-` : `${start}-${last}`;
    return `${owner} ${kind === 0 ? place : 'whole'} ${mode}`;
  });
}

t.test('owners exclude each other, by bytes and by whole files, and the two kinds do not meet', async (t) => {
  const { store, file, ask } = await opened(t);
  t.equal(await ask(bytes('a1', 'exclusive', 0, 10)), 'OK');
  t.equal(await ask(bytes('a2', 'shared', 9, 1)), 'AGAIN', 'another process of the same machine');
  t.equal(await ask(bytes('b1', 'shared', 9, 1)), 'AGAIN');
  t.equal(await ask(bytes('b1', 'exclusive', 10)), 'OK', 'the bytes behind it');
  t.equal(await ask(whole('b1', 'shared')), 'OK');
  t.equal(await ask(whole('a1', 'shared')), 'OK');
  t.equal(await ask(whole('a1', 'exclusive')), 'AGAIN');
  t.same(held(store), ['a1 0-9 exclusive', 'b1 10- exclusive', 'a1 whole shared', 'b1 whole shared']);
  t.match(await store.locks.test(ROOT, file, bytes('c1', 'shared', 5, 100)), {
    owner: 'a1',
    pid: 7,
    start: 0n,
    last: 9n,
  });
  t.equal(
    await store.locks.test(ROOT, file, bytes('a1', 'exclusive', 0, 10)),
    null,
    'what one has is in nobody else’s way',
  );
  t.equal(await ask(bytes('a1', 'shared', 3, 4)), 'OK', 'down in the middle');
  t.equal(await ask(bytes('c1', 'shared', 3, 4)), 'OK');
  t.equal(await ask(bytes('a1', 'exclusive', 3, 4)), 'AGAIN', 'not up again while another one reads');
  t.equal(await ask(bytes('a1', 'none', 0)), 'OK');
  t.equal(await ask(bytes('a1', 'none', 0)), 'OK', 'giving back what one has not is no harm');
  t.same(held(store), ['b1 10- exclusive', 'c1 3-6 shared', 'a1 whole shared', 'b1 whole shared']);
});

t.test('who may neither read nor write the file has no lock; what is no file, or no lock, is refused', async (t) => {
  const { store, ask } = await opened(t);
  t.equal(await ask(bytes('a1', 'exclusive'), ALICE), 'OK');
  t.equal(await ask(bytes('b1', 'none'), BOB), 'OK');
  t.equal(await ask(bytes('b1', 'shared'), BOB), 'ACCES');
  const directory = await store.create(ROOT, store.root(), 'd', DIRECTORY);
  t.equal(await statusOf(() => store.locks.lock(ROOT, directory, bytes('a1', 'shared'))), 'ISDIR');
  t.equal(
    await statusOf(() => store.locks.lock(ROOT, { ...directory, generation: 99 }, bytes('a1', 'shared'))),
    'STALE',
  );
  const good = bytes('a1', 'shared', 0, 1);
  const bad: Partial<LockRequest>[] = [
    { start: -1n },
    { start: 5n, last: 4n },
    { last: LOCK_END + 1n },
    { holder: '' },
    { holder: 'x'.repeat(HOLDER_MAX + 1) },
    { owner: '\u0100' },
    { owner: 'x'.repeat(65) },
    { leaseMs: 1 },
    { leaseMs: 2 ** 31 },
    { pid: -1 },
    { kind: 1 },
  ];
  for (const wrong of bad) t.equal(await ask({ ...good, ...wrong }), 'INVAL', Object.keys(wrong).join());
  const ids = new Array<FlareId>(LOCK_FLARES_MAX + 1).fill(directory);
  t.throws(() => store.locks.keep('h', ids), RangeError);
  t.throws(() => store.locks.release('h', ids), RangeError);
});

t.test(
  'an answer is durable: after a crash the locks are there, and asking for what one has succeeds and writes nothing',
  async (t) => {
    const disk = new SimulatedDisk();
    const before = await testStore({ disk });
    const file = await before.store.create(ROOT, before.store.root(), 'f', FILE);
    await before.store.locks.lock(ROOT, file, bytes('a1', 'exclusive', 0, 10));
    await before.store.locks.lock(ROOT, file, bytes('a1', 'none', 4, 2));
    const { tenure } = await before.store.locks.lock(ROOT, file, whole('b1', 'shared'));
    const after = disk.powerCut({ below: () => 0, bytes: () => Buffer.alloc(0) } as never);
    const { store } = await testStore({ disk: after });
    t.same(held(store), ['a1 0-3 exclusive', 'a1 6-9 exclusive', 'b1 whole shared']);
    t.equal(await statusOf(() => store.locks.lock(ROOT, file, bytes('b1', 'shared', 0, 1))), 'AGAIN');
    const { appended } = store.stats();
    const again = await store.locks.lock(ROOT, file, whole('b1', 'shared'));
    t.equal(again.tenure, tenure, 'without a break');
    t.equal(store.stats().appended, appended);
    await store.compact();
    await store.close();
    const last = (await testStore({ disk: after })).store;
    t.same(held(last), ['a1 0-3 exclusive', 'a1 6-9 exclusive', 'b1 whole shared']);
    await last.close();
    await checkSound(t, after, 'the index equals one rebuilt from the log');
  },
);

t.test('they go with their flare, also when the log is read anew', async (t) => {
  const disk = new SimulatedDisk();
  const { store } = await testStore({ disk });
  const root = store.root();
  const file = await store.create(ROOT, root, 'f', FILE);
  const other = await store.create(ROOT, root, 'g', FILE);
  for (const id of [file, other]) await store.locks.lock(ROOT, id, bytes('a1', 'exclusive'));
  await store.checkpoint();
  await store.remove(ROOT, root, 'f');
  t.same([await store.locks.keep('host a', [file]), held(store)], [[0], ['a1 0- exclusive']]);
  const next = await store.create(ROOT, root, 'f', FILE);
  t.equal(next.key, file.key);
  t.equal(await statusOf(() => store.locks.lock(ROOT, next, bytes('b1', 'exclusive'))), 'OK');
  await store.close();
  const { store: again } = await testStore({ disk });
  t.same(held(again).sort(), ['a1 0- exclusive', 'b1 0- exclusive']);
  await again.close();
  await checkSound(t, disk, 'the index equals one rebuilt from the log');
});

t.test('a call that is asked again gets its first answer, and is done once', async (t) => {
  const { file, ask, store } = await opened(t);
  const first = { ...ROOT, replay: 'first' };
  t.equal(await ask(bytes('a1', 'exclusive'), first), 'OK');
  const refused = { ...ROOT, replay: 'refused' };
  t.equal(await ask(bytes('b1', 'exclusive'), refused), 'AGAIN');
  t.equal(await ask(bytes('a1', 'none')), 'OK');
  t.equal(await ask(bytes('a1', 'exclusive'), first), 'OK');
  t.same(held(store), [], 'a late copy locks nothing');
  t.equal(await ask(bytes('b1', 'exclusive'), refused), 'AGAIN', 'nor does one that was told no');
  t.match(await store.locks.lock({ ...ROOT, replay: 'first' }, file, bytes('a1', 'exclusive')), { tenure: 0 });
});

t.test(
  'who waits gets the lock when it is free, in the order in which they came, before anybody who comes then',
  async (t) => {
    const { store, file, ask } = await opened(t);
    await ask(bytes('a1', 'exclusive'));
    const order: string[] = [];
    const waiting = ['b1', 'b2', 'c1'].map(async (owner) => {
      await store.locks.lock(ROOT, file, { ...bytes(owner, 'exclusive'), wait: true });
      order.push(owner);
      await store.locks.lock(ROOT, file, bytes(owner, 'none'));
    });
    const back = store.locks.lock(ROOT, file, bytes('a1', 'none'));
    const greedy = statusOf(async () => {
      await back;
      await store.locks.lock(ROOT, file, bytes('a1', 'exclusive'));
    });
    await Promise.all(waiting);
    t.same(order, ['b1', 'b2', 'c1']);
    t.equal(await greedy, 'AGAIN');
  },
);

t.test(
  'AGAIN after a while; the wait ends with the flare too, and where the slice is not served any more',
  async (t) => {
    const { store, clock, file, ask } = await opened(t);
    await ask(bytes('a1', 'exclusive'));
    const wait = (replay = 'w') =>
      statusOf(() => store.locks.lock({ ...ROOT, replay }, file, { ...bytes('b1', 'shared'), wait: true }));
    const first = wait();
    clock.advance(LOCK_WAIT_MS - 1);
    let over = false;
    void first.then(() => {
      over = true;
    });
    await new Promise(setImmediate);
    t.notOk(over);
    clock.advance(1);
    t.equal(await first, 'AGAIN');
    t.equal(await wait(), 'AGAIN', 'and a copy of the call is told the same, at once');
    const elsewhere = (async () => store.locks.lock(ROOT, file, { ...bytes('b1', 'shared'), wait: true }))();
    store.serve((slice) => slice !== sliceOf(file.key));
    await t.rejects(elsewhere, { message: /not served/ });
    store.serve(null);
    const gone = wait('x');
    await store.remove(ROOT, store.root(), 'f');
    t.equal(await gone, 'STALE');
  },
);

t.test('locks of a holder that is silent for longer than it said end; whoever says anything lives', async (t) => {
  const disk = new SimulatedDisk();
  const { store, clock, file, ask } = await opened(t, { disk });
  const leased = (owner: string): LockRequest => ({ ...bytes(owner, 'shared'), leaseMs: 10_000 });
  const first = await store.locks.lock(ROOT, file, leased('a1'));
  for (const owner of ['b1', 'c1']) await ask(leased(owner));
  await ask(bytes('d1', 'shared'));
  clock.advance(8000);
  t.same(await store.locks.keep('host a', [file]), [first.tenure]);
  await store.locks.test(ROOT, file, leased('b1'));
  const waiting = (async () => store.locks.lock(ROOT, file, { ...bytes('e1', 'exclusive'), wait: true }))();
  clock.advance(8000);
  await t.rejects(waiting, { name: 'FlareError', status: 'AGAIN' });
  t.same(held(store), ['a1 0- shared', 'b1 0- shared', 'd1 0- shared']);
  clock.advance(10_000);
  t.same(held(store), ['d1 0- shared'], 'who never said how long is waited for for ever');
  t.same(await store.locks.keep('host a', [file]), [0], 'and it hears so');
  const second = await store.locks.lock(ROOT, file, leased('a1'));
  t.not(second.tenure, first.tenure, 'the locks it has now are no longer those it had');
  await store.close();
  const again = await testStore({ disk, clock });
  t.teardown(() => again.store.close());
  clock.advance(10_000);
  t.same(held(again.store), ['a1 0- shared', 'd1 0- shared'], 'after a start the count begins anew');
  clock.advance(3000);
  t.same(held(again.store), ['d1 0- shared']);
});

t.test('release ends what a holder has of a flare, releaseHolder all of it; held lists in pages', async (t) => {
  const { store, file, ask } = await opened(t);
  const other = await store.create(ROOT, store.root(), 'g', FILE);
  for (let at = 0; at < 100; at++) await ask(bytes(`a${at}`, 'shared', at, 1));
  await ask(whole('b1', 'shared'));
  await store.locks.lock(ROOT, other, bytes('a1', 'exclusive'));
  await store.locks.release('host a', [file, { ...other, generation: 5 }]);
  t.same(
    held(store),
    ['a1 0- exclusive', 'b1 whole shared'].sort(() => (file.key < other.key ? -1 : 1)),
  );
  t.equal(await store.locks.releaseHolder('host a'), 1);
  t.equal(await store.locks.releaseHolder('host x'), 0);
  t.same(held(store), ['b1 whole shared']);
  for (let at = 0; at < LOCKS_LISTED_MAX; at++) await ask(bytes(at < 600 ? 'c1' : 'c2', 'shared', 2 * at, 1));
  const first = store.locks.listed('');
  t.equal(first.locks.length, LOCKS_LISTED_MAX);
  const second = store.locks.listed(first.next!);
  t.equal(
    new Set(
      [...first.locks, ...second.locks].map((one) =>
        JSON.stringify(one, (_, value) => (typeof value === 'bigint' ? `${value}` : value)),
      ),
    ).size,
    LOCKS_LISTED_MAX + 1,
  );
  t.equal(second.next, null);
});

t.test('bound: ranges of all holders of one machine together; what it gives back it may have again', async (t) => {
  const { store, ask } = await opened(t, { limits: { locksOfMachine: 3 } });
  t.equal(await ask(bytes('a1', 'shared', 0, 1)), 'OK');
  t.equal(await ask(bytes('a1', 'shared', 5, 1)), 'OK');
  t.equal(await ask(bytes('b1', 'shared', 0, 1)), 'OK');
  t.equal(await ask(bytes('b1', 'shared', 5, 1)), 'NOLCK');
  t.equal(await ask({ ...bytes('c1', 'shared', 0, 1), holder: 'rack c' }), 'OK', 'another machine');
  await store.locks.releaseHolder('host a');
  t.equal(await ask(bytes('b1', 'shared', 5, 1)), 'OK');
  t.equal(await ask(bytes('b1', 'shared', 10, 1)), 'OK');
  t.equal(await ask(bytes('a1', 'shared', 5, 1)), 'NOLCK');
});

t.test(
  'reservations: one of an owner, and who takes what another one denies is refused; they stay after a restart',
  async (t) => {
    const disk = new SimulatedDisk();
    const { store, file, ask } = await opened(t, { disk });
    const share = (owner: string, access: number, deny: number): LockRequest => {
      const bits = BigInt(access | (deny << 2));
      return { ...bytes(owner, 'shared'), kind: LockKind.share, start: bits, last: bits };
    };
    t.equal(await ask(share('a1', 1, 2)), 'OK');
    t.equal(await ask(share('b1', 2, 0)), 'AGAIN');
    t.equal(await ask(share('b1', 1, 0)), 'OK');
    t.equal(await ask(share('a1', 1, 1)), 'AGAIN');
    t.equal(await ask(share('b1', 0, 0)), 'OK', 'in place of the other');
    t.equal(await ask(share('a1', 1, 1)), 'OK');
    t.equal(await ask(bytes('b1', 'exclusive')), 'OK', 'bytes are another matter');
    for (const wrong of [{ last: 15n }, { start: 16n, last: 16n }, { mode: 'exclusive' as const }])
      t.equal(await ask({ ...share('a1', 0, 0), ...wrong }), 'INVAL');
    await store.close();
    const again = (await testStore({ disk })).store;
    t.match(again.locks.test(ROOT, file, share('c1', 1, 0)), { owner: 'a1', start: 5n });
    await again.close();
    await checkSound(t, disk, 'the index equals one rebuilt from the log');
  },
);

t.test('bounds: ranges of an owner and of a flare, bytes of all locks, who waits', async (t) => {
  const limits = { lockBytes: 40_000, pendingUnits: 8192, locksOfFlare: RANGES_MAX + 4, locksOfHolder: RANGES_MAX + 2 };
  const { store, file, ask, clock } = await opened(t, { limits });
  const other = await store.create(ROOT, store.root(), 'g', FILE);
  for (let at = 0; at < RANGES_MAX; at++) store.locks.lock(ROOT, file, bytes('a1', 'shared', 2 * at, 1));
  t.equal(await ask(bytes('a1', 'shared', 2 * RANGES_MAX, 1)), 'NOLCK', 'an owner');
  t.equal(await ask(bytes('a1', 'none', 0, 1)), 'OK');
  t.equal(await ask(bytes('a1', 'shared', 0, 1)), 'OK');
  for (const owner of ['b1', 'b2', 'b3', 'b4']) t.equal(await ask(bytes(owner, 'shared', 0, 1)), 'OK');
  t.equal(await ask(bytes('b5', 'shared', 0, 1)), 'NOLCK', 'the flare');
  for (const owner of ['a2', 'a3']) await store.locks.lock(ROOT, other, bytes(owner, 'shared'));
  t.equal(await statusOf(() => store.locks.lock(ROOT, other, bytes('a4', 'shared'))), 'NOLCK', 'the holder');
  t.equal(await ask(bytes('a1', 'none', 0)), 'OK', 'giving back is never too much');
  for (const holder of ['host a', 'host b']) await store.locks.releaseHolder(holder);
  t.same(held(store), []);
  let owners = 0;
  while ((await ask(bytes(`c${owners}`, 'shared'))) === 'OK') owners += 1;
  t.ok(owners > 100 && owners < 400, `bytes: ${owners} owners`);
  await store.locks.releaseHolder('host c');
  await ask(bytes('a1', 'exclusive'));
  const waiting = Array.from({ length: WAITERS_MAX }, () =>
    statusOf(() => store.locks.lock(ROOT, file, { ...bytes('b1', 'shared'), wait: true })),
  );
  t.equal(await ask({ ...bytes('b2', 'shared'), wait: true }), 'AGAIN', 'one too many does not wait');
  clock.advance(LOCK_WAIT_MS);
  t.same(new Set(await Promise.all(waiting)), new Set(['AGAIN']));
});
