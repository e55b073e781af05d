import fc from 'fast-check';
import t from 'tap';
import { FlareError } from '../../flare/errors.ts';
import { keyText } from '../../flare/keys.ts';
import type { FlareService } from '../../flare/service.ts';
import { ALICE, BOB, DIRECTORY, FILE, ROOT, statusOf } from '../../flare/store/testing/harness.ts';
import { type Caller, type FlareId, FlareType, type Name } from '../../flare/types.ts';
import { CONF_NAME } from '../crypto/conf.ts';
import { DIRIV_NAME, LONG_NAME_PREFIX, LONG_NAME_SUFFIX } from '../crypto/names.ts';
import { bytesOf, flipped, plainNames } from '../crypto/testing/keys.ts';
import { COMPLAINTS_MAX } from './complaints.ts';
import type { EncryptedService } from './service.ts';
import { client, initialize, listener, listing, memory } from './testing/trees.ts';

/* Whoever holds the ciphertext may do anything with it: the tree refuses, or leaves out and says so; it never breaks, and never shows one thing for another. */

const LONG = 'l'.repeat(250);

async function world(): Promise<{ store: FlareService; tree: EncryptedService; lines: string[]; root: FlareId }> {
  const store = memory();
  await initialize(store);
  const lines: string[] = [];
  return { store, tree: client(store, { logger: listener(lines) }), lines, root: store.root() };
}

/** The entries of the ciphertext that belong to no part of the format. */
async function entries(store: FlareService, directory: FlareId): Promise<Name[]> {
  const all = await listing(store, directory);
  return all.filter((name) => name !== DIRIV_NAME && name !== CONF_NAME);
}

async function put(store: FlareService, directory: FlareId, name: Name, contents: Uint8Array): Promise<void> {
  const file = await store.create(ROOT, directory, name, FILE, { existing: 'open' });
  await store.setattr(ROOT, file, { size: 0 });
  await store.write(ROOT, file, 0, contents);
}

/** What a call gives; null when it is refused. Any other error is thrown. */
async function orRefused<T>(work: () => T | Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof FlareError) return null;
    throw error;
  }
}

const raw64 = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes).toString('base64url'));
const strangeName: fc.Arbitrary<Name> = fc
  .oneof(
    plainNames.map((name) => name.toString('latin1')),
    fc.constantFrom(16, 32, 48, 176).chain(raw64),
    raw64(32).map((digest) => LONG_NAME_PREFIX + digest),
    raw64(32).map((digest) => LONG_NAME_PREFIX + digest + LONG_NAME_SUFFIX),
    raw64(10).map((rest) => LONG_NAME_PREFIX + rest),
    fc.constantFrom(
      'gocryptfs.rmdir.x',
      'gocryptfs.mkdir.',
      `gocryptfs.rmdir.${'0'.repeat(40)}.7`,
      'gocryptfs.conf.bak',
    ),
  )
  .filter((name) => name.length <= 255 && name !== '.' && name !== '..');

