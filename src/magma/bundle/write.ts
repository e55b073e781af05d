import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';

const OWNER_ONLY = 0o600;

/** Writes a file that only its owner may read, in place of what was there: whole, or not at all. Throws the host's error. */
export function writeWhole(file: string, content: Buffer): void {
  const temporary = `${file}.${process.pid}.part`;
  // Not over anything that is there, a link of somebody else's least of all.
  const descriptor = openSync(temporary, 'wx', OWNER_ONLY);
  try {
    try {
      for (let at = 0; at < content.length; ) at += writeSync(descriptor, content, at);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
