/**
 * The time in milliseconds that this share of the calls took at most, by the bound of the bucket that it lies in, in proportion inside it; null without calls. The same as `quantile` of
 * `rpc/procedure-gauges.ts`, which a browser is not served, with the bounds that the state brings.
 */
export function quantile(bounds: readonly number[], buckets: readonly number[], share: number): number | null {
  const all = buckets.reduce((sum, count) => sum + count, 0);
  if (all === 0) return null;
  const wanted = share * all;
  let before = 0;
  for (const [index, count] of buckets.entries()) {
    if (count > 0 && before + count >= wanted) {
      const low = index === 0 ? 0 : bounds[index - 1]!;
      const high = bounds[index] ?? low;
      return low + (high - low) * ((wanted - before) / count);
    }
    before += count;
  }
  return bounds.at(-1) ?? null;
}
