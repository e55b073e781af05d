const SCRAMBLE = 0x5b;
const ASCII = 0x7f;

/**
 * Names and passwords as they travel, and back: each byte XOR 0x5b, 7 bits of it. It keeps nobody from reading them who sees the network, and what is no ASCII
 * does not survive it.
 */
export function scrambled(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.map((byte) => (byte ^ SCRAMBLE) & ASCII));
}
