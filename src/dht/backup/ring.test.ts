import t, { type Test } from 'tap';
import { manualClock } from '../../base/testing/manual-clock.ts';
import { chooseSeed, LONG } from '../../base/testing/seed.ts';
import type { FlareService } from '../../flare/service.ts';
import type { LocalStore } from '../../flare/store/local-store.ts';
import { SECRET_NOTE } from '../../flare/store/open.ts';
import { DIRECTORY, FILE, ROOT, testStore } from '../../flare/store/testing/harness.ts';
import type { Attributes, FlareId, Name } from '../../flare/types.ts';
import { BackupOperator, type MadeBackup, restoredDisk } from '../testing/backup.ts';
import { MIRRORED, mirroredRing } from '../testing/mirrored.ts';
import { Operator } from '../testing/operator.ts';
import type { VirtualRing } from '../testing/virtual-ring.ts';

/*
 * Backups of rings while they serve (docs/backup.md): what is restored is one moment of the history. Operations over several owners are in it wholly or not at all, and nothing without what it came after.
 */

const ROUNDS = Number(process.env.MAGMA_RUNS ?? (LONG ? 40 : 3));
/** Files that are counted up one after the other, each when the one before it has been answered. */
const CHAIN = 6;
const START = { ...MIRRORED, failoverMs: 3_000 };

/** Clients of a ring, and what they have made. */
class Load {
  readonly #ring: VirtualRing;
  readonly #random;
  readonly #through: readonly number[];
  readonly #chainIn: Name | null;
  over = false;
  rounds = 0;
  readonly #working: Promise<void>[] = [];

  /** `through`: volcanos that are called, each by chance; they stay. `chainIn`: where the files lie that are counted up; null: in the root. */
  constructor(ring: VirtualRing, through: readonly number[], chainIn: Name | null = null) {
    this.#ring = ring;
    this.#random = ring.random();
    this.#through = through;
    this.#chainIn = chainIn;
  }

  get #tree(): FlareService {
    const { volcanos } = this.#ring;
    return volcanos[this.#through[this.#random.below(this.#through.length)]!]!.up.flares;
  }

  /** Again while its volcano is not there; what a call that was not answered has done is looked at by who calls. */
  async #call<T>(work: (tree: FlareService) => T | Promise<T>): Promise<T | undefined> {
    for (let tries = 0; ; tries++) {
      try {
        return await work(this.#tree);
      } catch (error) {
        const { status } = error as { status?: string };
        if (status === 'EXIST' || status === 'NOENT') return undefined;
        if (tries > 100) throw error;
        await this.#ring.pause(50);
      }
    }
  }

  async prepare(): Promise<void> {
    const root = this.#tree.root();
    for (const name of ['from', 'to', 'many']) await this.#tree.create(ROOT, root, name, DIRECTORY);
    const from = await this.#tree.lookup(ROOT, root, 'from');
    for (let at = 0; at < 4; at++) await this.#tree.create(ROOT, from, `moving${at}`, FILE);
    const chain = this.#chainIn === null ? root : await this.#tree.lookup(ROOT, root, this.#chainIn);
    for (let at = 0; at < CHAIN; at++) await this.#tree.create(ROOT, chain, `chain${at}`, FILE);
  }

  start(): void {
    this.#working.push(this.#chain(), this.#move(0), this.#move(1), this.#make());
  }

  async end(): Promise<void> {
    this.over = true;
    await this.#ring.settle(Promise.all(this.#working));
  }

  async #id(directory: FlareId, name: Name): Promise<Attributes | undefined> {
    return this.#call((tree) => tree.lookup(ROOT, directory, name));
  }

  async #chain(): Promise<void> {
    const root = this.#tree.root();
    const chain = this.#chainIn === null ? root : (await this.#id(root, this.#chainIn))!;
    for (let count = 1; !this.over; count++) {
      await this.#ring.pause(3);
      for (let at = 0; at < CHAIN && !this.over; at++) {
        const file = await this.#id(chain, `chain${at}`);
        const bytes = Buffer.from(`${count}`.padStart(9, '0'));
        await this.#call((tree) => tree.write(ROOT, file!, 0, bytes));
      }
      this.rounds = count;
    }
  }

  /** Files go to and fro between two directories. */
  async #move(which: number): Promise<void> {
    const root = this.#tree.root();
    const [from, to] = [await this.#id(root, 'from'), await this.#id(root, 'to')];
    for (let round = 0; !this.over; round++) {
      await this.#ring.pause(8);
      const [here, there] = round % 2 === 0 ? [from!, to!] : [to!, from!];
      for (const name of [`moving${2 * which}`, `moving${2 * which + 1}`])
        await this.#call((tree) => tree.rename(ROOT, here, name, there, name));
    }
  }

  async #make(): Promise<void> {
    const many = (await this.#id(this.#tree.root(), 'many'))!;
    for (let round = 0; !this.over; round++) {
      await this.#ring.pause(8);
      const [name, other] = [`n${round % 17}`, `m${round % 5}`];
      const made = await this.#call((tree) => tree.create(ROOT, many, name, round % 3 === 0 ? DIRECTORY : FILE));
      if (made !== undefined && round % 3 !== 0) await this.#call((tree) => tree.link(ROOT, made, many, other));
      await this.#call((tree) =>
        round % 2 === 0 ? tree.rmdir(ROOT, many, name) : tree.remove(ROOT, many, other),
      ).catch(() => {});
    }
  }
}

