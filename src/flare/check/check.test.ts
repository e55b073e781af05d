import t from 'tap';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { type InlineIndexHost, inlineIndexHost } from '../index/inline-host.ts';
import type { OwnedRange } from '../locks/ranges.ts';
import { LockKind } from '../locks/types.ts';
import { encodeLockNote, lockNoteName } from '../store/locks/lock-note.ts';
import { bytes } from '../store/locks/testing/requests.ts';
import { DIRECTORY, FILE, ROOT, testStore } from '../store/testing/harness.ts';
import { checkStore } from './check.ts';
import { extentFaults, namespaceFaults, treeFaults } from './namespace.ts';

/** A store with one of everything, and its index's database to break. */
async function made() {
  let host: InlineIndexHost | undefined;
  const opened = await testStore({
    indexHost: async ({ disk }) => {
      host = await inlineIndexHost({ disk });
      return host;
    },
  });
  const { store } = opened;
  const root = store.root();
  const directory = await store.create(ROOT, root, 'd', DIRECTORY);
  const file = await store.create(ROOT, directory, 'f', FILE);
  await store.write(ROOT, file, 0, Buffer.alloc(100));
  await store.link(ROOT, file, root, 'g');
  await store.checkpoint();
  return { ...opened, database: host!.database, directory, file };
}

t.test('A sound tree has no faults', async (t) => {
  const { store, database } = await made();
  t.same(namespaceFaults(database), []);
  t.same(extentFaults(database, [{ number: 1, bytes: 100_000 }]), []);
  await store.close();
});

t.test('What cannot be in a tree is found', async (t) => {
  const rows: readonly (readonly [sql: string, what: RegExp])[] = [
    ["DELETE FROM entries WHERE name = x'66'", /nlink 2 of a flare that 1 names mean/],
    ["DELETE FROM entries WHERE name = x'66'", /a parent that holds no name of it/],
    ["DELETE FROM entries WHERE name = x'64'", /a flare that no name means/],
    ["DELETE FROM entries WHERE name = x'64'", /nlink 3 of a directory that holds 0/],
    ["DELETE FROM entries WHERE name = x'66'", /a directory of 0 entries that says 1/],
    ['DELETE FROM parents', /parent links that are not those of its names/],
    ['DELETE FROM chunks', /a file that holds 0 bytes and says 100/],
    ["UPDATE chunks SET extents = x'00000000000000c8000000010000004000000010'", /data beyond the end of a file/],
    ["DELETE FROM flares WHERE key = (SELECT key FROM entries WHERE name = x'64')", /a parent that is not there/],
  ];
  for (const [sql, what] of rows) {
    const { store, database } = await made();
    database.exec(sql);
    const found = namespaceFaults(database).map((fault) => fault.what);
    t.ok(
      found.some((fault) => what.test(fault)),
      `${sql}: ${what}`,
      { found },
    );
    await store.close().catch(() => {});
  }
  const { store, database } = await made();
  t.match(extentFaults(database, [{ number: 9, bytes: 100 }]), [{ what: /data that lies in no segment/ }]);
  await store.close();
});

t.test('locks that cannot be are found', async (t) => {
  const { store, database, file } = await made();
  for (const owner of ['a1', 'b1']) await store.locks.lock(ROOT, file, bytes(owner, 'shared', 0, 10));
  await store.checkpoint();
  const found = (): string[] => namespaceFaults(database).map(({ what }) => what);
  t.same(found(), []);
  const name = lockNoteName(file, LockKind.bytes, { holder: 'host a', owner: 'a1' });
  const put = database.prepare('UPDATE notes SET value = ? WHERE name = ?');
  const set = (ranges: readonly OwnedRange[]): void => {
    put.run(encodeLockNote({ pid: 1, leaseMs: 0, tenure: 1, ranges }), Buffer.from(name));
  };
  const range = (start: bigint, last: bigint): OwnedRange => ({ start, last, mode: 'exclusive' });
  set([range(9n, 9n)]);
  t.same(found(), ['locks that exclude each other']);
  set([]);
  t.same(found(), ['a lock of no bytes, or twice of the same']);
  set([range(20n, 30n), range(30n, 40n)]);
  t.same(found(), ['a lock of no bytes, or twice of the same']);
  put.run(Buffer.from('x'), Buffer.from(name));
  t.same(found(), ['a lock that cannot be read']);
  const gone = lockNoteName({ ...file, generation: 99 }, LockKind.bytes, { holder: 'host a', owner: 'a1' });
  set([range(20n, 30n)]);
  database.prepare('UPDATE notes SET name = ? WHERE name = ?').run(Buffer.from(gone), Buffer.from(name));
  t.same(found(), ['a lock of no file']);
  await store.close();
});

t.test('checkStore: refuses a directory in use and one without a network', async (t) => {
  const { store, disk } = await made();
  await t.rejects(checkStore({ disk }), { message: /in use/ });
  await store.close();
  await t.rejects(checkStore({ disk: new SimulatedDisk() }), { message: /no network.*nothing to check/ });
});

t.test('a tree that lies on several volcanos is looked at as one: by what each holds of it as primary', async (t) => {
  const { store, database } = await made();
  const low = (slice: number): boolean => slice < 128;
  const high = (slice: number): boolean => slice >= 128;
  const faults = (...holds: ((slice: number) => boolean)[]): string[] =>
    treeFaults(holds.map((one) => ({ database, holds: one }))).map(({ what }) => what);
  t.same(faults(low, high), []);
  const keys = database.prepare('SELECT key FROM flares').pluck().all() as Buffer[];
  const root = 0x42;
  const other = keys.map((key) => key[0]!).find((slice) => slice !== root)!;
  t.ok(
    faults(
      (slice) => slice !== other,
      () => false,
    ).includes('an entry of or for a flare that is not there'),
    'what nobody holds is missed',
  );
  t.same(
    faults(
      (slice) => slice !== root,
      () => false,
    ),
    ['there is no root directory'],
  );
  await store.close();
});
