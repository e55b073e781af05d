import fc from 'fast-check';
import t from 'tap';
import { seededRandom } from '../../../base/random.ts';
import { SimulatedDisk } from '../../../base/simulated-disk.ts';
import { manualClock } from '../../../base/testing/manual-clock.ts';
import { chooseSeed, LONG } from '../../../base/testing/seed.ts';
import { LOCAL_SLICE, ROOT_KEY, sliceOf } from '../../keys.ts';
import { batchRecords } from '../../kml/format.ts';
import { LockKind, type LockMode } from '../../locks/types.ts';
import type { FlareService } from '../../service.ts';
import { MemoryService } from '../../testing/memory-service.ts';
import { type Attributes, FlareType } from '../../types.ts';
import type { LocalStore } from '../local-store.ts';
import { groupsOf } from '../log-tail.ts';
import { checkRebuilt, checkSound, FILE, ROOT, statusOf, testStore } from '../testing/harness.ts';
import { bytes } from './testing/requests.ts';

/*
 * Several owners lock and unlock at random, on the real store and on the one in memory, against a map of bytes for each of them; in between the store is closed, cleaned, or loses its power. A mirror that takes
 * its records has the same.
 */

const SEED = chooseSeed();
const BYTES = 16;
const NOT_MIRRORED = [LOCAL_SLICE, sliceOf(ROOT_KEY)];
const OWNERS = ['a1', 'a2', 'b1', 'c1'] as const;

type Step =
  | {
      readonly do: 'lock';
      readonly owner: string;
      readonly kind: LockKind;
      readonly file: number;
      readonly start: number;
      readonly length: number;
      readonly mode: LockMode | 'none';
    }
  | { readonly do: 'release'; readonly holder: string; readonly file: number }
  | { readonly do: 'restart' | 'compact' | 'cut' };

const locking = fc.record({
  do: fc.constant('lock' as const),
  owner: fc.constantFrom(...OWNERS),
  kind: fc.constantFrom(LockKind.bytes, LockKind.bytes, LockKind.whole),
  file: fc.nat(1),
  start: fc.nat(BYTES - 1),
  length: fc.integer({ min: 1, max: BYTES }),
  mode: fc.constantFrom<LockMode | 'none'>('shared', 'exclusive', 'none'),
});
const releasing = fc.record({
  do: fc.constant('release' as const),
  holder: fc.constantFrom('host a', 'host b'),
  file: fc.nat(1),
});
const disturbing = fc.record({ do: fc.constantFrom('restart' as const, 'compact' as const, 'cut' as const) });
const histories = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: locking },
    { weight: 1, arbitrary: releasing },
    { weight: 2, arbitrary: disturbing },
  ),
  { maxLength: 40 },
);

/** What every owner has of every byte. The byte behind the last is the rest of the file. */
class Model {
  readonly #modes = new Map<string, (LockMode | 'none')[]>();

  #of(file: number, kind: LockKind, owner: string): (LockMode | 'none')[] {
    const name = `${file} ${kind} ${owner}`;
    let modes = this.#modes.get(name);
    if (modes === undefined) {
      modes = new Array(BYTES + 1).fill('none');
      this.#modes.set(name, modes);
    }
    return modes;
  }

  lock({ file, kind, owner, start, length, mode }: Extract<Step, { do: 'lock' }>): 'OK' | 'AGAIN' {
    const [from, to] =
      kind === LockKind.whole ? [0, BYTES] : [start, start + length > BYTES ? BYTES : start + length - 1];
    for (const other of OWNERS) {
      const modes = this.#of(file, kind, other).slice(from, to + 1);
      if (other === owner || mode === 'none') continue;
      if (modes.includes('exclusive') || (mode === 'exclusive' && modes.includes('shared'))) return 'AGAIN';
    }
    this.#of(file, kind, owner).fill(mode, from, to + 1);
    return 'OK';
  }

  release(file: number, holder: string): void {
    for (const owner of OWNERS) {
      if (`host ${owner[0]}` !== holder) continue;
      for (const kind of [LockKind.bytes, LockKind.whole]) this.#of(file, kind, owner).fill('none');
    }
  }

  /** Locks as `LockKeeper.held` lists them, in no order. */
  held(files: readonly string[]): string[] {
    const found: string[] = [];
    for (const [name, modes] of this.#modes) {
      const [file, kind, owner] = name.split(' ');
      for (let at = 0; at <= BYTES; ) {
        let next = at + 1;
        while (next <= BYTES && modes[next] === modes[at]) next++;
        if (modes[at] !== 'none')
          found.push(`${files[Number(file)]} ${kind} ${owner} ${at} ${next > BYTES ? 'end' : next - 1} ${modes[at]}`);
        at = next;
      }
    }
    return found.sort();
  }
}

