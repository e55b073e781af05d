import fc from 'fast-check';
import t from 'tap';
import { chooseSeed, LONG } from '../../base/testing/seed.ts';
import { FlareError } from '../../flare/errors.ts';
import type { FlareService } from '../../flare/service.ts';
import { ALICE, DIRECTORY, FILE, ROOT } from '../../flare/store/testing/harness.ts';
import { type Caller, type FlareId, FlareType } from '../../flare/types.ts';
import { interrupted, slow } from './testing/services.ts';
import { client, initialize, listener, listing, memory, removeAll, shown } from './testing/trees.ts';

/*
 * Operations of several clients at once have, together, the outcome that they have one after the other in some order: what each of them is answered, and the tree at the end.
 */

const RUNS = LONG ? 20_000 : 200;

const LONG_NAME = 'l'.repeat(250);
const LONG_FILE = 'm'.repeat(200);
const NAMES = ['d', 'e', 'f', LONG_NAME, LONG_FILE];

/** The directories that exist when it begins, all made by `prepare`: they are called by their identity, as a kernel does. */
type Places = readonly FlareId[];

/** The directories and files that exist when it begins: `d` with nothing in it, `e` with a file, `f`, and a directory and a file with long names in the root; places are the root, those directories, and the two files in
 * the root. */
async function prepare(service: FlareService): Promise<Places> {
  const root = service.root();
  const made: FlareId[] = [root];
  for (const name of ['d', 'e', LONG_NAME]) made.push(await service.create(ROOT, root, name, DIRECTORY));
  await service.create(ROOT, made[2]!, 'f', FILE);
  for (const name of ['f', LONG_FILE]) made.push(await service.create(ROOT, root, name, FILE));
  return made;
}

interface Operation {
  readonly text: string;
  readonly run: (service: FlareService, places: Places) => unknown;
  readonly [fc.toStringMethod]: () => string;
}

const place = fc.nat(3);
const name = fc.constantFrom(...NAMES);
function operation(kind: string, args: readonly unknown[], run: Operation['run']): Operation {
  const text = `${kind}(${args.map((arg) => String(arg).slice(0, 3)).join(', ')})`;
  return { text, run, [fc.toStringMethod]: () => text };
}

const operations: fc.Arbitrary<Operation> = fc.oneof(
  ...[FlareType.file, FlareType.directory].map((type) =>
    fc
      .tuple(place, name)
      .map(([at, name]) =>
        operation(type === FlareType.file ? 'create' : 'mkdir', [at, name], (service, places) =>
          service.create(ROOT, places[at]!, name, { type, mode: 0o755 }),
        ),
      ),
  ),
  fc
    .tuple(place, name)
    .map(([at, name]) => operation('remove', [at, name], (service, places) => service.remove(ROOT, places[at]!, name))),
  {
    weight: 3,
    arbitrary: name.map((name) =>
      operation('rmdir', [0, name], (service, places) => service.rmdir(ROOT, places[0]!, name)),
    ),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(place, name, place, name)
      .map(([from, fromName, to, toName]) =>
        operation('rename', [from, fromName, to, toName], (service, places) =>
          service.rename(ROOT, places[from]!, fromName, places[to]!, toName),
        ),
      ),
  },
);

async function answerOf(work: () => unknown): Promise<string> {
  try {
    await work();
    return 'ok';
  } catch (error) {
    if (error instanceof FlareError) return error.status;
    throw error;
  }
}

function* ordersOf<T>(all: readonly T[]): Generator<readonly T[]> {
  if (all.length === 0) yield [];
  for (const [at, first] of all.entries()) {
    for (const rest of ordersOf(all.filter((_, index) => index !== at))) yield [first, ...rest];
  }
}

/** The answers of operations one after the other, by their numbers, and the tree at the end. */
async function inOrder(order: readonly (readonly [number, Operation])[]): Promise<string> {
  const plain = memory();
  const places = await prepare(plain);
  const answers: string[] = [];
  for (const [at, { run }] of order) answers[at] = await answerOf(() => run(plain, places));
  return JSON.stringify([answers, await shown(plain)]);
}

t.test('three operations of three clients, of which some know the directories and some do not', async (t) => {
  const seed = chooseSeed();
  t.comment(`seed ${seed}`);
  const together = async (all: readonly Operation[], chance: number, knowing: number): Promise<void> => {
    const store = memory();
    await initialize(store);
    const places = await prepare(client(store, { seed: 50 }));
    const lines: string[] = [];
    const clients = all.map((_, at) => {
      return client(slow(store, chance + at, 12), { seed: 100 + at, logger: listener(lines) });
    });
    for (const [at, used] of clients.entries()) {
      if ((knowing & (1 << at)) !== 0) for (const place of places.slice(0, 4)) await listing(used, place);
    }
    const answers = await Promise.all(all.map(({ run }, at) => answerOf(() => run(clients[at]!, places))));
    const last = client(store, { seed: 7, logger: listener(lines) });
    const got = JSON.stringify([answers, await shown(last)]);
    const wanted = new Set<string>();
    for (const order of ordersOf([...all.entries()])) wanted.add(await inOrder(order));
    if (!wanted.has(got))
      throw new Error(`${all.map(({ text }) => text).join('; ')}: ${got}\n  is none of\n${[...wanted].join('\n')}`);
    await removeAll(last);
    if (store.statfs().flares !== 3) throw new Error('something was left behind that cannot be removed');
    if (lines.length > 0) throw new Error(lines.join('\n'));
  };
  await fc.assert(
    fc.asyncProperty(fc.array(operations, { minLength: 2, maxLength: 3 }), fc.nat(), fc.nat(7), together),
    { seed, numRuns: RUNS },
  );
});