/** What is in the chain's files, and which of two directories has the files that move. */
async function lookedAt(
  store: LocalStore,
  chainIn: Name | null,
): Promise<{ readonly chain: number[]; readonly moving: string[] }> {
  const root = store.root();
  const within = chainIn === null ? root : await store.lookup(ROOT, root, chainIn);
  const chain: number[] = [];
  for (let at = 0; at < CHAIN; at++) {
    const { data } = await store.read(ROOT, await store.lookup(ROOT, within, `chain${at}`), 0, 100);
    chain.push(Number(data.toString()));
  }
  const moving: string[] = [];
  for (const name of ['from', 'to']) moving.push(...(await namesIn(store, name)));
  return { chain, moving: moving.filter((name) => name.startsWith('moving')).sort() };
}

async function namesIn(store: LocalStore, name: Name): Promise<Name[]> {
  const { entries } = await store.readdir(ROOT, await store.lookup(ROOT, store.root(), name), 0, 100);
  return entries.map((entry) => entry.name);
}

/** Restores, and looks whether that is a moment of the history. Returns how often the chain had been gone round. `only`: the directory that it is of, where the chain lies. */
async function checkMoment(t: Test, bytes: Buffer, what: string, only: Name | null = null): Promise<number> {
  const { disk, told, wrong } = await restoredDisk(bytes);
  // Of one directory it has no contents of others.
  const left = only === null ? wrong : wrong.filter((fault) => !/holds 0 bytes and says/.test(JSON.stringify(fault)));
  t.same(left, [], `${what}: the tree is one, every link count is right (${JSON.stringify(told.undone)})`);
  const { store } = await testStore({ disk, clock: manualClock() });
  const { chain, moving } = await lookedAt(store, only);
  const [first = 0] = chain;
  const sound = chain.every((count, at) => count <= (chain[at - 1] ?? first)) && chain.at(-1)! >= first - 1;
  t.ok(sound, `${what}: each is there with what it came after: ${chain.join(' ')}`);
  t.same(moving, ['moving0', 'moving1', 'moving2', 'moving3'], `${what}: what moves is in one of two directories`);
  t.same([...store.notes('joint/').keys()], [], `${what}: nothing is under way`);
  if (only !== null) {
    const within = await store.lookup(ROOT, store.root(), only);
    for (const name of (await namesIn(store, only)).filter((one) => one.startsWith('moving'))) {
      const { data } = await store.read(ROOT, await store.lookup(ROOT, within, name), 0, 100);
      t.equal(data.toString(), name, `${what}: what has come in has its contents`);
    }
  }
  await store.close();
  return first;
}

t.test('Backups in the midst of operations over several owners show one moment of the history', async (t) => {
  const seed = chooseSeed();
  t.comment(`seed ${seed}`);
  const ring = await mirroredRing(3, START);
  const load = new Load(ring, [0, 1, 2]);
  await ring.settle(load.prepare());
  const operator = new BackupOperator(ring);
  load.start();
  await ring.time.run(60 + (seed % 60));
  const made: MadeBackup[] = [];
  const first = ring.volcanos[0]!.up;
  for (let round = 0; round < ROUNDS; round++) {
    const before = load.rounds;
    const follows = round % 3 === 0 ? null : made.at(-1)!.end;
    const one = await ring.settle(operator.backup(follows));
    made.push(one);
    const from = made.length - 1 - (round % 3);
    const bytes = Buffer.concat(made.slice(from).map((each) => each.bytes));
    const count = await checkMoment(t, bytes, `backup ${round}`);
    t.ok(count >= before && count <= load.rounds + 1, 'it is as new as when it was asked for');
    if (follows !== null) t.ok(one.end.whole.length < 256, 'what the logs have is not read whole');
    await ring.time.run(40);
  }
  t.ok(load.rounds > 3, `${load.rounds} rounds`);
  await load.end();
  await ring.quiet();

  // At rest: another volcano than before has all that a new one of the same needs.
  const last = await ring.settle(operator.backup(null));
  const { disk } = await restoredDisk(last.bytes);
  const { store } = await testStore({ disk, clock: manualClock() });
  const [secret, there] = [store.note(SECRET_NOTE), first.notes.note(SECRET_NOTE)];
  t.ok(secret?.equals(there!), 'handles are made under the same secret');
  const root = first.flares.root();
  const here = await ring.settle(Promise.resolve(first.flares.lookup(ROOT, root, 'chain0')));
  const restored = await store.lookup(ROOT, store.root(), 'chain0');
  t.same(restored, { ...here, version: restored.version }, 'keys, generations, fileids and times are the same');
  t.same(store.root(), root);
  await store.close();
  await ring.close();
});

