import { createRequire } from 'node:module';

/** Memory, places and lengths that the host moves to and from a device without its cache are multiples of this. */
export const BLOCK_BYTES = 4096;

type Copy = (to: Uint8Array, from: Uint8Array, length: number) => number | bigint;

let copy: Copy | null | undefined;

function loadCopy(): Copy | null {
  if (process.platform !== 'linux') return null;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    return koffi.load(null).func('uintptr_t memcpy(void *to, const void *from, size_t length)') as Copy;
  } catch {
    return null;
  }
}

/** By how many bytes the memory lies behind a multiple of `BLOCK_BYTES`; null when the host does not say. */
function offsetOf(memory: Buffer): number | null {
  if (copy === undefined) copy = loadCopy();
  // Copies nothing, and says where it was to go.
  return copy === null ? null : Number(BigInt(copy(memory, memory, 0)) % BigInt(BLOCK_BYTES));
}

/** New memory of undefined content, `bytes` long, that begins at a multiple of `BLOCK_BYTES`, where the host tells. It never moves. */
export function alignedMemory(bytes: number): Buffer {
  const memory = Buffer.allocUnsafeSlow(bytes + BLOCK_BYTES);
  const start = -(offsetOf(memory) ?? 0) & (BLOCK_BYTES - 1);
  return memory.subarray(start, start + bytes);
}

/** Whether `alignedMemory` gave it, or it begins where that would. */
export function isAligned(memory: Uint8Array): boolean {
  return offsetOf(Buffer.from(memory.buffer, memory.byteOffset, memory.byteLength)) === 0;
}
