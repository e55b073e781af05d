import { spawnSync } from 'node:child_process';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { type BootState, readGrubenv, runningSlot, type Slot, writeGrubenv } from './boot-slots.ts';

/** Where the FAT partition is. */
export const CONFIG = '/config';
const GRUBENV = `${CONFIG}/grub/grubenv`;

/** Runs a command; throws when it fails, with what it said. */
export function command(name: string, ...args: string[]): string {
  const ran = spawnSync(name, args, { encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(`${name} ${args.join(' ')}: ${ran.stderr || ran.error?.message}`);
  return ran.stdout;
}

/** Does something while the FAT partition may be written; nothing is in memory alone when it returns. */
export async function withConfig<T>(work: () => T | Promise<T>): Promise<T> {
  command('mount', '-o', 'remount,rw', CONFIG);
  try {
    return await work();
  } finally {
    command('sync', '-f', CONFIG);
    command('mount', '-o', 'remount,ro', CONFIG);
  }
}

/** Changes grubenv. It is written over where it lies: all that counts is in its first sector, which a disk writes whole or not. */
export async function changeBootState(change: (state: BootState) => BootState): Promise<void> {
  await withConfig(() => {
    const file = openSync(GRUBENV, 'r+');
    try {
      writeSync(file, writeGrubenv(change(readGrubenv(readFileSync(GRUBENV)))), 0, undefined, 0);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  });
}

/** Writes a file whole: after a power cut it is the old one or the new one. */
export function writeWhole(path: string, text: string): void {
  const made = `${path}.new`;
  writeFileSync(made, text, { flush: true });
  renameSync(made, path);
}

/** The system that runs. Throws where that is not an appliance. */
export function running(): Slot {
  const slot = runningSlot(readFileSync('/proc/cmdline', 'utf8'));
  if (slot === null) throw new Error('this is no appliance: its kernel was not told which system it is');
  return slot;
}
