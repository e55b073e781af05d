import { crc32 } from 'node:zlib';
import type { Disk } from '../../base/disk.ts';

/*
 * An index in memory leaves its checkpoints in files of its own, one each, written once: magic, CRC-32 of what follows, and
 * the serialized database.
 */

/** `MGIM`. */
const IMAGE_MAGIC = 0x4d47494d;
const IMAGE_HEADER_BYTES = 8;
const IMAGE_NAME = /^index-(\d{1,15})\.image$/;

async function imageNumbers(disk: Disk): Promise<number[]> {
  const numbers: number[] = [];
  for (const name of await disk.list('')) {
    const match = IMAGE_NAME.exec(name);
    if (match !== null) numbers.push(Number(match[1]));
  }
  return numbers.sort((one, other) => other - one);
}

/** The newest image that is whole; null when there is none. */
export async function loadImage(disk: Disk): Promise<Buffer | null> {
  for (const number of await imageNumbers(disk)) {
    const file = await disk.open(`index-${number}.image`);
    try {
      const bytes = Buffer.alloc(await file.size());
      await file.read(bytes, 0);
      if (bytes.length < IMAGE_HEADER_BYTES || bytes.readUInt32BE(0) !== IMAGE_MAGIC) continue;
      const image = bytes.subarray(IMAGE_HEADER_BYTES);
      if (crc32(image) === bytes.readUInt32BE(4)) return image;
    } finally {
      await file.close();
    }
  }
  return null;
}

/** Puts an image on the disk, durably, and then removes older ones. One that cannot be written whole is removed. */
export async function saveImage(disk: Disk, image: Buffer): Promise<void> {
  const older = await imageNumbers(disk);
  const name = `index-${(older[0] ?? 0) + 1}.image`;
  const file = await disk.create(name);
  try {
    const header = Buffer.alloc(IMAGE_HEADER_BYTES);
    header.writeUInt32BE(IMAGE_MAGIC, 0);
    header.writeUInt32BE(crc32(image), 4);
    await file.writeDurable([header, image], 0);
  } catch (error) {
    await disk.remove(name).catch(() => {});
    throw error;
  } finally {
    await file.close();
  }
  await disk.syncDirectory('');
  for (const number of older) await disk.remove(`index-${number}.image`);
}
