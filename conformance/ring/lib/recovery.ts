import type { DiskDelays, SimulatedDisk } from '../../../src/base/simulated-disk.ts';
import type { World } from './world.ts';

/** A disk with which nothing is wrong. */
const HEALTHY: DiskDelays = { read: 0.02, write: 0.1, sync: 1, name: 0.05 };

/** After how long who kept the maps is back, in microseconds of virtual time. */
export const KEEPER_BACK_US = 20_000_000;

/** Once all is to be well, the operator looks after so long for volcanos that have lost something, in microseconds, and so often. */
const RESTORED_US = 10_000_000;
const RESTORED_LOOKS = 10;

/** What nobody else has is not copied while it is damaged, as the log says: the operator puts it back from a copy of his own. */
function restoreLost(world: World, tell: (deed: string) => void): void {
  for (let at = 0; at < world.count; at++) {
    if (!world.hasLost(at)) continue;
    tell(`the operator restores the log of volcano ${at}`);
    world.crash(at, 'power');
    world.start(at);
  }
}

/** Lets everything be well from now on. `down`: volcanos that are not to be back at once. */
export function makeWell(world: World, down: ReadonlySet<number>, tell: (deed: string) => void): void {
  const { network, count } = world;
  world.setMood({ late: 0, lost: 0, doubled: 0, broken: 0, delayMs: Math.min(network.delayMs, 3) });
  world.onMoment = null;
  const mend = (at: number): void => {
    const disk: SimulatedDisk | undefined = world.process(at)?.disk;
    disk?.stopAt(Number.POSITIVE_INFINITY);
    if (disk !== undefined) disk.delays = HEALTHY;
  };
  // The disk of one that was dead is as slow as it was.
  const start = (at: number): void => {
    world.start(at);
    mend(at);
  };
  for (let at = 0; at < count; at++) {
    mend(at);
    for (let other = 0; other < at; other++) world.part(at, other, false);
    world.register?.trouble(at, null);
    world.setClock(at, 0);
    world.leaveRoom(at, Number.POSITIVE_INFINITY);
    if (world.process(at)?.failed === true) world.crash(at, 'power');
    if (down.has(at)) world.time.after(KEEPER_BACK_US, () => start(at));
    else start(at);
  }
  world.takeOver(false);
  for (let look = 1; look <= RESTORED_LOOKS; look++)
    world.time.after(look * RESTORED_US, () => restoreLost(world, tell));
}
