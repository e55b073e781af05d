import { EME_BLOCK_BYTES } from './eme.ts';

/** PKCS#7 (RFC 5652 §6.3) to 16 bytes: 1 to 16 bytes are added, each of them their count. */
export function pad16(bytes: Uint8Array): Buffer {
  const count = EME_BLOCK_BYTES - (bytes.length % EME_BLOCK_BYTES);
  const padded = Buffer.alloc(bytes.length + count, count);
  padded.set(bytes);
  return padded;
}

/** What was padded so; null when it was not. */
export function unpad16(padded: Uint8Array): Uint8Array | null {
  if (padded.length === 0 || padded.length % EME_BLOCK_BYTES !== 0) return null;
  const count = padded.at(-1)!;
  if (count < 1 || count > EME_BLOCK_BYTES) return null;
  const end = padded.length - count;
  return padded.subarray(end).every((byte) => byte === count) ? padded.subarray(0, end) : null;
}
