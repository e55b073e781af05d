const RIGHTS = ['nothing', 'read', 'write', 'read and write'] as const;
const ACCESS = 3n;

/** A reservation (`LockKind.share`) in words: `read and write, denies write`. */
export function reservationText(bits: bigint): string {
  const taken = RIGHTS[Number(bits & ACCESS)]!;
  const denied = RIGHTS[Number((bits >> 2n) & ACCESS)]!;
  return `${taken}, denies ${denied}`;
}
