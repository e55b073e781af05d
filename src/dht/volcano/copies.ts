import { sliceOf } from '../../flare/keys.ts';
import type { FetchCopy } from '../../flare/store/repair.ts';
import type { Peers } from '../peers.ts';
import { indexOf } from '../projection/queries.ts';
import type { MemberId, Projection } from '../projection/types.ts';
import { isTransient } from '../retry.ts';

/** The volcanos that have all that was ever answered for a slice, by the map: its primary, and its mirrors in sync. Empty when there is no such slice. */
export function holdersOf({ map, volcanos }: Projection, slice: number): readonly MemberId[] {
  const assignment = map[slice];
  return assignment === undefined ? [] : [assignment.primary, ...assignment.inSync].map((index) => volcanos[index]!.id);
}

/** Asks the other volcanos that have a slice for what this one, which has it too, has lost of a file in it: one after the other, until one gives it. */
export function askCopies(
  self: MemberId,
  { projection, peers }: { readonly projection: () => Projection | null; readonly peers: Peers },
): FetchCopy {
  return async (id, version, offset, length) => {
    const map = projection();
    const all = map === null || indexOf(map, self) === -1 ? [] : holdersOf(map, sliceOf(id.key));
    if (!all.includes(self)) throw new Error('the map does not count on what this volcano has there');
    let failure = new Error('this volcano has the only copy');
    let behind = false;
    for (const member of all) {
      if (member === self) continue;
      try {
        const bytes = await peers.peer(member).node.contents(id, version, offset, length);
        if (bytes?.length === length) return bytes;
        behind = true;
      } catch (error) {
        failure = error instanceof Error ? error : new Error(String(error));
        // It may come back, or the map may be another one soon.
        behind ||= isTransient(error);
      }
    }
    if (behind) return null;
    throw failure;
  };
}
