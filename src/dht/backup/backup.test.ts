import fc from 'fast-check';
import t from 'tap';
import { silentLogger } from '../../base/logger.ts';
import { seededRandom } from '../../base/random.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { manualClock } from '../../base/testing/manual-clock.ts';
import { chooseSeed, LONG } from '../../base/testing/seed.ts';
import { keyText, SLICES } from '../../flare/keys.ts';
import type { LocalStore } from '../../flare/store/local-store.ts';
import { check, DIRECTORY, FILE, ROOT, testStore } from '../../flare/store/testing/harness.ts';
import { type Step, step, steps } from '../../flare/testing/histories.ts';
import { type FlareId, FlareType } from '../../flare/types.ts';
import type { RemoteBackup } from '../programs/node/client.ts';
import { alone, member } from '../testing/members.ts';
import { BackupSource } from '../volcano/backup-source.ts';
import { type BackupEnd, BackupWriter, type Cut, readBackups } from './format.ts';
import { restore } from './restore.ts';
import { type TakeOptions, take } from './take.ts';

/*
 * A backup of one volcano's slices while they change: what is restored of it is what there was at its moment (docs/backup.md).
 */

const RUNS = Number(process.env.MAGMA_RUNS ?? (LONG ? 300 : 12));
const ALL: readonly number[] = Array.from({ length: SLICES }, (_, slice) => slice);
const LIMITS = { cacheBytes: 1500, compactionMinBytes: 2_000_000 };
const NETWORK = '07'.repeat(16);

/** Notes of locks and losses are as a restore makes them. */
const OWN = ['lock/', 'loss/'].map((prefix) => `"name":"${Buffer.from(prefix).toString('hex')}`);

async function linesOf(store: LocalStore): Promise<string[]> {
  const all: string[] = [];
  for (const slice of ALL) {
    const [, ...lines] = await store.replica.lines(slice, false);
    all.push(...lines.filter((line) => !OWN.some((own) => line.includes(own))).map((line) => `${slice} ${line}`));
  }
  return all;
}

/** A volcano that has all slices, and what happens to it. */
class Source {
  readonly store: LocalStore;
  readonly clock = manualClock();
  readonly source: BackupSource;
  readonly ids: FlareId[];
  readonly written: Buffer[] = [];
  /** What there was at the moment of the last backup. */
  lines: readonly string[] = [];
  #calls = 0;
  #backups = 0;

  constructor(store: LocalStore) {
    this.store = store;
    this.ids = [store.root()];
    this.source = new BackupSource({
      ...{ clock: this.clock, random: seededRandom(3), logger: silentLogger, store },
      serving: { isOwn: () => true, isMine: () => true },
      map: { epoch: 1, current: true },
    });
  }

  async play(all: readonly Step[]): Promise<void> {
    for (const { run } of all) {
      if (run === 'tick') this.clock.advance(10);
      else if (run === 'compact') await this.store.compact();
      else if (typeof run === 'function') {
        const as = (who: typeof ROOT) => ({ ...who, replay: `call ${this.#calls++}` });
        try {
          const made = await run(this.store, (id) => this.ids[id % this.ids.length]!, as);
          if (made !== null && typeof made === 'object' && 'generation' in made) this.ids.push(made as FlareId);
        } catch {
          // The comparison shows it.
        }
      }
    }
  }

