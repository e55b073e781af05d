import type { Test } from 'tap';
import { FILE, ROOT } from '../../flare/store/testing/harness.ts';
import { nextStep } from '../projection/plan.ts';
import { Mirroring } from '../replication/mirroring.ts';
import { CARRY_MS } from '../volcano/carrier.ts';
import type { Ring } from '../volcano.ts';
import { type Start, VirtualRing } from './virtual-ring.ts';

/** How volcanos are started that keep two copies of everything. */
export const MIRRORED: Start = { replicas: 2, replication: (parts) => new Mirroring(parts) };
/** A checkpoint of an index in memory costs time. */
const LIMITS = { compactionMinBytes: 400_000, pendingUnits: 2000 };
/** Longer than any fill here takes, in milliseconds. */
const FILLED_MS = 6 * CARRY_MS;

/** So many volcanos with two copies of everything, all in sync. The first one arbitrates. */
export async function mirroredRing(volcanos: number, start: Start = MIRRORED): Promise<VirtualRing> {
  const ring = new VirtualRing({ volcanos, seed: 7, limits: LIMITS });
  await ring.start(0, { boot: true, ...start });
  for (let number = 1; number < volcanos; number++)
    await ring.start(number, { seeds: [ring.volcanos[0]!.seed], ...start });
  await planned(ring);
  return ring;
}

/** The volcanos that run. */
export function running(ring: VirtualRing): Ring[] {
  return ring.volcanos.flatMap(({ ring: one }) => (one === null ? [] : [one]));
}

/** Lets time go by until those that run have one map, in which nothing is left to do; `silent`: nicknames of those that are away. */
export async function planned(ring: VirtualRing, silent: readonly string[] = []): Promise<void> {
  const end = ring.time.now + FILLED_MS * 1000;
  const done = (): boolean => {
    const maps = running(ring).map((one) => one.projection());
    const [newest] = maps;
    const isSilent = (member: number): boolean => silent.includes(newest!.volcanos[member]!.nickname);
    return maps.every(({ epoch }) => epoch === newest!.epoch) && nextStep(newest!, isSilent) === null;
  };
  while (!done()) {
    if (ring.time.now > end)
      throw new Error(`not carried out: ${JSON.stringify(nextStep(running(ring)[0]!.projection()))}`);
    await ring.time.run(20);
  }
}

/** Makes so many files, by way of a volcano; their names, which are also what is in them. */
export async function makeFiles(ring: VirtualRing, through: number, first: number, count: number): Promise<string[]> {
  const { flares } = ring.volcanos[through]!.up;
  const names = Array.from({ length: count }, (_, at) => `f${first + at}`);
  const work = async (): Promise<void> => {
    for (const name of names) {
      const file = await flares.create(ROOT, flares.root(), name, FILE);
      await flares.write(ROOT, file, 0, Buffer.from(name));
    }
  };
  await ring.settle(work());
  return names;
}

/** Each volcano that runs shows all files, with what is in them. */
export async function checkFiles(t: Test, ring: VirtualRing, names: readonly string[]): Promise<void> {
  for (const { flares, self } of running(ring)) {
    const wrong: string[] = [];
    const look = async (): Promise<void> => {
      for (const name of names) {
        const file = await flares.lookup(ROOT, flares.root(), name);
        const { data } = await flares.read(ROOT, file, 0, 100);
        if (data.toString() !== name) wrong.push(name);
      }
    };
    await ring.settle(look());
    t.same(wrong, [], `${self.nickname} shows all ${names.length}`);
  }
}
