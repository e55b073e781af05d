/** Steps of an axis that begins at 0: round numbers, the last at or above `most`, about as many as wanted. */
export function ticks(most: number, wanted: number): number[] {
  const top = most > 0 && Number.isFinite(most) ? most : 1;
  const rough = top / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10);
  const steps = Math.ceil(top / step - 1e-9);
  return Array.from({ length: steps + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

/** Powers of ten around values: the first at or below the least, the last at or above the most; at least one decade. */
export function decades(least: number, most: number): number[] {
  const low = Math.floor(Math.log10(Math.max(least, 1e-9)) + 1e-9);
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(most, 1e-9)) - 1e-9));
  return Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index));
}

/** Where a value lies between the ends of an axis, from 0 to 1. */
export type Scale = (value: number) => number;

/** Even steps. */
export function linear(low: number, high: number): Scale {
  return (value) => (value - low) / (high - low);
}

/** Even factors; what is below the axis lies at its end. */
export function logarithmic(low: number, high: number): Scale {
  const width = Math.log(high / low);
  return (value) => Math.max(0, Math.log(Math.max(value, low) / low) / width);
}
