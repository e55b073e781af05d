import t, { type Test } from 'tap';
import { FlareError, UnavailableError } from '../../flare/errors.ts';
import { ALICE, DIRECTORY, FILE, ROOT } from '../../flare/store/testing/harness.ts';
import { type FlareId, FlareType } from '../../flare/types.ts';
import { CONF_NAME } from '../crypto/conf.ts';
import { DIRIV_NAME } from '../crypto/names.ts';
import type { EncryptedService } from './service.ts';
import { dying } from './testing/services.ts';
import { client, initialize, listener, listing, memory, removeAll, shown } from './testing/trees.ts';

/* A client that dies between any two steps of an operation leaves the tree as it was or as it should be, and nothing that others see or stumble over. */

const LONG = 'l'.repeat(250);
const OTHER_LONG = 'o'.repeat(200);

interface Scenario {
  readonly prepare: (service: EncryptedService, root: FlareId) => Promise<unknown>;
  readonly run: (service: EncryptedService, root: FlareId) => Promise<unknown>;
}

const write = async (service: EncryptedService, directory: FlareId, name: string, text: string): Promise<FlareId> => {
  const file = await service.create(ROOT, directory, name, FILE);
  await service.write(ROOT, file, 0, Buffer.from(text));
  return file;
};
const mkdir = (service: EncryptedService, directory: FlareId, name: string) =>
  service.create(ROOT, directory, name, DIRECTORY);
const inside = async (service: EncryptedService, name: string, names: readonly string[]): Promise<void> => {
  const made = await mkdir(service, service.root(), name);
  for (const name of names) await write(service, made, name, name.slice(0, 3));
};
const at = (service: EncryptedService, name: string) => service.lookup(ROOT, service.root(), name);
const nothing = async () => {};

const SCENARIOS: Record<string, Scenario> = {
  'a file': { prepare: nothing, run: (service, root) => service.create(ROOT, root, 'f', FILE) },
  'a file with a long name': { prepare: nothing, run: (service, root) => service.create(ROOT, root, LONG, FILE) },
  'a directory': { prepare: nothing, run: (service, root) => mkdir(service, root, 'd') },
  'a directory nobody may write to': {
    prepare: nothing,
    run: (service, root) => service.create(ROOT, root, 'd', { ...DIRECTORY, mode: 0o555 }),
  },
  'a directory with a long name': { prepare: nothing, run: (service, root) => mkdir(service, root, LONG) },
  'a symlink': {
    prepare: nothing,
    run: (service, root) =>
      service.create(ROOT, root, LONG, { type: FlareType.symlink, mode: 0o777, target: Buffer.from('to') }),
  },
  'remove a long name': {
    prepare: (service, root) => write(service, root, LONG, 'text'),
    run: (service, root) => service.remove(ROOT, root, LONG),
  },
  'remove a directory': {
    prepare: (service, root) => mkdir(service, root, 'd'),
    run: (service, root) => service.rmdir(ROOT, root, 'd'),
  },
  'remove a directory with a long name': {
    prepare: (service, root) => mkdir(service, root, LONG),
    run: (service, root) => service.rmdir(ROOT, root, LONG),
  },
  'remove a directory that is not empty': {
    prepare: (service) => inside(service, 'd', ['f', LONG]),
    run: (service, root) => service.rmdir(ROOT, root, 'd'),
  },
  'rename to a long name': {
    prepare: (service, root) => write(service, root, 'f', 'text'),
    run: (service, root) => service.rename(ROOT, root, 'f', root, LONG),
  },
  'rename from a long name to another over a file': {
    prepare: async (service, root) => {
      await write(service, root, LONG, 'text');
      await write(service, root, OTHER_LONG, 'other');
    },
    run: (service, root) => service.rename(ROOT, root, LONG, root, OTHER_LONG),
  },
  'rename a directory over an empty one': {
    prepare: async (service) => {
      await inside(service, 'd', ['f', LONG]);
      await inside(service, LONG, []);
    },
    run: (service, root) => service.rename(ROOT, root, 'd', root, LONG),
  },
  'rename a directory over one that is not empty': {
    prepare: async (service) => {
      await inside(service, 'd', ['f']);
      await inside(service, 'e', ['g']);
    },
    run: (service, root) => service.rename(ROOT, root, 'd', root, 'e'),
  },
  'rename a directory into another': {
    prepare: async (service) => {
      await inside(service, LONG, ['f', LONG]);
      await inside(service, 'e', []);
    },
    run: async (service, root) => service.rename(ROOT, root, LONG, await at(service, 'e'), LONG),
  },
  'link under a long name': {
    prepare: (service, root) => write(service, root, 'f', 'text'),
    run: async (service, root) => service.link(ROOT, await at(service, 'f'), root, LONG),
  },
  'rename one of two names to the other': {
    prepare: async (service, root) => service.link(ROOT, await write(service, root, LONG, 'text'), root, OTHER_LONG),
    run: (service, root) => service.rename(ROOT, root, LONG, root, OTHER_LONG),
  },
};

