import { systemClock } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import { systemRandom } from '../base/random.ts';
import { openDisk } from '../base/system-disk.ts';
import { threadedIndexHost } from '../flare/index/threaded-host.ts';
import { NETWORK_FILE } from '../flare/store/identity.ts';
import type { LocalStore, StoreStats } from '../flare/store/local-store.ts';
import { openStore, type StoreOptions } from '../flare/store/open.ts';
import type { Config } from './config.ts';
import { switchable, watchIndex } from './debug.ts';
import type { Log } from './logging.ts';

/** Opens the data directory, which is made when it is not there. Rejects with an error that says what is wrong and the cure. */
export async function openDirectory(data: string): Promise<Disk> {
  try {
    return await openDisk(data);
  } catch (error) {
    throw new Error(`cannot use the data directory ${data}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Opens the store of a data directory. Rejects with an error that says what is wrong and the cure. */
export async function openVolcanoStore(
  disk: Disk,
  config: Pick<Config, 'data'>,
  log: Log,
  how: Pick<StoreOptions, 'boot' | 'join'>,
): Promise<LocalStore> {
  if (how.boot === true && (await disk.list('')).includes(NETWORK_FILE)) {
    const { data } = config;
    log.room('volcano').info({ data }, 'there is a network in the data directory: it is opened, not booted anew');
  }
  const sql = log.room('sql');
  return openStore({
    disk,
    clock: systemClock,
    random: systemRandom,
    logger: log.room('flare'),
    ...how,
    indexHost: async (options) => {
      const host = await threadedIndexHost({ ...options, logger: sql });
      return switchable(host, watchIndex(host, systemClock, sql), (listener) => log.onDebug('sql', listener));
    },
  });
}

/** Reasons of the host, with the cure. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'this user may not write there. Cure: give it to the user that runs magmad, or choose another with -d'],
  ['EPERM', 'this user may not write there. Cure: give it to the user that runs magmad, or choose another with -d'],
  ['EROFS', 'its file system is read-only. Cure: mount it for writing, or choose another directory with -d'],
  ['ENOTDIR', 'a part of its path is not a directory. Cure: choose another with -d'],
  ['EEXIST', 'it is not a directory. Cure: choose another with -d'],
  ['ENOSPC', 'the disk is full. Cure: make room'],
]);

function reasonOf(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return REASONS.get(code) ?? message;
}

/**
 * A judge of whether the store gets on, to be asked now and then: false when records wait for stable storage and none has come there since it was
 * last asked, because the log is wedged or the disk hangs.
 */
export function progress(stats: () => Pick<StoreStats, 'appended' | 'durable'>): () => boolean {
  let stuckAt: number | null = null;
  return () => {
    const { appended, durable } = stats();
    const gotOn = appended === durable || durable !== stuckAt;
    stuckAt = appended === durable ? null : durable;
    return gotOn;
  };
}
