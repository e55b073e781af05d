import t from 'tap';
import { seededRandom } from '../../base/random.ts';
import { manualClock } from '../../base/testing/manual-clock.ts';
import { FlareError } from '../../flare/errors.ts';
import {
  BusyError,
  type JointPart,
  type JointStore,
  type OperationId,
  type Step,
  type StepAnswer,
} from '../../flare/joint.ts';
import { keyFromText, ROOT_KEY, sliceOf } from '../../flare/keys.ts';
import { ROOT } from '../../flare/testing/histories.ts';
import { type Attributes, FlareType, type Key } from '../../flare/types.ts';
import { coordinate } from './operation.ts';
import { rename } from './rename.ts';
import type { OwnStore, Ring } from './ring.ts';

/* What a coordinator answers when what it has looked at changes meanwhile: never what was true at no moment. */

function keyIn(slice: number): Key {
  return keyFromText(slice.toString(16).padStart(2, '0').repeat(20))!;
}

function flare(slice: number, type: FlareType): Attributes {
  const id = { key: keyIn(slice), generation: 1 };
  const time = { seconds: 0, nanoseconds: 0 };
  const rest = { mode: 0o777, nlink: 1, uid: 0, gid: 0, size: 0, used: 0, major: 0, minor: 0, version: 1, share: 0 };
  return { ...id, ...rest, type, fileid: slice, atime: time, mtime: time, ctime: time, parent: id };
}

const DIRECTORY = flare(1, FlareType.directory);
const NO_ANSWER: StepAnswer = { kind: 'done', attributes: null };

function ringOf(parts: {
  readonly store?: Partial<OwnStore>;
  readonly tree?: Partial<OwnStore>;
  readonly others?: (slice: number) => Partial<JointPart>;
  readonly joint?: Partial<JointStore>;
  readonly abandon?: (id: OperationId) => void;
}): Ring {
  const usual: Partial<JointStore> = { hold: () => [NO_ANSWER], release() {}, decision: () => 'unknown' };
  const joint = { ...usual, ...parts.joint };
  const { abandon = () => {} } = parts;
  return {
    store: { joint, ...parts.store } as OwnStore,
    tree: parts.tree as OwnStore,
    owners: {
      isOwn: (slice) => slice === sliceOf(DIRECTORY.key),
      of: (slice) => ({ id: String(slice), service: parts.tree as OwnStore, joint: parts.others!(slice) as JointPart }),
    },
    outcomes: { abandon, deliver() {} } as unknown as Ring['outcomes'],
    clock: manualClock(),
    random: seededRandom(1),
  };
}

/** How it ends: `done`, a refusal's status, or `busy`. */
async function endOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (error instanceof FlareError) return error.status;
    if (error instanceof BusyError) return 'busy';
    throw error;
  }
}

t.test('a refusal counts only when nobody else was busy: what was looked at may be no more', async (t) => {
  const steps = (name: string): Step => ({ kind: 'dropName', directory: DIRECTORY, name, target: DIRECTORY });
  const prepared: readonly Step[] = [
    { kind: 'end', flare: flare(2, FlareType.directory), directory: DIRECTORY },
    { kind: 'unname', flare: flare(3, FlareType.file), directory: DIRECTORY },
  ];
  const operation = {
    caller: ROOT,
    held: [steps('a')],
    prepared,
    views: [],
    finish: () => ({ steps: [], answer: null }),
  };
  const refuse = async () => Promise.reject(FlareError.of('NOTEMPTY'));
  const busy = async () => Promise.reject(new BusyError());
  const fine = async () => [NO_ANSWER];
  const others = (second: () => Promise<StepAnswer[]>) => (slice: number) => ({
    prepare: slice === 2 ? refuse : second,
  });
  t.equal(await endOf(coordinate(ringOf({ others: others(busy) }), operation)), 'busy');
  t.equal(await endOf(coordinate(ringOf({ others: others(fine) }), operation)), 'NOTEMPTY');
});

