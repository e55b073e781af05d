/** Bytes of a file's id. */
export const FILE_ID_BYTES = 16;
const NUMBER_BYTES = 8;

/**
 * The associated data of a block: its number, 8 bytes, most significant first, then the id of its file. So a block opens at its own place in its own
 * file only. What is no part of a file (the master key, symlink targets) has no id.
 */
export function placeOf(block: number, fileId?: Uint8Array): Buffer {
  const place = Buffer.allocUnsafe(NUMBER_BYTES + (fileId?.length ?? 0));
  place.writeUInt32BE(Math.floor(block / 0x1_0000_0000), 0);
  place.writeUInt32BE(block % 0x1_0000_0000, 4);
  if (fileId !== undefined) place.set(fileId, NUMBER_BYTES);
  return place;
}
