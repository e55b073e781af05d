import fc from 'fast-check';
import t from 'tap';
import type { Disk } from '../../base/disk.ts';
import { seededRandom } from '../../base/random.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { manualClock } from '../../base/testing/manual-clock.ts';
import { FlareError } from '../errors.ts';
import { inlineIndexHost } from '../index/inline-host.ts';
import { keyText } from '../keys.ts';
import type { FlareService } from '../service.ts';
import { MemoryService } from '../testing/memory-service.ts';
import { type AttributeChanges, type Attributes, type Caller, type FlareId, FlareType } from '../types.ts';
import type { LocalStore } from './local-store.ts';
import { ALICE, BOB, checkSound, ROOT, testStore } from './testing/harness.ts';
import { LaggingIndex } from './testing/lagging-index.ts';

/*
 * Random histories of all operations, restarts and compactions, against `MemoryService`: the promises of `FlareService`, docs/architecture.md.
 */

const LONG = process.env.MAGMA_LONG === '1';
const RUNS = LONG ? 1000 : 60;
const CALLERS = [ROOT, ALICE, BOB] as const;

/** The same flare on both sides. */
interface Pair {
  readonly real: FlareId;
  readonly model: FlareId;
}

interface World {
  store: LocalStore;
  readonly model: MemoryService;
  readonly pairs: Pair[];
}

type Side = (service: FlareService, id: (at: number) => FlareId, as: (who: Caller) => Caller) => unknown;
interface Step {
  readonly text: string;
  readonly run: Side | 'restart' | 'compact' | 'tick' | 'again' | 'apply' | 'recall';
  readonly [fc.toStringMethod]: () => string;
}

const name = fc.constantFrom('a', 'b', 'c', 'd', '\xff', 'x'.repeat(255), '', '..', 'y'.repeat(256));
const flare = fc.nat(30);
const caller = fc.constantFrom(...CALLERS);
const offset = fc.oneof(fc.nat(10_000), fc.constantFrom(0, 4096, 1_048_570, 3_000_000, 2 ** 50 - 5, 2 ** 50));
const mode = fc.constantFrom(0o644, 0o755, 0o777, 0o1777, 0o2775, 0o6755, 0, 0o400);
const time = fc.constantFrom('now' as const, { seconds: 5, nanoseconds: 7000 });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const changes = fc
  .record({
    mode: maybe(mode),
    uid: maybe(fc.constantFrom(0, 1000, 2000)),
    gid: maybe(fc.constantFrom(0, 100, 101, 200)),
    size: maybe(offset),
    atime: maybe(time),
    mtime: maybe(time),
  })
  .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as AttributeChanges);
const type = fc.constantFrom(
  ...Object.values(FlareType),
  FlareType.file,
  FlareType.file,
  FlareType.directory,
  FlareType.directory,
);

function step(kind: string, args: readonly unknown[], run: Step['run']): Step {
  const text = `${kind}(${args.map((arg) => (typeof arg === 'object' ? JSON.stringify(arg) : String(arg).slice(0, 12))).join(', ')})`;
  return { text, run, [fc.toStringMethod]: () => text };
}

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(caller, flare, name, type, mode, maybe(offset), fc.constantFrom('open' as const, 'refuse' as const))
      .map(([who, dir, called, type, mode, size, existing]) =>
        step('create', [who, dir, called, type, mode, size, existing], (service, id, as) => {
          const birth = {
            type,
            mode,
            ...(size === undefined ? {} : { size }),
            ...(type === FlareType.symlink ? { target: Buffer.from('to') } : {}),
          };
          return service.create(as(who), id(dir), called, birth, { existing });
        }),
      ),
  },
  {
    weight: 8,
    arbitrary: fc
      .tuple(caller, flare, offset, fc.uint8Array({ maxLength: 3000, size: 'max' }))
      .map(([who, at, offset, data]) =>
        step('write', [who, at, offset, data.length], (service, id, as) =>
          service.write(as(who), id(at), offset, data),
        ),
      ),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(caller, flare, offset, fc.nat(20_000))
      .map(([who, at, offset, count]) =>
        step('read', [who, at, offset, count], (service, id) => service.read(who, id(at), offset, count)),
      ),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(caller, flare, changes)
      .map(([who, at, changes]) =>
        step('setattr', [who, at, changes], (service, id, as) => service.setattr(as(who), id(at), changes)),
      ),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(caller, flare, name)
      .map(([who, dir, called]) =>
        step('lookup', [who, dir, called], (service, id) => service.lookup(who, id(dir), called)),
      ),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(caller, flare, name)
      .map(([who, dir, called]) =>
        step('remove', [who, dir, called], (service, id, as) => service.remove(as(who), id(dir), called)),
      ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(caller, flare, name)
      .map(([who, dir, called]) =>
        step('rmdir', [who, dir, called], (service, id, as) => service.rmdir(as(who), id(dir), called)),
      ),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(caller, flare, name, flare, name)
      .map(([who, from, fromName, to, toName]) =>
        step('rename', [who, from, fromName, to, toName], (service, id, as) =>
          service.rename(as(who), id(from), fromName, id(to), toName),
        ),
      ),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(caller, flare, flare, name)
      .map(([who, at, dir, called]) =>
        step('link', [who, at, dir, called], (service, id, as) => service.link(as(who), id(at), id(dir), called)),
      ),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(caller, flare, fc.nat(8), fc.nat(5))
      .map(([who, dir, cookie, limit]) =>
        step('readdir', [who, dir, cookie, limit], (service, id) => service.readdir(who, id(dir), cookie, limit)),
      ),
  },
  { weight: 2, arbitrary: flare.map((at) => step('readlink', [at], (service, id) => service.readlink(ROOT, id(at)))) },
  { weight: 2, arbitrary: flare.map((at) => step('getattr', [at], (service, id) => service.getattr(id(at)))) },
  { weight: 1, arbitrary: fc.constant(step('restart', [], 'restart')) },
  { weight: 1, arbitrary: fc.constant(step('compact', [], 'compact')) },
  { weight: 1, arbitrary: fc.constant(step('tick', [], 'tick')) },
  { weight: 4, arbitrary: fc.constant(step('apply', [], 'apply')) },
  { weight: 5, arbitrary: fc.constant(step('again', [], 'again')) },
  { weight: 3, arbitrary: fc.constant(step('recall', [], 'recall')) },
);

