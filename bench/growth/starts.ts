import { MIB } from '../long-options.ts';
import type { Verdict } from '../verdict.ts';
import type { Volcano } from '../volcano.ts';

/** The most that a start may take, in seconds. */
const AFTER_STOP = 5;
const AFTER_KILL = 30;
/** Resident memory with a million files, at most. */
const RESIDENT_MIB = 400;

/** Resident memory now, and its peak since the start. */
export function memoryOf(volcano: Volcano, when: string): Verdict[] {
  const { now, peak } = volcano.memory();
  const target = { most: RESIDENT_MIB };
  return [
    { what: `resident memory ${when}`, figure: now / MIB, unit: 'MiB', target },
    { what: `peak of it ${when}`, figure: peak / MIB, unit: 'MiB', target },
  ];
}

/** Kills the volcano with SIGKILL, and starts it; ends it in order, and starts it. */
export async function startAgain(volcano: Volcano): Promise<Verdict[]> {
  await volcano.crash();
  const afterKill = await volcano.start();
  const memory = memoryOf(volcano, 'after that start');
  const stopping = await volcano.stop();
  const afterStop = await volcano.start();
  return [
    { what: 'start after kill -9', figure: afterKill, unit: 's', target: { most: AFTER_KILL } },
    ...memory,
    { what: 'SIGTERM until it has ended', figure: stopping, unit: 's' },
    { what: 'start after a clean stop', figure: afterStop, unit: 's', target: { most: AFTER_STOP } },
    ...memoryOf(volcano, 'after that start'),
  ];
}
