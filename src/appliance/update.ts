import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { UsageError } from '../magmad/usage.ts';

/** The last line of an update: what it is, the SHA-256 of all before it, the version. */
const TRAILER = /^magma-appliance-update 1 ([0-9a-f]{64}) ([0-9A-Za-z.+~-]{1,64})\n$/;
/** The longest trailer, in bytes. */
export const TRAILER_MAX = 256;
/** How a squashfs begins. */
const MAGIC = Buffer.from('hsqs');
const PIECE = 1 << 20;

/** What stands at the end of an update. */
export interface Update {
  readonly version: string;
  /** Bytes of the system, without the trailer. */
  readonly bytes: number;
  readonly sha256: string;
}

/** Reads the trailer of an update. Throws `UsageError` when it has none: it is something else, or was cut off. */
export async function readTrailer(file: FileHandle, name: string): Promise<Update> {
  const { size } = await file.stat();
  const length = Math.min(size, TRAILER_MAX);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
  const tail = buffer.subarray(0, bytesRead).toString('latin1');
  const begin = tail.lastIndexOf('\n', tail.length - 2) + 1;
  // The system before the trailer may end in any byte: the line begins with its first word.
  const word = tail.lastIndexOf('magma-appliance-update');
  const found = TRAILER.exec(tail.slice(Math.max(begin, word)));
  if (found === null)
    throw new UsageError(
      `${name} is no update of this appliance, or not all of one. Cure: take the file magma-VERSION.update, and compare its SHA-256`,
    );
  return { sha256: found[1]!, version: found[2]!, bytes: size - found[0].length };
}

/**
 * Writes the system of an update to a partition, and reads it back: what is there then has the update's checksum. Throws `UsageError` when the update is damaged or does not
 * fit, before anything is written, and `Error` when the disk does not keep what was written.
 */
export async function writeSystem(from: string, partition: string): Promise<Update> {
  await using source = await open(from, 'r');
  const update = await readTrailer(source, from);
  const first = await source.read(Buffer.alloc(4), 0, 4, 0);
  if (!first.buffer.equals(MAGIC) || (await digest(source, update.bytes)) !== update.sha256)
    throw new UsageError(`${from} is damaged: it does not have its own checksum. Cure: copy it again`);
  await using target = await open(partition, 'r+');
  const room = await lengthOf(target);
  if (update.bytes > room)
    throw new UsageError(
      `${from} has ${update.bytes} bytes, and the partition has room for ${room}: it needs a new image, docs/appliance.md`,
    );
  const piece = Buffer.alloc(PIECE);
  for (let at = 0; at < update.bytes; ) {
    const { bytesRead } = await source.read(piece, 0, Math.min(PIECE, update.bytes - at), at);
    if (bytesRead === 0) throw new UsageError(`${from} became shorter while it was read`);
    for (let written = 0; written < bytesRead; )
      written += (await target.write(piece, written, bytesRead - written, at + written)).bytesWritten;
    at += bytesRead;
  }
  await target.sync();
  if ((await digest(target, update.bytes)) !== update.sha256)
    throw new Error(`${partition} does not hold what was written to it: the disk is failing`);
  return update;
}

async function digest(file: FileHandle, bytes: number): Promise<string> {
  const hash = createHash('sha256');
  const piece = Buffer.alloc(PIECE);
  for (let at = 0; at < bytes; ) {
    const { bytesRead } = await file.read(piece, 0, Math.min(PIECE, bytes - at), at);
    if (bytesRead === 0) break;
    hash.update(piece.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash.digest('hex');
}

/** A device's length is 0 by stat: it is where reading ends. */
async function lengthOf(file: FileHandle): Promise<number> {
  const { size } = await file.stat();
  if (size > 0) return size;
  const byte = Buffer.alloc(1);
  let low = 0;
  let high = 1;
  const there = async (at: number): Promise<boolean> => (await file.read(byte, 0, 1, at)).bytesRead === 1;
  while (await there(high)) {
    low = high;
    high *= 2;
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (await there(middle)) low = middle;
    else high = middle;
  }
  return low + 1;
}
