import type { Random } from '../../../src/base/random.ts';
import { FlareType } from '../../../src/flare/types.ts';
import { BLOCKS_MAX, type Client } from './client.ts';
import type { Answer, Call, Id } from './history.ts';

/** How often each call is made, by weight. */
export type Mix = { readonly [K in Call['kind']]: number };

/** Directories alone: moves into each other, removals against births. */
export const DIRECTORIES: Mix = {
  ...{ create: 20, remove: 2, rmdir: 10, rename: 40, link: 0, lookup: 8 },
  ...{ getattr: 3, readdir: 6, read: 0, write: 0, cut: 0 },
};

/** Directories that move below each other. */
export const MOVES: Mix = {
  ...{ create: 25, remove: 0, rmdir: 0, rename: 75, link: 0, lookup: 0 },
  ...{ getattr: 0, readdir: 0, read: 0, write: 0, cut: 0 },
};

/** Removals against births in what is removed. */
export const REMOVALS: Mix = {
  ...{ create: 20, remove: 8, rmdir: 10, rename: 4, link: 0, lookup: 0 },
  ...{ getattr: 0, readdir: 0, read: 0, write: 0, cut: 0 },
};

/** What a run may be about. */
export const MIXES: readonly Mix[] = [
  // Everything.
  {
    create: 16,
    remove: 8,
    rmdir: 5,
    rename: 14,
    link: 8,
    lookup: 8,
    getattr: 6,
    readdir: 5,
    read: 6,
    write: 8,
    cut: 3,
  },
  DIRECTORIES,
  // Names of few files.
  {
    create: 10,
    remove: 14,
    rmdir: 0,
    rename: 14,
    link: 18,
    lookup: 8,
    getattr: 8,
    readdir: 3,
    read: 4,
    write: 5,
    cut: 1,
  },
  // Contents.
  {
    create: 8,
    remove: 4,
    rmdir: 0,
    rename: 6,
    link: 2,
    lookup: 6,
    getattr: 8,
    readdir: 1,
    read: 18,
    write: 24,
    cut: 8,
  },
];

/** Flares that clients have seen, alive or not, newest last; bounded, so that calls meet. */
const KNOWN_MAX = 8;

/** What clients know of together, as if they told each other. */
export class Known {
  readonly root: Id;
  readonly #directories: Id[] = [];
  readonly #others: Id[] = [];
  /** Everything that was ever seen. */
  readonly all = new Set<Id>();
  #tokens = 0;

  constructor(root: Id) {
    this.root = root;
    this.see(root, FlareType.directory);
  }

  see(id: Id, type: FlareType): void {
    if (this.all.has(id)) return;
    this.all.add(id);
    const list = type === FlareType.directory ? this.#directories : this.#others;
    list.push(id);
    if (list.length > KNOWN_MAX) list.splice(list[0] === this.root ? 1 : 0, 1);
  }

  directory(random: Random): Id {
    return this.#directories[random.below(this.#directories.length)]!;
  }

  /** A flare that is no directory; now and then one that is, and any when there are no others. */
  other(random: Random): Id {
    const { length } = this.#others;
    if (length === 0 || random.below(20) === 0) return this.directory(random);
    return this.#others[random.below(length)]!;
  }

  /** Never given twice; at most 15 characters. */
  token(): string {
    return `t${++this.#tokens}`;
  }
}

const NAMES = ['a', 'b', 'c'];
/** Directories that there are in the root's from the beginning. */
export const FIRST_NAMES = ['p', 'q', 'r'];

function pick(random: Random, mix: Mix): Call['kind'] {
  const kinds = Object.entries(mix) as [Call['kind'], number][];
  let left = random.below(kinds.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [kind, weight] of kinds) {
    if (left < weight) return kind;
    left -= weight;
  }
  throw new Error('no kind was picked');
}

function typeOf(random: Random, mix: Mix): FlareType {
  const directories = mix === DIRECTORIES || mix === MOVES ? 9 : 4;
  const roll = random.below(10);
  if (roll < directories) return FlareType.directory;
  return roll === directories ? FlareType.symlink : FlareType.file;
}

function nameIn(random: Random, known: Known, directory: Id): string {
  const names = directory === known.root ? [...NAMES, ...FIRST_NAMES] : NAMES;
  return names[random.below(names.length)]!;
}

/** A call of chance. */
function nextCall(random: Random, mix: Mix, known: Known): Call {
  const kind = pick(random, mix);
  const directory = known.directory(random);
  const name = nameIn(random, known, directory);
  switch (kind) {
    case 'getattr':
      return { kind, id: random.below(3) === 0 ? directory : known.other(random) };
    case 'read':
      return { kind, id: known.other(random) };
    case 'write':
      return { kind, id: known.other(random), block: random.below(BLOCKS_MAX), token: known.token() };
    case 'cut':
      return { kind, id: known.other(random), blocks: random.below(BLOCKS_MAX + 1) };
    case 'readdir':
      return { kind, directory };
    case 'create':
      return { kind, directory, name, type: typeOf(random, mix), open: random.below(4) === 0 };
    case 'rename': {
      const to = known.directory(random);
      return { kind, from: directory, fromName: name, to, toName: nameIn(random, known, to) };
    }
    case 'link':
      return { kind, id: known.other(random), directory, name };
    default:
      return { kind, directory, name };
  }
}

function learn(known: Known, { shown }: Answer): void {
  if (shown !== undefined) known.see(shown.id, shown.type);
}

/** Makes a few directories, two deep, so that there is something to move into each other. */
export async function prepare(client: Client, known: Known): Promise<void> {
  for (const name of FIRST_NAMES) {
    const above = await make(client, known, known.root, name);
    if (above !== null) await make(client, known, above, NAMES[0]!);
  }
}

async function make(client: Client, known: Known, directory: Id, name: string): Promise<Id | null> {
  const born = await client.call({ kind: 'create', directory, name, type: FlareType.directory, open: false });
  if (born === null) return null;
  learn(known, born);
  return born.shown?.id ?? null;
}

/** Makes so many calls of chance, unless the client goes, with pauses of up to so many milliseconds and a few longer ones. */
export async function work(
  client: Client,
  random: Random,
  mix: Mix,
  known: Known,
  calls: number,
  pauseMs: number,
): Promise<void> {
  for (let count = 0; count < calls; count++) {
    const answer = await client.call(nextCall(random, mix, known));
    if (answer === null) return;
    learn(known, answer);
    if (random.below(3) > 0) await client.pause(random.below(20) === 0 ? 400 : pauseMs);
  }
}

/** Looks at everything that can be seen from the root, and at all that was ever seen. */
export async function lookAtAll(client: Client, known: Known): Promise<void> {
  const directories: Id[] = [known.root];
  const found = new Set<Id>([known.root]);
  for (const directory of directories) {
    const listing = await client.call({ kind: 'readdir', directory });
    for (const name of listing?.entries?.keys() ?? []) {
      const looked = await client.call({ kind: 'lookup', directory, name });
      if (looked?.shown === undefined || found.has(looked.shown.id)) continue;
      const { id, type } = looked.shown;
      found.add(id);
      known.see(id, type);
      if (type === FlareType.directory) directories.push(id);
      if (type === FlareType.file) await client.call({ kind: 'read', id });
    }
  }
  for (const id of known.all) await client.call({ kind: 'getattr', id });
}
