import type { Commit, KeyValue } from '../key-value.ts';

/** What a `KeyValue` in memory is made to do wrong. */
export interface MemoryKeyValueFaults {
  /** Nothing is answered, and nothing is done. */
  away: boolean;
  /** Commits are done, and their answers lost. */
  deaf: boolean;
}

/** Keys in memory, that any number of clients may share: etcd as far as magma uses it. What was committed survives all of them. */
export class MemoryKeyValues {
  readonly #keys = new Map<string, Buffer>();
  readonly #watches = new Set<() => void>();

  /** One client, with faults of its own. */
  client(): KeyValue & { readonly faults: MemoryKeyValueFaults } {
    const faults: MemoryKeyValueFaults = { away: false, deaf: false };
    const reached = async (): Promise<void> => {
      await null;
      if (faults.away) throw new Error('the store cannot be reached');
    };
    return {
      faults,
      last: async (prefix) => {
        await reached();
        const key = [...this.#keys.keys()]
          .filter((one) => one.startsWith(prefix))
          .sort()
          .at(-1);
        return key === undefined ? null : { key, value: Buffer.from(this.#keys.get(key)!) };
      },
      commit: async (commit) => {
        await reached();
        const done = this.#commit(commit);
        if (faults.deaf) throw new Error('the answer was lost');
        return done;
      },
      remove: async (from, to) => {
        await reached();
        for (const key of [...this.#keys.keys()]) if (key >= from && key < to) this.#keys.delete(key);
        this.#changed();
      },
      watch: (_prefix, changed) => {
        const tell = (): void => {
          if (!faults.away) changed();
        };
        this.#watches.add(tell);
        queueMicrotask(tell);
        return () => void this.#watches.delete(tell);
      },
      close: async () => {},
    };
  }

  #commit({ there, absent, set }: Commit): boolean {
    if (there.some((key) => !this.#keys.has(key)) || absent.some((key) => this.#keys.has(key))) return false;
    for (const [key, value] of set) this.#keys.set(key, Buffer.from(value));
    this.#changed();
    return true;
  }

  #changed(): void {
    for (const tell of [...this.#watches]) queueMicrotask(tell);
  }
}
