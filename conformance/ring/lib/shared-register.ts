import type { Clock } from '../../../src/base/clock.ts';
import type { KeyValue } from '../../../src/base/key-value.ts';
import type { Random } from '../../../src/base/random.ts';
import { MemoryKeyValues } from '../../../src/base/testing/memory-key-value.ts';

/** The longest usual way to the store, and back, in milliseconds. */
const WAY_MS = 5;
/** After how long a client gives up an answer, in milliseconds, as `src/etcd` does. */
const PATIENCE_MS = 5_000;

/** What did not get there may do so as late as that, in milliseconds. */
const LATE_MS = 15_000;

/** What is wrong with the way between one volcano and the store. */
export type RegisterTrouble =
  /** Nothing gets there. */
  | 'away'
  /** What is asked gets there and is done, and no answer comes back. */
  | 'deaf'
  /** Connections are refused at once. */
  | 'refused';

/**
 * A store of keys that all volcanos share, on virtual time, as etcd is seen from outside: what is answered is of one order; what was asked for and not answered in time may have been done,
 * or not, or be done later; a watch is told late, or of several changes at once; who cannot reach it waits and gives up.
 */
export class SharedRegister {
  readonly #keys = new MemoryKeyValues();
  readonly #troubles = new Map<number, RegisterTrouble>();
  readonly #recovered = new Set<() => void>();

  /** What is wrong between that volcano and the store from now on; null: nothing. */
  trouble(volcano: number, trouble: RegisterTrouble | null): void {
    if (trouble === null) this.#troubles.delete(volcano);
    else this.#troubles.set(volcano, trouble);
    if (trouble === null) for (const tell of [...this.#recovered]) tell();
  }

  /** The store as one life of a volcano sees it. */
  client(volcano: number, clock: Clock, random: Random): KeyValue {
    const keys = this.#keys.client();
    const way = (): Promise<void> =>
      new Promise((resolve) => void clock.after(random.below(WAY_MS * 1000) / 1000, resolve));
    const asked = <T>(ask: () => Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        const patience = clock.after(PATIENCE_MS, () => reject(new Error('no answer in time')));
        const settle = (done: () => void): void => {
          patience.cancel();
          done();
        };
        void (async () => {
          if (this.#troubles.get(volcano) === 'refused') return settle(() => reject(new Error('connection refused')));
          await way();
          const lost = this.#troubles.get(volcano) === 'away';
          if (lost && random.below(4) > 0) return;
          // What hangs somewhere may get there after its client has given it up.
          if (lost) await new Promise<void>((resolve) => void clock.after(random.below(LATE_MS), resolve));
          const answer = await ask();
          const trouble = this.#troubles.get(volcano);
          await way();
          if (trouble === undefined) settle(() => resolve(answer));
        })();
      });
    return {
      last: (prefix) => asked(() => keys.last(prefix)),
      commit: (commit) => asked(() => keys.commit(commit)),
      remove: (from, to) => asked(() => keys.remove(from, to)),
      watch: (prefix, changed) => {
        let stopped = false;
        const tell = (): void => {
          void way().then(() => {
            if (!stopped && !this.#troubles.has(volcano)) changed();
          });
        };
        const stop = keys.watch(prefix, tell);
        this.#recovered.add(tell);
        return () => {
          stopped = true;
          this.#recovered.delete(tell);
          stop();
        };
      },
      close: async () => {},
    };
  }
}