  /** Makes a backup; something is done between any two of its calls. */
  async backup(
    follows: { readonly id: string; readonly at: Cut } | null,
    rest: Step[],
    of: TakeOptions['of'] = null,
  ): Promise<{ bytes: Buffer; end: BackupEnd }> {
    const { source, clock } = this;
    const between = async (): Promise<void> => this.play(rest.splice(0, 3));
    const remote: RemoteBackup = {
      hold: async (id, ms) => {
        const at = source.hold(id, ms);
        this.lines = await linesOf(this.store);
        return at;
      },
      letGo: async (id) => source.letGo(id),
      read: async (whole, slices, shares) => {
        const reading = await source.read(whole, slices, shares);
        await between();
        return reading;
      },
      readOn: async (reading, page) => {
        await between();
        return source.readOn(reading, page);
      },
    };
    const chunks: Buffer[] = [];
    const writer = new BackupWriter(async (bytes) => void chunks.push(Buffer.from(bytes)));
    const id = seededRandom(++this.#backups)
      .bytes(16)
      .toString('hex');
    const share = of && { path: '/some', top: of.top };
    await writer.begin({ id, network: NETWORK, begun: 'then', version: '0', share, follows });
    const taken = await take({
      network: { projection: alone({ member: member(0), replicas: 1 }), backup: () => remote, refresh: async () => {} },
      ...{ clock, random: seededRandom(5), from: follows?.at ?? null, of },
      put: (records) => writer.records(records),
    });
    const end = await writer.end({ ...taken, taken: 'now' });
    return { bytes: Buffer.concat(chunks), end };
  }
}

async function openSource(): Promise<Source> {
  const { store } = await testStore({ disk: new SimulatedDisk(), segmentBytes: 8192, limits: LIMITS });
  return new Source(store);
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}

/** What is restored of backups, after a restart of that; and what a check of it finds. */
async function restored(bytes: Buffer, complete = true): Promise<string[]> {
  const disk = new SimulatedDisk();
  const clock = manualClock();
  const first = await testStore({ disk, clock, random: seededRandom(9), limits: LIMITS });
  await restore(first.store, readBackups(inPieces(bytes)), clock);
  await first.store.close();
  const { differences, faults } = await check(disk);
  if (complete && differences.length + faults.length > 0)
    throw new Error(JSON.stringify([...differences, ...faults].slice(0, 3)));
  const { store } = await testStore({ disk, clock, limits: LIMITS });
  const lines = await linesOf(store);
  await store.close();
  return lines;
}

function unlike(wanted: readonly string[], found: readonly string[], what: string): void {
  const odd = (one: readonly string[], other: readonly string[]): string =>
    one
      .filter((line) => !other.includes(line))
      .slice(0, 3)
      .join('\n');
  if (JSON.stringify(wanted) !== JSON.stringify(found))
    throw new Error(`${what}:\n${odd(wanted, found)}\nbut restored:\n${odd(found, wanted)}`);
}

t.test(
  'take, restore: whatever changes meanwhile, what is restored is what there was at the moment of the backup; with what another one adds, at the moment of that',
  async (t) => {
    const seed = chooseSeed();
    t.comment(`seed ${seed}`);
    let kept = 0;
    const history = async (all: readonly Step[], compact: boolean): Promise<void> => {
      const source = await openSource();
      const part = Math.floor(all.length / 4);
      await source.play(all.slice(0, part));
      const full = await source.backup(null, all.slice(part, 2 * part));
      const then = source.lines;
      unlike(then, await restored(full.bytes), 'the first');
      await source.play(all.slice(2 * part, 3 * part));
      if (compact) await source.store.compact();
      const more = await source.backup(full.end, all.slice(3 * part));
      if (more.end.whole.length < SLICES / 2) kept += 1;
      unlike(source.lines, await restored(Buffer.concat([full.bytes, more.bytes])), 'with what came behind it');
      source.source.stop();
      await source.store.close();
    };
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 40, maxLength: 160, size: 'max' }), fc.boolean(), history),
      { seed, numRuns: RUNS },
    );
    t.ok(kept > 0, 'of some the log had what was to be added');
  },
);

/** What lines say: which flares count in some shares, and what lies in directories that do. */
function countedIn(lines: readonly string[], shares: readonly number[]) {
  const changes = lines.map((line) => (line.includes(' {') ? JSON.parse(line.slice(line.indexOf('{'))) : {}));
  const flares = changes.flatMap(({ flare }) => (flare === undefined ? [] : [flare.flare]));
  const byKey = new Map<string, { type: number; mode: number }>(flares.map((flare) => [flare.id.key, flare]));
  const counts = (key: string): boolean => shares.includes((byKey.get(key)?.mode ?? 0) >>> 16);
  const below = changes.flatMap(({ entry }) =>
    entry !== undefined && counts(entry.directory.key) ? [entry.entry.id.key as string] : [],
  );
  const isTree = (key: string): boolean =>
    ([FlareType.file, FlareType.directory] as number[]).includes(byKey.get(key)!.type);
  /** Lines but for the contents of what counts elsewhere. */
  const kept = lines.filter((line) => !line.includes(' data ') || counts(line.split(' ')[2]!));
  return { counts, kept, strays: below.filter((key) => isTree(key) && !counts(key)) };
}

/** Directories that lie at the top or move, and files, by their numbers: 0 is the root. */
const DIRECTORIES = [1, 2, 3, 4, 5] as const;
const FILES = [6, 7, 8, 9, 10, 11] as const;

/** What moves, is linked, and comes to count elsewhere; each flare keeps its name, and `l` before it is its second one. */
const move = (at: number, to: number): Step =>
  step('move', [at, to], async (service, id) => {
    const { parent } = await service.getattr(id(at));
    return service.rename(ROOT, parent, `${at}`, id(to), `${at}`);
  });
