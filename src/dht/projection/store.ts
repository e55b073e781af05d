import type { Clock } from '../../base/clock.ts';
import type { Projection } from './types.ts';

/**
 * Where the maps are arbitrated: a write-once register for each epoch. The map changes through this and nothing else. All may reject when the store cannot be
 * reached.
 */
export interface ProjectionStore {
  /** The projection with the highest epoch; null when the network has none yet. */
  newest(): Promise<Projection | null>;
  /**
   * Writes the register of the projection's epoch, unless somebody has: then, and when the epoch does not follow the newest one, `taken`, and nothing is
   * changed. Of any number of writers of an epoch, one alone is answered `written`; what was written is durable then. Rejects with `ProjectionError` when the
   * projection, or the step to it, is not legal.
   */
  write(projection: Projection): Promise<'written' | 'taken'>;
  /** As `write`, of a step that loses what no volcano that is left has: for whoever has the operator's word. Not every store can. */
  force?(projection: Projection): Promise<'written' | 'taken'>;
  /**
   * Calls `changed` with each newer projection as it becomes known; some may be left out when a newer one is there. Returns what ends it. `changed` must not throw.
   */
  watch(changed: (projection: Projection) => void): () => void;
}

/**
 * For WATCH: a projection newer than that of `epoch` as soon as there is one; null after `waitMs`, or when `stopped` resolves: then nothing goes on waiting.
 */
export async function newerThan(
  store: ProjectionStore,
  clock: Clock,
  epoch: number,
  waitMs: number,
  stopped?: Promise<void>,
): Promise<Projection | null> {
  const { promise, resolve } = Promise.withResolvers<Projection | null>();
  const stop = store.watch((projection) => {
    if (projection.epoch > epoch) resolve(projection);
  });
  const timer = clock.after(waitMs, () => resolve(null));
  void stopped?.then(() => resolve(null));
  try {
    const newest = await store.newest();
    if (newest !== null && newest.epoch > epoch) return newest;
    return await promise;
  } finally {
    stop();
    timer.cancel();
  }
}
