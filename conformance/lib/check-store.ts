import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openDisk } from '../../src/base/system-disk.ts';
import { checkStore } from '../../src/flare/check/check.ts';

/** What is wrong with a copy of a data directory that no process uses: empty lists when nothing is. `scratch` takes the copy. */
export async function faultsOf(directory: string, scratch: string): Promise<object> {
  const copy = join(scratch, 'copy');
  cpSync(directory, copy, { recursive: true });
  try {
    const { differences, faults } = await checkStore({ disk: await openDisk(copy) });
    return { differences, faults };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