const create = (at: number, name: string) =>
  operation('create', [at, name], (service, places) => service.create(ROOT, places[at]!, name, FILE));
const mkdir = (at: number, name: string) =>
  operation('mkdir', [at, name], (service, places) => service.create(ROOT, places[at]!, name, DIRECTORY));
const remove = (at: number, name: string) =>
  operation('remove', [at, name], (service, places) => service.remove(ROOT, places[at]!, name));
const rmdir = (name: string) =>
  operation('rmdir', [0, name], (service, places) => service.rmdir(ROOT, places[0]!, name));
const rename = (from: number, fromName: string, to: number, toName: string) =>
  operation('rename', [from, fromName, to, toName], (service, places) =>
    service.rename(ROOT, places[from]!, fromName, places[to]!, toName),
  );
const link = (which: number, to: number, toName: string) =>
  operation('link', [which, to, toName], (service, places) => service.link(ROOT, places[which]!, places[to]!, toName));

const CHOSEN: readonly Operation[] = [
  create(0, 'new'),
  create(0, LONG_FILE),
  create(1, 'new'),
  create(1, LONG_FILE),
  create(3, 'new'),
  mkdir(0, 'new'),
  mkdir(0, LONG_FILE),
  mkdir(1, 'new'),
  mkdir(3, LONG_NAME),
  remove(0, 'f'),
  remove(0, LONG_FILE),
  remove(2, 'f'),
  rmdir('d'),
  rmdir('e'),
  rmdir(LONG_NAME),
  rename(0, 'd', 0, LONG_NAME),
  rename(0, 'e', 0, 'd'),
  rename(0, LONG_NAME, 0, 'd'),
  rename(0, LONG_NAME, 1, LONG_NAME),
  rename(0, 'f', 0, LONG_FILE),
  rename(0, LONG_FILE, 0, 'f'),
  rename(0, LONG_FILE, 3, LONG_FILE),
  rename(0, 'd', 2, 'd'),
  rename(2, 'f', 1, 'f'),
  link(4, 0, LONG_FILE),
  link(5, 1, LONG_FILE),
];

t.test('an operation between any two steps of another', async (t) => {
  let runs = 0;
  for (const [at, slower] of CHOSEN.entries()) {
    for (const [other, quick] of CHOSEN.entries()) {
      // A third of the pairs; long runs take all.
      if (!LONG && (at + other) % 3 !== 0) continue;
      const wanted = new Set<string>();
      for (const order of ordersOf([...[slower, quick].entries()])) wanted.add(await inOrder(order));
      for (let call = 0, done = false; !done; call++) {
        const store = memory();
        await initialize(store);
        const places = await prepare(client(store, { seed: 50 }));
        const lines: string[] = [];
        const logger = listener(lines);
        const rival = client(store, { seed: 60, logger });
        let second = 'never';
        const interfere = async () => {
          second = await answerOf(() => quick.run(rival, places));
        };
        const used = client(interrupted(store, call, interfere), { seed: 70, logger });
        const first = await answerOf(() => slower.run(used, places));
        done = second === 'never';
        if (done) continue;
        runs++;
        const last = client(store, { seed: 7, logger });
        const got = JSON.stringify([[first, second], await shown(last)]);
        const what = `${quick.text} before call ${call} of ${slower.text}`;
        if (!wanted.has(got)) t.fail(`${what}: ${got} is none of ${[...wanted].join(' ')}`);
        await removeAll(last);
        if (store.statfs().flares !== 3) t.fail(`${what}: something was left behind`);
        if (lines.length > 0) t.fail(`${what}: ${lines.join(' ')}`);
      }
    }
  }
  t.ok(runs > 1000, `${runs} runs`);
});

t.test('many clients, many operations: nothing is broken, and no answer is IO', async (t) => {
  const seed = chooseSeed();
  t.comment(`seed ${seed}`);
  const who: Caller = ALICE;
  const soup = async (all: readonly (readonly Operation[])[], chance: number): Promise<void> => {
    const store = memory();
    await initialize(store);
    const places = await prepare(client(store, { seed: 50 }));
    const lines: string[] = [];
    const logger = listener(lines);
    const answers = await Promise.all(
      all.map(async (mine, at) => {
        const used = client(slow(store, chance + at), { seed: 100 + at, logger });
        const answers: string[] = [];
        for (const { run } of mine) answers.push(await answerOf(() => run(used, places)));
        return answers;
      }),
    );
    if (answers.flat().includes('IO')) throw new Error(`IO: ${lines.join('\n')}`);
    const last = client(store, { seed: 7, logger });
    await removeAll(last);
    if (store.statfs().flares !== 3) throw new Error('something was left behind that cannot be removed');
    if (lines.length > 0) throw new Error(lines.join('\n'));
    if ((await listing(last, store.root(), 10, who)).length > 0) throw new Error('not empty');
  };
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(operations, { maxLength: 15 }), { minLength: 2, maxLength: 5 }), fc.nat(), soup),
    { seed, numRuns: LONG ? 2000 : 60 },
  );
});