const mark = (at: number, share: number): Step =>
  step('mark', [at, share], (service, id) => service.setattr(ROOT, id(at), { share }));
const write = (at: number, offset: number, length: number): Step =>
  step('write', [at, offset, length], (service, id) => service.write(ROOT, id(at), offset, Buffer.alloc(length, at)));
const link = (at: number, to: number): Step =>
  step('link', [at, to], (service, id) => service.link(ROOT, id(at), id(to), `l${at}`));
const unlink = (at: number, from: number): Step =>
  step('unlink', [at, from], (service, id) => service.remove(ROOT, id(from), `l${at}`));
const make = (to: number, name: number): Step =>
  step('make', [to, name], async (service, id) => {
    const made = await service.create(ROOT, id(to), `new${name}`, FILE);
    return service.write(ROOT, made, 0, Buffer.from('new'));
  });

const directory = fc.constantFrom(...DIRECTORIES);
const file = fc.constantFrom(...FILES);
const moves: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(file, fc.nat(200_000), fc.integer({ min: 1, max: 90_000 })).map((all) => write(...all)),
  fc.tuple(fc.constantFrom(...DIRECTORIES.slice(1), ...FILES), directory).map((all) => move(...all)),
  fc.tuple(file, directory).map((all) => link(...all)),
  fc.tuple(file, directory).map((all) => unlink(...all)),
  fc.tuple(fc.constantFrom(...DIRECTORIES, ...FILES), fc.nat(3)).map((all) => mark(...all)),
  fc.tuple(directory, fc.nat(9)).map((all) => make(...all)),
);

/** A file comes in while it is read, and after it was; a directory comes to count elsewhere, and nothing else changes. */
const EXAMPLES: [Step[], [number, number, number]][] = [
  [
    [mark(7, 1), move(7, 1)],
    [0, 2, 2],
  ],
  [
    [mark(7, 1), move(7, 1)],
    [0, 0, 2],
  ],
  [[mark(4, 2)], [0, 0, 1]],
];

t.test(
  'take, of a directory: all that lies in it is there with its contents, whatever moves in or out, or comes to count elsewhere; and contents of other shares are not',
  async (t) => {
    const seed = chooseSeed();
    t.comment(`seed ${seed}`);
    const seen = { without: 0, wider: 0, added: 0 };
    const history = async (all: readonly Step[], cuts: readonly number[]): Promise<void> => {
      const source = await openSource();
      const { store, ids } = source;
      const part = (n: number): Step[] => all.slice(cuts[n - 1] ?? 0, cuts[n] ?? all.length);
      // 1 to 3 count in a share each, 4 in the first, and 5 in the second one; what is born there does so, too.
      for (const at of DIRECTORIES) {
        const above = at < 4 ? store.root() : ids[at - 3]!;
        const made = await store.create(ROOT, above, `${at}`, DIRECTORY);
        ids.push(at < 4 ? await store.setattr(ROOT, made, { share: at }) : made);
      }
      for (const at of FILES) ids.push(await store.create(ROOT, ids[1 + (at % 5)]!, `${at}`, FILE));
      for (const at of FILES) await store.write(ROOT, ids[at]!, 0, Buffer.alloc(5000, at));
      const top = ids[1]!;
      const checked = async (bytes: Buffer, { shares }: BackupEnd, what: string): Promise<void> => {
        const wanted = countedIn(source.lines, shares!);
        unlike(wanted.kept, countedIn(await restored(bytes, false), shares!).kept, what);
        if (!wanted.counts(keyText(top.key)) || wanted.strays.length > 0)
          throw new Error(`${what}: what lies there counts elsewhere than in ${shares}: ${wanted.strays}`);
        if (wanted.kept.length < source.lines.length) seen.without += 1;
        if (shares!.length > 1) seen.wider += 1;
      };
      await source.play(part(0));
      const full = await source.backup(null, part(1), { top, shares: [1] });
      await checked(full.bytes, full.end, 'the first');
      await source.play(part(2));
      const more = await source.backup(full.end, part(3), { top, shares: full.end.shares! });
      if (more.end.whole.length === 0) seen.added += 1;
      await checked(Buffer.concat([full.bytes, more.bytes]), more.end, 'with what came behind it');
      source.source.stop();
      await store.close();
    };
    const cuts = fc.tuple(fc.nat(4), fc.integer({ min: 4, max: 9 }), fc.integer({ min: 9, max: 14 }));
    await fc.assert(fc.asyncProperty(fc.array(moves, { minLength: 10, maxLength: 20, size: 'max' }), cuts, history), {
      ...{ seed, numRuns: Math.ceil(RUNS / 2), examples: EXAMPLES },
    });
    t.comment(JSON.stringify(seen));
    t.ok(seen.without > 0 && seen.wider > 0 && seen.added > 0, 'all of that happened');
  },
);

