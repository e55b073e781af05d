import { sliceOf } from '../keys.ts';
import type { FlareId } from '../types.ts';

/** Asks about flares of one slice at a time, all at once; the answers are in the order of the flares. */
export async function bySlice<T>(
  ids: readonly FlareId[],
  ask: (ids: readonly FlareId[]) => Promise<readonly T[]> | readonly T[],
): Promise<T[]> {
  const places = new Map<number, number[]>();
  for (const [at, { key }] of ids.entries()) {
    const slice = sliceOf(key);
    const there = places.get(slice);
    if (there === undefined) places.set(slice, [at]);
    else there.push(at);
  }
  const answers: T[] = [];
  const asking = [...places.values()].map(async (at) => {
    const part = await ask(at.map((place) => ids[place]!));
    for (const [index, place] of at.entries()) answers[place] = part[index]!;
  });
  await Promise.all(asking);
  return answers;
}
