import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { NodeClient } from './programs/node/client.ts';
import { WATCH_MAX_MS } from './programs/node/procedures/map.ts';
import type { ProjectionStore } from './projection/store.ts';
import { LARGE, type Projection, ProjectionError } from './projection/types.ts';
import { type Pace, pause } from './retry.ts';

/** In a large network who was told of a newer map asks for the next one no sooner than after so many milliseconds for each volcano. */
export const WATCH_REST_MS = 1;

/** What a remote store works with. */
export interface RemoteProjectionStoreOptions {
  /** The arbiter's node program. */
  readonly arbiter: () => Pick<NodeClient, 'newest' | 'write' | 'watch'>;
  /** The newest projection that is known here: what is told is what is newer. */
  readonly known: () => Projection | null;
  readonly clock: Clock;
  readonly random: Random;
}

/** The arbiter's projection store, reached over its node program. */
export class RemoteProjectionStore implements ProjectionStore {
  readonly #arbiter: RemoteProjectionStoreOptions['arbiter'];
  readonly #known: () => Projection | null;
  readonly #pace: Pace;

  constructor({ arbiter, known, clock, random }: RemoteProjectionStoreOptions) {
    this.#arbiter = arbiter;
    this.#known = known;
    this.#pace = { clock, random };
  }

  newest(): Promise<Projection | null> {
    return orWhole(this.#known(), (known) => this.#arbiter().newest(known));
  }

  /** When it rejects because there was no answer the projection may have been written: `newest` tells. */
  async write(projection: Projection): Promise<'written' | 'taken'> {
    return this.#arbiter().write(projection);
  }

  /** Asks again and again, each time for as long as the arbiter lets it wait; while there is no answer, and after each one in a large network, with pauses. */
  watch(changed: (projection: Projection) => void): () => void {
    let stopped = false;
    const follow = async (): Promise<void> => {
      let seen: Projection | null = null;
      for (let tries = 0; !stopped; tries++) {
        try {
          const base = newer(seen, this.#known());
          const projection = await orWhole(base, (known) => this.#arbiter().watch(known, WATCH_MAX_MS));
          tries = 0;
          if (projection === null || projection.epoch <= (base?.epoch ?? 0) || stopped) continue;
          seen = projection;
          changed(projection);
          await this.#rest(projection);
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

  async #rest({ volcanos }: Projection): Promise<void> {
    if (volcanos.length < LARGE) return;
    await new Promise<void>((resolve) => this.#pace.clock.after(WATCH_REST_MS * volcanos.length, resolve));
  }
}

function newer(one: Projection | null, other: Projection | null): Projection | null {
  return (one?.epoch ?? 0) > (other?.epoch ?? 0) ? one : other;
}

/** Asks for what is newer than the known projection; for the whole when that does not fit it. */
async function orWhole<T>(known: Projection | null, ask: (known: Projection | null) => Promise<T>): Promise<T> {
  try {
    return await ask(known);
  } catch (error) {
    if (known === null || !(error instanceof ProjectionError)) throw error;
    return ask(null);
  }
}