/** Does the work up to a number of calls; whether it came to its end. */
async function cut(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof UnavailableError) return false;
    if (error instanceof FlareError) return true;
    throw error;
  }
}

/** Makes a file in each directory. */
async function makeEverywhere(service: EncryptedService, directory: FlareId): Promise<void> {
  for (const name of await listing(service, directory)) {
    const found = await service.lookup(ROOT, directory, name);
    if (found.type === FlareType.directory) await makeEverywhere(service, found);
  }
  await service.create(ROOT, directory, 'new', FILE);
}

async function dies(t: Test, { prepare, run }: Scenario, done: boolean): Promise<void> {
  let before: string[] | null = null;
  let after: string[] | null = null;
  const seen: string[][] = [];
  let calls = 0;
  for (let ended = false; !ended; calls++) {
    const store = memory();
    await initialize(store);
    await prepare(client(store), store.root());
    before ??= await shown(client(store));
    // A client that has looked at everything, and so knows all IVs, and one that knows nothing.
    const seed = 1000 + calls;
    const mortal = client(dying(store, calls, done), { seed });
    ended = await cut(() => run(mortal, store.root()));
    const lines: string[] = [];
    const other = client(store, { seed: 3, logger: listener(lines) });
    const now = await shown(other);
    t.same(lines, [], `${calls} calls: nothing to complain about`);
    if (ended) after = now;
    else seen.push(now);
    // The same once more, and names in all directories: what was left behind is not in the way.
    if (calls % 2 === 0) await cut(() => run(other, store.root()));
    await makeEverywhere(other, store.root());
    const made = (await shown(client(store, { seed: 5, logger: listener(lines) }))).filter((line) =>
      /new=$/.test(line),
    );
    const directories = (await shown(other)).filter((line) => line.endsWith('/'));
    t.equal(made.length, directories.length + 1, `${calls} calls: a name can be made in every directory`);
    await removeAll(client(store, { seed: 4, logger: listener(lines) }));
    const left = (await listing(store, store.root())).filter((name) => !name.startsWith('gocryptfs.'));
    t.same(lines, [], `${calls} calls: nothing to complain about at the end`);
    t.same(left, [], `${calls} calls: all can be removed`);
  }
  const two = [JSON.stringify(before), JSON.stringify(after)];
  for (const [at, now] of seen.entries()) t.ok(two.includes(JSON.stringify(now)), `${at} calls: as before or as after`);
  t.ok(calls > 1, `${calls - 1} calls`);
}

for (const [name, scenario] of Object.entries(SCENARIOS)) {
  for (const done of [false, true]) {
    t.test(`${name}; the last call was ${done ? '' : 'not '}done`, (t) => dies(t, scenario, done));
  }
}

t.test('what was left behind in a directory goes with it, by whoever may remove the directory', async (t) => {
  for (const scenario of Object.values(SCENARIOS)) {
    for (let calls = 0; calls < 20; calls++) {
      const store = memory();
      await initialize(store);
      const made = await client(store).create(ALICE, store.root(), 'top', { ...DIRECTORY, mode: 0o777 });
      const within = new Proxy(store, {
        get: (target, name) => {
          const member = Reflect.get(target, name);
          if (name === 'root') return () => made;
          return typeof member === 'function' ? member.bind(target) : member;
        },
      });
      const used = client(within);
      await scenario.prepare(used, made);
      await cut(() => scenario.run(client(dying(within, calls, true), { seed: 5 }), made));
      const last = client(store, { seed: 6 });
      await removeAll(last, made);
      await last.rmdir(ALICE, store.root(), 'top');
      t.same((await listing(store, store.root())).sort(), [CONF_NAME, DIRIV_NAME].sort());
      t.equal(store.statfs().flares, 3);
    }
  }
});