function heldBy(store: LocalStore): string[] {
  return store.locks
    .listed('')
    .locks.map(({ id, lock: { kind, owner, start, last, mode } }) => {
      return `${id.key} ${kind} ${owner} ${start} ${last > 1000n ? 'end' : last} ${mode}`;
    })
    .sort();
}

function requestOf({ owner, kind, start, length, mode }: Extract<Step, { do: 'lock' }>) {
  const toEnd = kind === LockKind.whole || start + length > BYTES;
  return { ...bytes(owner, mode, kind === LockKind.whole ? 0 : start, toEnd ? undefined : length), kind };
}

t.test(
  'locks of several owners are those of a map of bytes, whatever happens to the store; mirrors have the same',
  async (t) => {
    t.comment(`seed ${SEED}`);
    const run = async (history: readonly Step[]): Promise<void> => {
      const clock = manualClock();
      let disk = new SimulatedDisk();
      const mirrorDisk = new SimulatedDisk();
      const join = { networkId: Buffer.alloc(16, 7), rootGeneration: 1 };
      const mirror = (await testStore({ disk: mirrorDisk, clock, boot: false, join })).store;
      const open = async (): Promise<LocalStore> => {
        const { store } = await testStore({ disk, clock, segmentBytes: 8192 });
        store.replica.onWriting((batch) => {
          const payloads = [...batchRecords(batch)].map(({ payload }) => payload);
          // The root's slice has records from before it was mirrored.
          const groups = groupsOf(payloads, ({ slice, base }) => !base && !NOT_MIRRORED.includes(slice));
          t.equal(mirror.replica.following.take(groups).gap, null);
        });
        return store;
      };
      let store = await open();
      const ids: Attributes[] = [];
      for (const name of ['f', 'g']) ids.push(await store.create(ROOT, store.root(), name, FILE));
      const model = new Model();
      const files = ids.map(({ key }) => key);
      for (const step of history) {
        if (step.do === 'lock') {
          const answer = await statusOf(() => store.locks.lock(ROOT, ids[step.file]!, requestOf(step)));
          t.equal(answer, model.lock(step));
        } else if (step.do === 'release') {
          await store.locks.release(step.holder, [ids[step.file]!]);
          model.release(step.file, step.holder);
        } else if (step.do === 'compact') {
          await store.compact();
        } else {
          if (step.do === 'restart') await store.close();
          else disk = disk.powerCut(seededRandom(SEED));
          store = await open();
        }
        t.same(heldBy(store), model.held(files), step.do);
      }
      await store.compact();
      t.same(heldBy(mirror), model.held(files), 'the mirror');
      await store.close();
      await checkSound(t, disk, 'the index equals one rebuilt from the log');
      await mirror.close();
      await checkRebuilt(t, mirrorDisk);
    };
    await fc.assert(fc.asyncProperty(histories, run), { numRuns: LONG ? 500 : 30, seed: SEED });
  },
);

t.test('the service in memory keeps the same locks', async (t) => {
  const run = async (history: readonly Step[]): Promise<void> => {
    const service: FlareService = new MemoryService({ clock: manualClock(), random: seededRandom(1) });
    const birth = { type: FlareType.file, mode: 0o644 } as const;
    const ids: Attributes[] = [];
    for (const name of ['f', 'g']) ids.push(await service.create(ROOT, service.root(), name, birth));
    const model = new Model();
    for (const step of history) {
      if (step.do === 'lock') {
        t.equal(await statusOf(() => service.locks.lock(ROOT, ids[step.file]!, requestOf(step))), model.lock(step));
      } else if (step.do === 'release') {
        await service.locks.release(step.holder, [ids[step.file]!]);
        model.release(step.file, step.holder);
      }
    }
  };
  await fc.assert(fc.asyncProperty(histories, run), { numRuns: 200, seed: SEED });
});
