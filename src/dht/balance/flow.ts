/** What one volcano has of the network's work. */
export interface Burden {
  readonly work: number;
  readonly weight: number;
  /** The work of the slice of its run that has the most of it, and of all slices behind that one in the run. */
  readonly peak: number;
  readonly above: number;
}

/** Where work is to go. */
export interface Flows {
  /** By place in the ring: how much is to go from that volcano to the next one; less than 0: from the next one to it. */
  readonly border: readonly number[];
  /** What each is to have in the end. */
  readonly target: readonly number[];
  /** What a volcano of weight 1 has when all is well, besides those that have one slice alone that is more. */
  readonly mean: number;
}

function sum(values: readonly number[]): number {
  return values.reduce((all, one) => all + one, 0);
}

/** The places of volcanos that have a slice which alone is more than they are to have: it stays, and all else is for others. And the mean of those. */
function barred(burdens: readonly Burden[]): { readonly at: ReadonlySet<number>; readonly mean: number } {
  const at = new Set<number>();
  let work = sum(burdens.map((one) => one.work));
  let weight = sum(burdens.map((one) => one.weight));
  for (;;) {
    const found = burdens.findIndex((one, index) => !at.has(index) && one.peak * weight > work * one.weight);
    if (found === -1) return { at, mean: weight === 0 ? 0 : work / weight };
    at.add(found);
    work -= burdens[found]!.peak;
    weight -= burdens[found]!.weight;
  }
}

/** All round the ring: of all ways the one that moves least, the lower median of the sums. */
function round(burdens: readonly Burden[], mean: number): Flows {
  let all = 0;
  const sums = burdens.map(({ work, weight }) => {
    all += work - weight * mean;
    return all;
  });
  const median = sums.toSorted((one, other) => one - other)[Math.floor((sums.length - 1) / 2)]!;
  return { border: sums.map((one) => one - median), target: burdens.map(({ weight }) => weight * mean), mean };
}

/**
 * How much work is to go over each border between a volcano and the next one round the ring, so that each comes to have what its weight gives it. Nothing goes past a slice that alone is more than its volcano is to
 * have: what lies on either side of it goes away from it, and is shared by those up to the next such slice.
 */
export function flows(burdens: readonly Burden[]): Flows {
  const { at: bars, mean } = barred(burdens);
  if (bars.size === 0) return round(burdens, mean);
  const count = burdens.length;
  const border = burdens.map(() => 0);
  const target = burdens.map(({ peak }) => peak);
  for (const bar of bars) {
    const between: number[] = [];
    let end = (bar + 1) % count;
    for (; !bars.has(end); end = (end + 1) % count) between.push(end);
    if (between.length === 0) continue;
    const { work, peak, above } = burdens[end]!;
    const below = work - peak - above;
    const all = burdens[bar]!.above + sum(between.map((one) => burdens[one]!.work)) + below;
    const each = all / sum(between.map((one) => burdens[one]!.weight));
    let passed = burdens[bar]!.above;
    border[bar] = passed;
    for (const one of between) {
      target[one] = burdens[one]!.weight * each;
      passed += burdens[one]!.work - target[one]!;
      border[one] = passed;
    }
  }
  return { border, target, mean };
}