t.test('a refusal of the own steps counts only when it holds while the others have prepared', async (t) => {
  const name: Step = { kind: 'dropName', directory: DIRECTORY, name: 'a', target: DIRECTORY };
  const own: Step = { kind: 'end', flare: DIRECTORY, directory: DIRECTORY };
  const prepared: readonly Step[] = [
    { kind: 'addName', directory: flare(2, FlareType.directory), name: 'b', target: DIRECTORY, replaces: DIRECTORY },
  ];
  const operation = {
    ...{ caller: ROOT, held: [name, own], prepared, views: [] },
    finish: () => ({ steps: [], answer: null }),
  };
  const ends = async (prepare: () => Promise<StepAnswer[]>, refusals: number): Promise<string> => {
    const held = new Set<string>();
    const abandoned = new Set<string>();
    let left = refusals;
    const ring = ringOf({
      others: () => ({ prepare }),
      joint: {
        hold(id, _caller, steps) {
          if (steps.length > 0 && left-- > 0) throw FlareError.of('NOTEMPTY');
          held.add(id.toString('hex'));
          return [];
        },
        release: (id) => void held.delete(id.toString('hex')),
      },
      abandon: (id) => void abandoned.add(id.toString('hex')),
    });
    const end = await endOf(coordinate(ring, operation));
    t.equal(held.size, 0, 'nothing is held on');
    t.equal(abandoned.size, 1, 'who has prepared is told');
    return end;
  };
  const fine = async () => [NO_ANSWER];
  t.equal(await ends(fine, 2), 'NOTEMPTY');
  t.equal(await ends(async () => Promise.reject(new BusyError()), 2), 'busy', 'the new name means something else');
  t.equal(await ends(fine, 1), 'busy', 'it is empty while the others hold theirs');
});

t.test('RENAME: nothing is said of two names that were not what they are at one moment', async (t) => {
  const moved = flare(3, FlareType.file);
  const other = flare(4, FlareType.directory);
  const entry = { id: moved, fileid: moved.fileid, cookie: 3 };
  const ring = (after: typeof entry | null, there: Attributes): Ring => {
    const entries = [entry, after];
    const all = [DIRECTORY, moved, other];
    return ringOf({
      store: { entry: () => entries.shift() ?? null },
      tree: { getattr: (id) => all.find(({ key }) => key === id.key)!, lookup: () => there },
    });
  };
  const work = (of: Ring) => rename(of, ROOT, DIRECTORY, 'a', DIRECTORY, 'b');
  t.equal(await endOf(work(ring(entry, moved))), 'done', 'two names of one file: nothing to do');
  t.equal(await endOf(work(ring(null, moved))), 'busy', 'the old name had gone when the new one was looked at');
  t.equal(await endOf(work(ring({ ...entry, cookie: 4 }, moved))), 'busy', 'it has gone and come again');
  t.equal(await endOf(work(ring(entry, other))), 'ISDIR');
  t.equal(await endOf(work(ring(null, other))), 'busy', 'nor is it refused by what two moments gave');
});

t.test(
  'RENAME: whether a directory would come to lie in itself is seen under the move intent, not before',
  async (t) => {
    const moved = flare(5, FlareType.directory);
    const before = { ...flare(6, FlareType.directory), parent: { key: ROOT_KEY, generation: 1 } };
    const root = { ...flare(6, FlareType.directory), key: ROOT_KEY };
    let goal: Attributes = before;
    const ring = ringOf({
      store: { entry: () => ({ id: moved, fileid: moved.fileid, cookie: 3 }) },
      tree: {
        getattr: (id) => [DIRECTORY, moved, goal, root].find(({ key }) => key === id.key)!,
        lookup: () => Promise.reject(FlareError.of('NOENT')),
      },
      others: () => ({
        async prepare(_operation, _coordinator, _caller, [step]) {
          t.equal(step?.kind, 'moving', 'nothing else is asked for');
          // Who had the intent until now has moved the goal into what is to be moved.
          goal = { ...before, parent: moved };
          return [NO_ANSWER];
        },
      }),
    });
    t.equal(await endOf(rename(ring, ROOT, DIRECTORY, 'a', before, 'b')), 'INVAL');
  },
);
