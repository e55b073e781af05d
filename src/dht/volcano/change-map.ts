import { BusyError } from '../../flare/joint.ts';
import type { ProjectionStore } from '../projection/store.ts';
import type { Projection } from '../projection/types.ts';

/** How often a change is tried when others write maps at the same time. */
export const TRIES_MAX = 16;

/**
 * Has the newest map changed by whoever may write it: `change` is asked what is to follow the newest, anew each time that somebody else was quicker. Resolves with the maps before and after; null: `change` has found
 * nothing to do. Rejects with what `change` throws, and with `BusyError` when there is no map, or others are quicker `TRIES_MAX` times.
 */
export async function changeMap(
  register: Pick<ProjectionStore, 'newest'>,
  write: (projection: Projection) => Promise<'written' | 'taken'>,
  change: (newest: Projection) => Projection | null | Promise<Projection | null>,
): Promise<{ readonly before: Projection; readonly after: Projection } | null> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const before = await register.newest();
    if (before === null) throw new BusyError();
    const after = await change(before);
    if (after === null) return null;
    if ((await write(after)) === 'written') return { before, after };
  }
  throw new BusyError();
}
