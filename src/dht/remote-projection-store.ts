import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { NodeClient } from './programs/node/client.ts';
import { WATCH_MAX_MS } from './programs/node/schema.ts';
import type { ProjectionStore } from './projection/store.ts';
import type { Projection } from './projection/types.ts';
import { type Pace, pause } from './retry.ts';

/** What a remote store works with. */
export interface RemoteProjectionStoreOptions {
  /** The arbiter's node program. */
  readonly arbiter: () => Pick<NodeClient, 'newest' | 'write' | 'watch'>;
  readonly clock: Clock;
  readonly random: Random;
}

/** The arbiter's projection store, reached over its node program. */
export class RemoteProjectionStore implements ProjectionStore {
  readonly #arbiter: RemoteProjectionStoreOptions['arbiter'];
  readonly #pace: Pace;

  constructor({ arbiter, clock, random }: RemoteProjectionStoreOptions) {
    this.#arbiter = arbiter;
    this.#pace = { clock, random };
  }

  async newest(): Promise<Projection | null> {
    return this.#arbiter().newest();
  }

  /** When it rejects because there was no answer the projection may have been written: `newest` tells. */
  async write(projection: Projection): Promise<'written' | 'taken'> {
    return this.#arbiter().write(projection);
  }

  /** Asks again and again, each time for as long as the arbiter lets it wait; while there is no answer, with pauses. */
  watch(changed: (projection: Projection) => void): () => void {
    let stopped = false;
    const follow = async (): Promise<void> => {
      let epoch = 0;
      for (let tries = 0; !stopped; tries++) {
        try {
          const projection = await this.#arbiter().watch(epoch, WATCH_MAX_MS);
          tries = 0;
          if (projection === null || projection.epoch <= epoch || stopped) continue;
          epoch = projection.epoch;
          changed(projection);
        } catch {
          // Whatever it was, there is nothing to do but to ask again: who looks at the link's figures sees why.
          if (!stopped) await pause(this.#pace, tries);
        }
      }
    };
    void follow();
    return () => {
      stopped = true;
    };
  }
}
