/** Bytes of a block when nothing is agreed on (RFC 1350 §2). */
export const BLOCK_BYTES = 512;
/** The largest block that is agreed on: more, in one datagram, is lost too easily (FIELD.md row 19). */
export const BLOCK_BYTES_MAX = 8192;
const BLOCK_ASKED_MIN = 8;
const BLOCK_ASKED_MAX = 65_464;
/** The longest wait that is agreed on, in seconds: with more, who never answers would keep his place for long. */
export const TIMEOUT_MAX = 30;

/** What was agreed on. */
export interface Agreed {
  readonly blockBytes: number;
  /** Milliseconds to the next try; null: as the server likes. */
  readonly timeoutMs: number | null;
  /** What the client is told; empty: it asked for nothing that is known, and is sent the first block at once. */
  readonly told: ReadonlyMap<string, string>;
}

function numberIn(text: string | undefined, low: number, high: number): number | null {
  const value = text !== undefined && /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return value >= low && value <= high ? value : null;
}

/**
 * What holds of the options that a client asks for: blksize (RFC 2348), tsize and timeout (RFC 2349). Those that are not known, or make no sense, are left out, as
 * RFC 2347 has it. `size` is null where it is not known before all is sent.
 */
export function agree(asked: ReadonlyMap<string, string>, size: number | null, blockMax: number): Agreed {
  const told = new Map<string, string>();
  const block = numberIn(asked.get('blksize'), BLOCK_ASKED_MIN, BLOCK_ASKED_MAX);
  const blockBytes = block === null ? BLOCK_BYTES : Math.min(block, BLOCK_BYTES_MAX, blockMax);
  const timeout = numberIn(asked.get('timeout'), 1, TIMEOUT_MAX);
  for (const name of asked.keys()) {
    if (name === 'blksize' && block !== null) told.set(name, `${blockBytes}`);
    if (name === 'timeout' && timeout !== null) told.set(name, `${timeout}`);
    if (name === 'tsize' && size !== null && numberIn(asked.get(name), 0, 2 ** 33) !== null) told.set(name, `${size}`);
  }
  return { blockBytes, timeoutMs: timeout === null ? null : timeout * 1000, told };
}