t.test('anything at all as entries, IVs, targets and contents', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(strangeName, fc.constantFrom(1, 2, 5), bytesOf(0, 500)), { maxLength: 12 }),
      fc.option(bytesOf(0, 20), { nil: null }),
      fc.array(fc.tuple(fc.nat(20), fc.nat()), { maxLength: 4 }),
      async (strange, iv, flips) => {
        const { store, tree, root } = await world();
        const top = await tree.create(ROOT, root, 'top', DIRECTORY);
        for (const name of ['f', LONG]) await tree.create(ROOT, top, name, FILE);
        await tree.create(ROOT, top, 'd', DIRECTORY);
        await tree.create(ROOT, top, 's', { type: FlareType.symlink, mode: 0o777, target: Buffer.from('to') });
        for (const [name, type, bytes] of strange) {
          const target = bytes.length > 0 && !bytes.includes(0) ? bytes : Buffer.from('x');
          const birth = { type: type as FlareType, mode: 0o644, ...(type === FlareType.symlink && { target }) };
          const made = await orRefused(() => store.create(ROOT, top, name, birth));
          if (made !== null && type === FlareType.file) await store.write(ROOT, made, 0, bytes);
        }
        for (const [which, bit] of flips) {
          const all = await entries(store, top);
          const name = all[which % all.length]!;
          const other = flipped(Buffer.from(name, 'latin1'), bit).toString('latin1');
          await orRefused(() => store.rename(ROOT, top, name, top, other));
        }
        if (iv !== null) await put(store, top, DIRIV_NAME, iv);
        const fresh = client(store);
        for (const used of [tree, fresh]) {
          for (const name of (await orRefused(() => listing(used, top, 3))) ?? []) {
            const found = await used.lookup(ROOT, top, name);
            const entry = await used.readdir(ROOT, top, 0, 1000);
            if (entry.entries.find((one) => one.name === name)?.fileid !== found.fileid)
              throw new Error('another flare');
            const data = await orRefused(async () => (await used.read(ROOT, found, 0, 5000)).data);
            if (data !== null && data.length > 0) throw new Error('contents out of nothing');
            const target = await orRefused(() => used.readlink(ROOT, found));
            if (target !== null && !target.equals(Buffer.from('to'))) throw new Error('a target out of nothing');
            await orRefused(() => listing(used, found));
          }
          for (const name of ['f', LONG, 'd', 's', 'none']) await orRefused(() => used.lookup(ROOT, top, name));
        }
        await orRefused(() => fresh.create(ROOT, top, 'new', FILE));
        await orRefused(() => fresh.create(ROOT, top, 'N'.repeat(200), DIRECTORY));
        await orRefused(() => fresh.rename(ROOT, top, 'f', top, LONG));
        await orRefused(() => fresh.rmdir(ROOT, top, 'd'));
        await orRefused(() => fresh.rmdir(ROOT, root, 'top'));
      },
    ),
    { numRuns: 150 },
  );
});

t.test('entries that are no names are left out, with one line for each that names directory and entry', async (t) => {
  const { store, tree, lines, root } = await world();
  await tree.create(ROOT, root, 'good', FILE);
  const wrong = ['not base64!', 'A'.repeat(22), `${LONG_NAME_PREFIX}x`, `${LONG_NAME_PREFIX}${'A'.repeat(43)}`];
  for (const name of wrong) await put(store, root, name, Buffer.from('x'));
  for (let times = 0; times < 3; times++) t.same(await listing(tree, root), ['good']);
  t.equal(lines.length, wrong.length);
  for (const name of wrong) {
    t.ok(lines.some((line) => line.includes(`"${name}"`) && line.includes(keyText(root.key))));
  }
  t.same(
    lines.filter((line) => line.includes('good')),
    [],
    'no plain name in the log',
  );
});

t.test('the log is not filled', async (t) => {
  const { store, tree, lines, root } = await world();
  for (let number = 0; number < COMPLAINTS_MAX + 50; number++) store.create(ROOT, root, `wrong ${number}`, FILE);
  for (let times = 0; times < 3; times++) t.same(await listing(tree, root), []);
  t.equal(lines.length, COMPLAINTS_MAX + 1);
  t.match(lines.at(-1), /no more of it is logged/);
});

t.test('a page of nothing but what is not shown is no end', async (t) => {
  const { store, tree, root } = await world();
  await tree.create(ROOT, root, 'first', FILE);
  for (let number = 0; number < 40; number++) store.create(ROOT, root, `wrong ${number}`, FILE);
  for (const name of [LONG, 'last']) await tree.create(ROOT, root, name, FILE);
  for (const limit of [1, 2, 7, 100]) t.same(await listing(tree, root, limit), ['first', LONG, 'last'], `${limit}`);
  const { entries, end } = await tree.readdir(ROOT, root, 0, 0);
  t.same({ entries, end }, { entries: [], end: false });
});

