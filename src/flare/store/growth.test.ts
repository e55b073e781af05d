import t from 'tap';
import { inlineIndexHost } from '../index/inline-host.ts';
import type { IndexHost } from '../index/types.ts';
import type { LocalStore } from './local-store.ts';
import { FILE, ROOT, testStore } from './testing/harness.ts';

/** Directories that are compared: a hundred times as many entries. */
const FEW = 100;
const MANY = 10_000;
const PAGE = 50;

/** What an index was asked, and how many rows it gave. */
interface Asked {
  questions: number;
  rows: number;
}

/** The same index, which counts what it is asked. */
function counted(host: IndexHost, asked: Asked): IndexHost {
  const reader = new Proxy(host.reader, {
    get(target, name, receiver) {
      const method = Reflect.get(target, name, receiver) as (...args: unknown[]) => unknown;
      return (...args: unknown[]) => {
        const answer = method.apply(target, args);
        asked.questions++;
        asked.rows += Array.isArray(answer) ? answer.length : answer === null ? 0 : 1;
        return answer;
      };
    },
  });
  return new Proxy(host, {
    get(target, name) {
      if (name === 'reader') return reader;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** A store that was opened anew, so that nothing is in memory, with one directory of that many entries. */
async function filled(entries: number): Promise<{ store: LocalStore; asked: Asked; names: readonly string[] }> {
  const asked = { questions: 0, rows: 0 };
  const before = await testStore();
  const names = Array.from({ length: entries }, (_, at) => `f${(at * 2_654_435_761) % 2 ** 32}`);
  await Promise.all(names.map((name) => before.store.create(ROOT, before.store.root(), name, FILE)));
  await before.store.close();
  const { disk, clock } = before;
  const { store } = await testStore({
    disk,
    clock,
    indexHost: async ({ disk }) => counted(await inlineIndexHost({ disk }), asked),
  });
  return { store, asked, names };
}

/** What the index is asked for one call. */
async function askedFor(asked: Asked, call: () => unknown): Promise<Asked> {
  asked.questions = asked.rows = 0;
  await call();
  return { ...asked };
}

t.test(
  'What is not in memory costs the same in a directory of 10,000 entries as in one of 100 (issue 3, growth)',
  async (t) => {
    const few = await filled(FEW);
    const many = await filled(MANY);
    /** Each comparison takes a name that nobody has asked for yet. */
    let fresh = 0;
    const compare = async (what: string, most: number, call: (store: LocalStore, name: string) => unknown) => {
      fresh++;
      const costs: Asked[] = [];
      for (const { store, asked, names } of [few, many])
        costs.push(await askedFor(asked, () => call(store, names[Math.floor(names.length / 2) + fresh]!)));
      t.same(costs[1], costs[0], what);
      t.ok(costs[1]!.questions <= most, `${what}: at most ${most} questions, asked were ${costs[1]!.questions}`);
    };
    // The directory itself, which both then have in memory.
    for (const { store } of [few, many]) await store.getattr(store.root());
    await compare('LOOKUP', 2, (store, name) => store.lookup(ROOT, store.root(), name));
    await compare('LOOKUP of a name that is not there', 1, (store) =>
      Promise.resolve()
        .then(() => store.lookup(ROOT, store.root(), 'nothing'))
        .catch(() => {}),
    );
    await compare('CREATE', 3, (store) => store.create(ROOT, store.root(), 'new', FILE));
    for (const { store } of [few, many]) await store.close();
  },
);

t.test(
  'A page of READDIR takes as many rows as it shows and one more, wherever it begins (issue 3, growth)',
  async (t) => {
    const { store, asked } = await filled(MANY);
    let cookie = 0;
    let pages = 0;
    for (let end = false; !end; pages++) {
      const { rows } = await askedFor(asked, async () => {
        const page = await store.readdir(ROOT, store.root(), cookie, PAGE);
        cookie = page.entries.at(-1)?.cookie ?? cookie;
        end = page.end;
      });
      // The directory's own row is among them.
      if (rows > PAGE + 2) t.fail(`page ${pages} took ${rows} rows`);
    }
    t.equal(pages, MANY / PAGE);
    await store.close();
  },
);
