/** The size that a directory with that many entries shows, in bytes. */
export function directorySize(entries: number): number {
  return 512 * (1 + Math.floor(entries / 16));
}