t.test('a directory whose IV is missing or broken: IO and a line, its neighbours are well', async (t) => {
  for (const damage of ['missing', 'short', 'zeros', 'a directory'] as const) {
    const { store, tree, lines, root } = await world();
    const made = await tree.create(ROOT, root, 'd', DIRECTORY);
    await tree.create(ROOT, made, 'f', FILE);
    if (damage === 'short') await put(store, made, DIRIV_NAME, Buffer.alloc(15, 1));
    else if (damage === 'zeros') await put(store, made, DIRIV_NAME, Buffer.alloc(16));
    else store.remove(ROOT, made, DIRIV_NAME);
    if (damage === 'a directory') await store.create(ROOT, made, DIRIV_NAME, DIRECTORY);
    const fresh = client(store, { logger: listener(lines) });
    const other = client(store, { seed: 2 });
    t.equal(await statusOf(() => fresh.lookup(ROOT, made, 'f')), 'IO', damage);
    t.equal(await statusOf(() => fresh.create(ROOT, made, 'g', FILE)), 'IO', damage);
    t.equal(await statusOf(() => fresh.readdir(ROOT, made, 0, 10)), 'IO', damage);
    t.equal(lines.length, 1, damage);
    t.match(lines[0], keyText(made.key));
    t.same(await listing(fresh, root), ['d']);
    t.equal(await statusOf(() => other.rmdir(ROOT, root, 'd')), 'NOTEMPTY', 'its names may be needed');
  }
});

t.test('the .name file of a long name: gone, another, too long', async (t) => {
  for (const damage of ['gone', 'another', 'too long'] as const) {
    const { store, tree, lines, root } = await world();
    await tree.create(ROOT, root, LONG, FILE);
    const file = (await entries(store, root)).find((name) => name.endsWith(LONG_NAME_SUFFIX))!;
    if (damage === 'gone') await store.remove(ROOT, root, file);
    else await put(store, root, file, Buffer.alloc(damage === 'another' ? 342 : 5000, 65));
    const fresh = client(store, { seed: 2, logger: listener(lines) });
    t.same(await listing(fresh, root), [], damage);
    t.equal(lines.length, 1);
    t.equal((await fresh.lookup(ROOT, root, LONG)).type, FlareType.file, 'who knows the name finds it');
    await fresh.rename(ROOT, root, LONG, root, 'short');
    t.same(await listing(fresh, root), ['short']);
    await fresh.remove(ROOT, root, 'short');
    t.same(await entries(store, root), []);
  }
});

t.test('a target that was altered', async (t) => {
  const { store, tree, lines, root } = await world();
  const target = Buffer.from('../target');
  const made = await tree.create(ROOT, root, 's', { type: FlareType.symlink, mode: 0o777, target });
  t.equal(made.size, target.length);
  t.same(await tree.readlink(ROOT, made), target);
  const [entry] = await entries(store, root);
  const stored = Buffer.from(store.readlink(ROOT, made) as Buffer);
  await store.remove(ROOT, root, entry!);
  const altered = Buffer.from(stored.toString().replace(/^./, (first) => (first === 'A' ? 'B' : 'A')));
  await store.create(ROOT, root, entry!, { type: FlareType.symlink, mode: 0o777, target: altered });
  t.equal(await statusOf(async () => tree.readlink(ROOT, await tree.lookup(ROOT, root, 's'))), 'IO');
  t.equal(lines.length, 1);
});

t.test('targets of up to 3,039 bytes', async (t) => {
  const { tree, root } = await world();
  const link = (name: string, length: number) =>
    tree.create(ROOT, root, name, { type: FlareType.symlink, mode: 0o777, target: Buffer.alloc(length, 'x') });
  const made = await link('longest', 3039);
  t.equal(made.size, 3039);
  t.equal((await tree.readlink(ROOT, made)).length, 3039);
  t.equal(await statusOf(() => link('longer', 3040)), 'NAMETOOLONG');
  t.equal(await statusOf(() => link('none', 0)), 'INVAL');
});

