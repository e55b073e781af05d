import type { OperatorView } from './operator-view.ts';

/** Ends all that a holder has locked, on all volcanos that serve slices. Resolves with of how many flares, durably; rejects when one of them does not answer: what others had has ended then. */
export async function releaseEverywhere(view: OperatorView, holder: string): Promise<number> {
  const { volcanos, map } = view.projection();
  const serving = new Set(map.map(({ primary }) => primary));
  const asked = [...serving].map(async (at) => view.releaseHolder(volcanos[at]!.id, holder));
  let flares = 0;
  for (const told of await Promise.allSettled(asked)) {
    if (told.status === 'rejected') throw told.reason;
    flares += told.value;
  }
  return flares;
}