t.test(
  'A backup of one directory shows one moment of it, with the contents of all that moves in and out over several owners, and not those of other shares',
  async (t) => {
    const ring = await mirroredRing(3, START);
    const load = new Load(ring, [0, 1, 2], 'from');
    await ring.settle(load.prepare());
    const { flares: tree } = ring.volcanos[0]!.up;
    const bulk = Buffer.alloc(50_000, 'of another share ');
    const marked = async (): Promise<Attributes> => {
      const shares = { from: 1, to: 2, many: 3 };
      for (const [name, share] of Object.entries(shares))
        await tree.setattr(ROOT, await tree.lookup(ROOT, tree.root(), name), { share });
      const [from, many] = await Promise.all(['from', 'many'].map((name) => tree.lookup(ROOT, tree.root(), name)));
      for (let at = 0; at < CHAIN; at++)
        await tree.setattr(ROOT, await tree.lookup(ROOT, from!, `chain${at}`), { share: 1 });
      for (let at = 0; at < 4; at++) {
        const file = await tree.lookup(ROOT, from!, `moving${at}`);
        await tree.setattr(ROOT, file, { share: 1 + (at % 2) });
        await tree.write(ROOT, file, 0, Buffer.from(`moving${at}`));
      }
      await tree.write(ROOT, await tree.create(ROOT, many!, 'bulk', FILE), 0, bulk);
      return from!;
    };
    const top = await ring.settle(marked());
    const operator = new BackupOperator(ring);
    load.start();
    await ring.time.run(60);
    const full = await ring.settle(operator.backup(null, { of: { top, shares: [1] } }));
    await checkMoment(t, full.bytes, 'the first', 'from');
    t.same(full.end.shares, [1, 2], 'what counts in another share and moves in and out is in it, as all of that share');
    await ring.time.run(40);
    const more = await ring.settle(operator.backup(full.end, { of: { top, shares: full.end.shares! } }));
    await checkMoment(t, Buffer.concat([full.bytes, more.bytes]), 'with what has come since', 'from');
    t.same(more.end.whole, [], 'by the log');
    for (const { bytes } of [full, more]) t.notOk(bytes.includes('of another share'));
    await load.end();
    await ring.close();
  },
);

t.test('A volcano dies while a backup is made: it goes on with who takes over, or fails and says so', async (t) => {
  const ring = await mirroredRing(3, START);
  const load = new Load(ring, [0]);
  await ring.settle(load.prepare());
  const operator = new BackupOperator(ring);
  load.start();
  await ring.time.run(60);
  let killed = false;
  const { bytes } = await ring.settle(
    operator.backup(null, {
      read: () => {
        if (!killed) ring.kill(1, 'power');
        killed = true;
      },
    }),
  );
  const { map, volcanos } = ring.volcanos[0]!.up.projection();
  t.notOk(
    map.some(({ primary }) => volcanos[primary]!.nickname === 'v1'),
    'it was taken over from',
  );
  await checkMoment(t, bytes, 'with who has taken over');
  await load.end();
  // Of what v2 has nobody else has a copy that could serve it: who arbitrates is gone, too.
  const half = operator.backup(null, {
    giveUpMs: 5_000,
    read: () => {
      for (const number of [0, 2]) if (ring.volcanos[number]!.ring !== null) ring.kill(number);
    },
  });
  await t.rejects(ring.settle(half), { name: 'BackupError', message: /slice \d+ cannot be read from v[02]: / });
});

t.test('A backup that moves of slices break into is of one moment all the same', async (t) => {
  let left = false;
  const ring = await mirroredRing(3, { ...START, left: () => (left = true) });
  const load = new Load(ring, [0, 1]);
  await ring.settle(load.prepare());
  load.start();
  await new Operator(ring).leave(0, 'v2');
  const backups = new BackupOperator(ring);
  const epochs = new Set<number>();
  for (let round = 0; round < 3; round++) {
    const { bytes, end } = await ring.settle(backups.backup(null));
    epochs.add(end.epoch);
    await checkMoment(t, bytes, `while v2 leaves, ${round}`);
    for (let steps = 0; steps < 40 && !left; steps++) await ring.time.run(10);
    // As magmad does.
    if (left) await ring.stop(2);
  }
  t.comment(`epochs ${[...epochs]}`);
  await load.end();
  await ring.close();
});
