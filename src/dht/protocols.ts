/** The protocols that a volcano, or a client of volcanos, speaks: what they say to each other, and keep together. Whole numbers from 1. */
export interface Protocols {
  readonly least: number;
  readonly most: number;
}

/** What this program speaks; what belongs to which is in docs/upgrading.md. */
export const PROTOCOLS: Protocols = { least: 1, most: 1 };
/** No protocol has a higher number. */
export const PROTOCOL_MAX = 65_535;

/** The highest protocol that both speak; null when there is none. */
export function commonProtocol(one: Protocols, other: Protocols): number | null {
  const common = Math.min(one.most, other.most);
  return common < Math.max(one.least, other.least) ? null : common;
}

/** As people read it: `1`, or `1 to 2`. */
export function protocolsText({ least, most }: Protocols): string {
  return least === most ? `${most}` : `${least} to ${most}`;
}

/**
 * Why somebody cannot be part of a network whose map is of that protocol, and the cure; null when he can. `who` is his name and what he runs.
 */
export function unfitFor(network: number, who: string, { least, most }: Protocols): string | null {
  if (most < network)
    return `the network is at protocol ${network}, and ${who} speaks ${most} at most: run a newer magma there`;
  if (least > network)
    return `the network is at protocol ${network}, and ${who} speaks none below ${least}: run a magma there that speaks ${network}, until all volcanos have a newer one`;
  return null;
}
