/** base64url without padding (RFC 4648 §5), gocryptfs's flag `Raw64`. */
export function toRaw64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');
}

/**
 * The bytes of such a text; null when it is none. Strict: another alphabet, padding, white space, and bits at the end that belong to no byte are refused, so that
 * no two texts mean the same bytes.
 */
export function fromRaw64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}