t.test(
  'who may search a directory finds names in it, who may read it lists it, also without the right to the IV',
  async (t) => {
    const { store, tree, root } = await world();
    const as = (mode: number, name: string) => tree.create(ALICE, root, name, { ...DIRECTORY, mode });
    const fresh = () => client(store, { seed: 3 });
    const search = await as(0o711, 'search');
    await tree.create(ALICE, search, 'f', FILE);
    t.equal((await fresh().lookup(BOB, search, 'f')).type, FlareType.file);
    t.equal(await statusOf(() => fresh().readdir(BOB, search, 0, 10)), 'ACCES');
    const read = await as(0o744, 'read');
    await tree.create(ALICE, read, 'f', FILE);
    t.same(await listing(fresh(), read, 10, BOB), ['f']);
    t.equal(await statusOf(() => fresh().lookup(BOB, read, 'f')), 'ACCES');
    t.equal(await statusOf(() => fresh().create(BOB, read, 'x'.repeat(200), FILE)), 'ACCES');
    t.same(await listing(tree, read), ['f']);
  },
);

t.test('a directory is removed by who may write to its parent, and by its owner whatever its mode', async (t) => {
  const { tree, root } = await world();
  await tree.create(ALICE, root, 'closed', { ...DIRECTORY, mode: 0 });
  t.equal((await tree.lookup(ROOT, root, 'closed')).mode, 0, 'made so');
  await tree.rmdir(ALICE, root, 'closed');
  await tree.create(ALICE, root, 'hers', { ...DIRECTORY, mode: 0o700 });
  await tree.rmdir(BOB, root, 'hers');
  const full = await tree.create(ALICE, root, 'full', { ...DIRECTORY, mode: 0o755 });
  await tree.create(ALICE, full, 'f', FILE);
  await tree.setattr(ALICE, full, { mode: 0o555 });
  t.equal(await statusOf(() => tree.rmdir(ALICE, root, 'full')), 'NOTEMPTY');
  t.equal((await tree.getattr(full)).mode, 0o555, 'as it was');
});

t.test('where uid 0 is nobody: a directory is removed by its owner whatever its mode', async (t) => {
  const { store, root } = await world();
  const nobody: Caller = { uid: 65_534, gid: 65_534, gids: [] };
  const isRoot = (arg: unknown) =>
    typeof arg === 'object' && arg !== null && 'gids' in arg && (arg as Caller).uid === 0;
  const squashing: FlareService = new Proxy(store, {
    get: (target, name) => {
      const member = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) =>
        member.apply(
          target,
          args.map((arg) => (isRoot(arg) ? nobody : arg)),
        );
    },
  });
  const tree = client(squashing);
  await tree.create(ALICE, root, 'closed', { ...DIRECTORY, mode: 0o500 });
  await tree.rmdir(ALICE, root, 'closed');
  await tree.create(ALICE, root, 'hers', { ...DIRECTORY, mode: 0o700 });
  t.equal(await statusOf(() => tree.rmdir(BOB, root, 'hers')), 'ACCES', 'refused whole');
  t.same(await listing(tree, root), ['hers']);
  await tree.rmdir(ALICE, root, 'hers');
});

t.test(
  'the tree is the directory that holds it: its root is its own parent, and nothing of the format has a name',
  async (t) => {
    const store = memory();
    const top = await store.create(ROOT, store.root(), 'cipher', { ...DIRECTORY, mode: 0o777 });
    const within: FlareService = new Proxy(store, {
      get: (target, name) => {
        const member = Reflect.get(target, name);
        if (name === 'root') return () => top;
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    await initialize(within);
    const tree = client(within);
    const { parent } = await tree.getattr(tree.root());
    t.same(parent, tree.root());
    for (const name of [CONF_NAME, DIRIV_NAME, `${LONG_NAME_PREFIX}x`]) {
      t.equal(await statusOf(() => tree.lookup(ROOT, tree.root(), name)), 'NOENT');
      await tree.create(ROOT, tree.root(), name, FILE);
    }
    t.same((await listing(tree, tree.root())).length, 3, 'they are names like others');
  },
);

t.test('a change that names a replay identity is refused before anything is done', async (t) => {
  const { store, tree, root } = await world();
  const who = { ...ROOT, replay: 'one' };
  await t.rejects(tree.create(who, root, 'f', FILE), RangeError);
  await t.rejects(tree.rename(who, root, 'f', root, 'g'), RangeError);
  t.same(await entries(store, root), []);
});