t.test(
  'BackupSource.hold: nothing that is new is shown, nor answered, until it is let go or its time is over',
  async (t) => {
    const { store, clock } = await testStore();
    const parts = { clock, random: seededRandom(1), logger: silentLogger, store };
    const map = { epoch: 4, current: true };
    let own = true;
    const source = new BackupSource({ ...parts, map, serving: { isOwn: () => own, isMine: () => true } });
    const before = await store.create(ROOT, store.root(), 'before', FILE);
    const settledWithin = async (promise: Promise<unknown>): Promise<boolean> => {
      let settled = false;
      void promise.then(() => (settled = true));
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      return settled;
    };
    const at = source.hold(1, 60_000);
    t.equal(at.length, SLICES);
    const made = Promise.resolve(store.create(ROOT, store.root(), 'new', FILE));
    const looked = Promise.resolve(store.lookup(ROOT, store.root(), 'new'));
    t.notOk(await settledWithin(made), 'it is not answered');
    t.notOk(await settledWithin(looked), 'nor shown');
    t.same(await store.getattr(before), before, 'what there was is');
    t.throws(() => source.hold(2, 10), { name: 'Error' }, 'one at a time');
    t.equal(source.letGo(2), false, 'not by another one');
    t.equal(source.letGo(1), true);
    t.same(await looked, await made);
    t.equal(source.letGo(1), false, 'it is over');

    source.hold(3, 60_000);
    const later = Promise.resolve(store.create(ROOT, store.root(), 'later', FILE));
    t.notOk(await settledWithin(later));
    clock.advance(2_001);
    t.ok(await settledWithin(later), 'two seconds, whatever is asked for');
    t.equal(source.letGo(3), false, 'so it was not unbroken');

    source.hold(4, 1_000);
    own = false;
    t.equal(source.letGo(4), false, 'somebody else may have shown what is new');
    own = true;
    source.hold(5, 1_000);
    map.epoch = 5;
    t.equal(source.letGo(5), false, 'nor by another map');
    source.stop();
    await store.close();
  },
);

t.test('readBackups, restore: what is torn, damaged, missing or in another order is refused, and said', async (t) => {
  const source = await openSource();
  const file = await source.store.create(ROOT, source.store.root(), 'f', FILE);
  await source.store.write(ROOT, file, 0, Buffer.alloc(60_000, 'x'));
  const one = await source.backup(null, []);
  await source.store.write(ROOT, file, 0, Buffer.from('y'));
  const two = await source.backup(one.end, []);
  await source.store.write(ROOT, file, 0, Buffer.from('z'));
  const three = await source.backup(two.end, []);
  const refused = async (bytes: Buffer, message: RegExp, what: string): Promise<void> => {
    await t.rejects(restored(bytes), { name: 'BackupError', message }, what);
  };
  for (const length of [4, 10, 300, one.bytes.length >> 1, one.bytes.length - 1])
    await refused(
      one.bytes.subarray(0, length),
      length < 8 ? /no backup of magma/ : /ends in the middle/,
      `cut at ${length}`,
    );
  for (let at = 8; at < one.bytes.length; at += Math.ceil(one.bytes.length / 23)) {
    const damaged = Buffer.from(one.bytes);
    damaged[at] = damaged[at]! ^ 4;
    await refused(damaged, /is damaged at byte|ends in the middle/, `byte ${at}`);
  }
  await refused(Buffer.alloc(0), /it is empty/, 'nothing');
  await refused(Buffer.from('something else altogether'), /no backup of magma/, 'something else');
  await refused(Buffer.concat([one.bytes, Buffer.from('and more')]), /is damaged at byte/, 'something behind it');
  await refused(two.bytes, /holds only what has changed since another one .*missing/, 'the first is missing');
  await refused(Buffer.concat([one.bytes, three.bytes]), /does not follow the one before it/, 'one is missing');
  t.ok((await restored(Buffer.concat([one.bytes, two.bytes, three.bytes]))).length > 0);
  t.same([one.end.whole.length, two.end.whole, three.end.whole], [SLICES, [], []], 'what is added is what has changed');
  t.ok(two.bytes.length < one.bytes.length / 2);
  source.source.stop();
  await source.store.close();
});
