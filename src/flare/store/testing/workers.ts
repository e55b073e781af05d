import type { Random } from '../../../base/random.ts';
import { FlareError } from '../../errors.ts';
import type { Attributes, FlareId } from '../../types.ts';
import type { LocalStore } from '../local-store.ts';
import { DIRECTORY, FILE, ROOT } from './harness.ts';

/** What a worker's directory holds: contents by name. */
export type Contents = ReadonlyMap<string, string>;

/** One operation, and what the directory holds when it is done. */
interface Asked {
  readonly replay: string;
  readonly run: (store: LocalStore) => Promise<unknown>;
  readonly after: Contents;
}

const NAMES = ['a', 'b', 'c'];

/**
 * Works in a directory of its own, one operation after the other, and knows what has to be there: what the answered ones left, and, if one is
 * under way, perhaps that.
 */
export class Worker {
  readonly #number: number;
  readonly #random: Random;
  #directory: FlareId | null = null;
  #operations = 0;
  /** What the answered operations left. */
  answered: Contents = new Map();
  /** The operation under way, or the last one. */
  asked: Asked | null = null;
  /** What was answered to the last one. */
  lastAnswer: unknown = null;

  constructor(number: number, random: Random) {
    this.#number = number;
    this.#random = random;
  }

  get directoryName(): string {
    return `worker-${this.#number}`;
  }

  async begin(store: LocalStore): Promise<void> {
    this.#directory = (await store.create(ROOT, store.root(), this.directoryName, DIRECTORY)) as Attributes;
  }

  /** Goes on after a restart: its directory holds `contents`, and what was under way is over. */
  async resume(store: LocalStore, contents: Contents): Promise<void> {
    this.#directory = await store.lookup(ROOT, store.root(), this.directoryName);
    this.answered = contents;
    this.asked = null;
  }

  /** Works until that many operations are answered, or one fails. */
  async work(store: LocalStore, operations: number): Promise<void> {
    for (let count = 0; count < operations; count++) {
      this.asked = this.#next();
      this.lastAnswer = await this.asked.run(store);
      this.answered = this.asked.after;
    }
  }

  #next(): Asked {
    const directory = this.#directory!;
    const name = NAMES[this.#random.below(NAMES.length)]!;
    const other = NAMES[this.#random.below(NAMES.length)]!;
    const replay = `worker ${this.#number} call ${this.#operations++}`;
    const caller = { ...ROOT, replay };
    const after = new Map(this.answered);
    const before = after.get(name);
    const ask = (run: Asked['run']): Asked => ({ replay, run, after });
    if (before === undefined) {
      after.set(name, '');
      return ask(async (store) => store.create(caller, directory, name, FILE));
    }
    const choice = this.#random.below(10);
    if (choice < 5) {
      const offset = this.#random.below(6000);
      const text = String.fromCharCode(97 + this.#random.below(26)).repeat(1 + this.#random.below(2500));
      const whole = before.padEnd(offset, '\0');
      after.set(name, whole.slice(0, offset) + text + whole.slice(offset + text.length));
      return ask(async (store) => store.write(caller, await find(store, directory, name), offset, Buffer.from(text)));
    }
    if (choice === 5) {
      const size = this.#random.below(7000);
      after.set(name, before.slice(0, size).padEnd(size, '\0'));
      return ask(async (store) => store.setattr(caller, await find(store, directory, name), { size }));
    }
    if (choice < 8 && name !== other) {
      after.delete(name);
      after.set(other, before);
      return ask(async (store) => store.rename(caller, directory, name, directory, other));
    }
    after.delete(name);
    return ask(async (store) => store.remove(caller, directory, name));
  }

  /** What is there now; null when the directory is not. */
  async look(store: LocalStore): Promise<Contents | null> {
    let directory: FlareId;
    try {
      directory = await store.lookup(ROOT, store.root(), this.directoryName);
    } catch (error) {
      if (error instanceof FlareError) return null;
      throw error;
    }
    const found = new Map<string, string>();
    const { entries } = await store.readdir(ROOT, directory, 0, 100);
    for (const entry of entries) {
      const { data } = await store.read(ROOT, await store.lookup(ROOT, directory, entry.name), 0, 100_000);
      found.set(entry.name, data.toString('latin1'));
    }
    return found;
  }
}

async function find(store: LocalStore, directory: FlareId, name: string): Promise<FlareId> {
  return store.lookup(ROOT, directory, name);
}

/** The same text for the same contents. */
export function textOf(contents: Contents | null): string {
  if (contents === null) return 'nothing';
  return JSON.stringify([...contents].sort(([one], [other]) => (one < other ? -1 : 1)));
}