/** What an operation gave, without what may differ: generations and versions, salted keys, a file's choice of parent. */
function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('latin1');
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  const kept = Object.entries(value).filter(
    ([field]) => !['key', 'generation', 'version', 'parent', 'fileid'].includes(field),
  );
  return Object.fromEntries(kept.map(([field, inner]) => [field, plain(inner)] as const).sort());
}

async function outcome(run: () => unknown): Promise<{ shown: unknown; value: unknown }> {
  try {
    const value = await run();
    return { shown: value === undefined || value === null ? 'done' : plain(value), value };
  } catch (error) {
    if (error instanceof FlareError) return { shown: error.status, value: null };
    throw error;
  }
}

function same(text: string, real: unknown, model: unknown): void {
  const [got, wanted] = [JSON.stringify(real), JSON.stringify(model)];
  if (got !== wanted) throw new Error(`${text}\n  gave   ${got.slice(0, 600)}\n  wanted ${wanted.slice(0, 600)}`);
}

t.test('Random histories: the store answers as the model does, over restarts and compactions', async (t) => {
  const history = async (all: readonly Step[]): Promise<void> => {
    const clock = manualClock();
    const disk = new SimulatedDisk();
    let index: LaggingIndex | undefined;
    const indexHost = async ({ disk }: { disk: Disk }): Promise<LaggingIndex> => {
      index = new LaggingIndex(await inlineIndexHost({ disk }));
      return index;
    };
    const options = {
      disk,
      clock,
      indexHost,
      random: seededRandom(7),
      segmentBytes: 8192,
      limits: { cacheBytes: 1500 },
    };
    const first = await testStore(options);
    const { store } = first;
    index!.lag();
    let { errors } = first;
    const model = new MemoryService({ clock, random: seededRandom(8), root: { mode: 0o777 } });
    const world: World = { store, model, pairs: [{ real: store.root(), model: model.root() }] };
    let last: Step | null = null;
    let calls = 0;
    /** The last call. Null after a restart: what changed nothing is remembered in memory only. */
    let asked: string | null = null;
    for (const next of all) {
      const chosen: Step = next.run === 'again' && last !== null ? last : next;
      const { text, run } = chosen;
      if (run === 'recall') {
        if (asked === null) continue;
        const replay = asked;
        const told = (service: FlareService) =>
          outcome(async () => {
            const answer = await service.recall(replay);
            return answer === undefined ? 'nothing' : answer;
          });
        same(`recall of ${replay}`, (await told(world.store)).shown, (await told(model)).shown);
        continue;
      }
      if (next.run !== 'again') calls++;
      const as = (who: Caller): Caller => ({ ...who, replay: `call ${calls}` });
      if (run === 'again') continue;
      if (run === 'apply') {
        await index?.catchUp(3);
        continue;
      }
      if (run === 'restart') {
        await world.store.close();
        asked = null;
        const opened = await testStore(options);
        world.store = opened.store;
        index!.lag();
        errors = opened.errors;
      } else if (run === 'compact') {
        await world.store.compact();
        if (errors.length > 0) throw new Error(errors.join('\n'));
      } else if (run === 'tick') {
        clock.advance(10);
      } else {
        last = chosen;
        const real = await outcome(() => run(world.store, (at) => world.pairs[at % world.pairs.length]!.real, as));
        const expected = await outcome(() => run(model, (at) => world.pairs[at % world.pairs.length]!.model, as));
        same(text, real.shown, expected.shown);
        asked = `call ${calls}`;
        remember(world, real.value, expected.value);
      }
    }
    await world.store.close();
    await checkSound(t, disk, 'the store is sound after the history');
  };
  const seed = Number(process.env.MAGMA_SEED ?? Date.now() % 2 ** 31);
  t.comment(`seed ${seed}`);
  const told = (error: unknown): never => {
    const { message, cause } = error as Error;
    throw new Error(`${message.slice(0, 4000)}\n${(cause as Error | undefined)?.message ?? ''}`);
  };
  await fc
    .assert(fc.asyncProperty(fc.array(steps, { minLength: 20, maxLength: 120, size: 'max' }), history), {
      seed,
      numRuns: RUNS,
    })
    .catch(told);
});

/** Keeps the flares that were born, for later steps: those that are gone too, as stale handles. */
function remember(world: World, real: unknown, model: unknown): void {
  const [one, other] = [real as Attributes | null, model as Attributes | null];
  if (typeof one?.key !== 'string' || typeof other?.key !== 'string') return;
  const text = (id: FlareId): string => `${keyText(id.key)} ${id.generation}`;
  if (world.pairs.some((pair) => text(pair.real) === text(one))) return;
  if (world.pairs.length < 12) world.pairs.push({ real: one, model: other });
  else world.pairs[1 + (one.fileid % 11)] = { real: one, model: other };
}
