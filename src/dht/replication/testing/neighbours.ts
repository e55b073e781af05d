import { BusyError, ElsewhereError, type JointPart } from '../../../flare/joint.ts';
import type { FlareService } from '../../../flare/service.ts';
import { type Owner, type Owners, RetryError } from '../../owners.ts';
import { ownerOfSlice } from '../../projection/queries.ts';
import type { MemberId } from '../../projection/types.ts';
import type { Life } from './mirrors.ts';

/** How a volcano reaches the others. */
export interface NeighboursParts {
  readonly self: MemberId;
  readonly life: () => Life;
  /** Runs it at that member, as a call that may be lost. */
  readonly call: <T>(to: number, run: (at: Life) => Promise<T>) => Promise<T>;
}

/** What the owner of the slice does, and nobody else. */
async function asOwner<T>(there: Life, slice: number, run: () => T | Promise<T>): Promise<T> {
  if (!there.replication.mayServe(slice)) throw new BusyError();
  try {
    return await run();
  } catch (error) {
    throw error instanceof ElsewhereError ? new RetryError('the map has changed', { cause: error }) : error;
  }
}

/** The owners of slices, by the map that a volcano goes by. */
export function ownersOf({ self, life, call }: NeighboursParts): Owners {
  return {
    isOwn: (slice) => life().replication.mayServe(slice),
    of(slice): Owner {
      const { map } = life();
      if (map === null || ownerOfSlice(map, slice).id === self) throw new BusyError();
      const { primary } = map.map[slice]!;
      const joint: JointPart = {
        prepare: (...args) => call(primary, (there) => asOwner(there, slice, () => there.store.joint.prepare(...args))),
        resolve: (...args) => call(primary, (there) => asOwner(there, slice, () => there.store.joint.resolve(...args))),
        decision: (operation) =>
          call(primary, (there) => asOwner(there, slice, () => there.store.joint.decision(operation))),
      };
      const service = new Proxy({} as FlareService, {
        get: (_, name) => {
          return (...args: unknown[]) =>
            call(primary, (there) =>
              asOwner(there, slice, () => {
                const method = there.router[name as keyof FlareService] as (...given: unknown[]) => unknown;
                return method.apply(there.router, args);
              }),
            );
        },
      });
      return { id: String(primary), service, joint };
    },
  };
}
