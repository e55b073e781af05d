import { FlareError, type FlareStatusName } from '../../flare/errors.ts';
import type { Caller } from '../../flare/types.ts';

const SUPERUSER: Caller = { uid: 0, gid: 0, gids: [] };

/** How often something is begun anew because others are in the way. Then it is IO. */
export const TRIES_MAX = 100;

/** Whether that is a refusal with one of these. */
export function isRefusal(error: unknown, ...statuses: readonly FlareStatusName[]): boolean {
  return error instanceof FlareError && statuses.includes(error.status);
}

/** What `work` gives; `instead` when it is refused with one of these. */
export async function unless<T, U>(
  statuses: readonly FlareStatusName[],
  work: () => T | Promise<T>,
  instead: U,
): Promise<T | U> {
  try {
    return await work();
  } catch (error) {
    if (isRefusal(error, ...statuses)) return instead;
    throw error;
  }
}

/**
 * Does something to the parts that only the format has (directory IVs, files of long names): as the caller, and where that is refused, as uid 0, whom the share may squash. What the caller may do to the
 * plain tree is decided by calls that are made as him alone.
 */
export async function asNeeded<T>(caller: Caller, work: (who: Caller) => T | Promise<T>): Promise<T> {
  try {
    return await work(caller);
  } catch (error) {
    if (caller.uid === 0 || !isRefusal(error, 'ACCES', 'PERM')) throw error;
    try {
      return await work(SUPERUSER);
    } catch (other) {
      throw isRefusal(other, 'ACCES', 'PERM') ? error : other;
    }
  }
}
