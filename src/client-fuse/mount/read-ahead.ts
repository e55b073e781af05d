import { readFile, stat, writeFile } from 'node:fs/promises';
import { IO_MAX } from '../protocol/init.ts';

/** What the kernel reads ahead at most, in KiB: one whole request. Its own default of 128 takes eight for as much, and half as much CPU time again. */
export const READ_AHEAD_KIB = IO_MAX / 1024;

/** `major:minor` of `st_dev`, as Linux numbers the devices of file systems. */
function deviceName(device: number): string {
  return `${(device >>> 8) & 0xfff}:${(device & 0xff) | ((device >>> 12) & 0xfff00)}`;
}

/** Has the kernel read further ahead in what is mounted there, which only root may. Where that does not work it stays as it is. */
export async function readFurtherAhead(target: string): Promise<void> {
  try {
    const path = `/sys/class/bdi/${deviceName((await stat(target)).dev)}/read_ahead_kb`;
    if (Number(await readFile(path, 'latin1')) < READ_AHEAD_KIB) await writeFile(path, `${READ_AHEAD_KIB}`);
  } catch {
    // No /sys, or not one that may be written.
  }
}
