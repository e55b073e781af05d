import type { Test } from 'tap';
import type { Disk } from '../../../base/disk.ts';
import { type Logger, silentLogger } from '../../../base/logger.ts';
import { seededRandom } from '../../../base/random.ts';
import { SimulatedDisk } from '../../../base/simulated-disk.ts';
import { type ManualClock, manualClock } from '../../../base/testing/manual-clock.ts';
import { checkStore, type StoreCheck } from '../../check/check.ts';
import { FlareError, type FlareStatusName } from '../../errors.ts';
import { inlineIndexHost } from '../../index/inline-host.ts';
import { type Birth, FlareType } from '../../types.ts';
import type { StoreLimits } from '../limits.ts';
import type { LocalStore } from '../local-store.ts';
import { openStore, type StoreOptions } from '../open.ts';

export { ALICE, BOB, ROOT } from '../../testing/histories.ts';

export const FILE: Birth = { type: FlareType.file, mode: 0o644 };
export const DIRECTORY: Birth = { type: FlareType.directory, mode: 0o755 };

/** Bounds that make everything happen early. */
export const SMALL: Partial<StoreLimits> = {
  cacheBytes: 20_000,
  reserveBytes: 64 * 1024,
  compactionMinBytes: 32 * 1024,
  compactionStepBytes: 4096,
  flushUnits: 24,
  flushBytes: 6000,
  pendingUnits: 200,
};

export interface TestStore {
  readonly store: LocalStore;
  readonly disk: Disk;
  readonly clock: ManualClock;
  /** What was logged as an error, or worse. */
  readonly errors: string[];
}

function errorLogger(errors: string[]): Logger {
  const keep = (fields: object, message: string): void => {
    errors.push(`${message}: ${'err' in fields ? fields.err : JSON.stringify(fields)}`);
  };
  return { ...silentLogger, error: keep, fatal: keep };
}

/** A store on a simulated disk, with its index in memory; boots it unless told otherwise. */
export async function testStore(
  options: Partial<StoreOptions> & { readonly clock?: ManualClock } = {},
): Promise<TestStore> {
  const clock = options.clock ?? manualClock();
  const disk = options.disk ?? new SimulatedDisk();
  const errors: string[] = [];
  const store = await openStore({
    boot: true,
    logger: errorLogger(errors),
    random: seededRandom(1),
    indexHost: ({ disk }) => inlineIndexHost({ disk }),
    segmentBytes: 16 * 1024,
    root: { mode: 0o777 },
    ...options,
    limits: { ...SMALL, ...options.limits },
    disk,
    clock,
  });
  return { store, disk, clock, errors };
}

/** The status that an operation is refused with; 'OK' when it is not. */
export async function statusOf(operation: () => unknown): Promise<FlareStatusName | 'OK'> {
  try {
    await operation();
    return 'OK';
  } catch (error) {
    if (error instanceof FlareError) return error.status;
    throw error;
  }
}

/** Checks a disk that no store uses. */
export async function check(disk: Disk): Promise<StoreCheck> {
  return checkStore({
    disk,
    openIndex: async ({ disk }) => {
      const host = await inlineIndexHost({ disk });
      return { host, database: host.database, done: () => {} };
    },
  });
}

/** Checks a disk that no store uses, and fails the test with what is found. */
export async function checkSound(t: Test, disk: Disk, message: string): Promise<void> {
  const { differences, faults } = await check(disk);
  t.same({ differences, faults }, { differences: [], faults: [] }, message);
}

/** As `checkSound`, but only that the index equals one that is rebuilt: for a volcano that holds a part of a tree. */
export async function checkRebuilt(t: Test, disk: Disk): Promise<void> {
  t.same((await check(disk)).differences, [], 'the index equals one that is rebuilt from the log');
}
