/** Buffers asked of the host for each UDP socket, in bytes: room for a burst of 8 KiB WRITEs. */
export const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** How often a free port is looked for that is free on all addresses. */
export const PORT_TRIES_MAX = 20;

/** The addresses that mean all of a family. */
export const ANY = { 4: '0.0.0.0', 6: '::' } as const;
export type Family = keyof typeof ANY;

/** The host's code of an error (`EADDRINUSE`), if it has one. */
export function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code;
}

/** Tells the families to be served whole from single addresses. Throws `TypeError` when both are wanted. */
export function splitAddresses(addresses: readonly string[]): { any: Family[]; fixed: string[] } {
  const any = ([4, 6] as const).filter((family) => addresses.length === 0 || addresses.includes(ANY[family]));
  const fixed = addresses.filter((address) => address !== ANY[4] && address !== ANY[6]);
  if (any.length > 0 && fixed.length > 0) throw new TypeError('listen either on all addresses or on some, not both');
  return { any, fixed };
}
