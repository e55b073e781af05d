import type { DiskFile } from '../../../base/disk.ts';
import type { Random } from '../../../base/random.ts';
import { SimulatedDisk } from '../../../base/simulated-disk.ts';

type Write = DiskFile['writeDurable'];

/** A disk on which zeros are written as `zeros` says: only what lays out room opens a segment that is being written by its name. */
export class ZerosDisk extends SimulatedDisk {
  zeros: (write: Write) => Write = (write) => write;

  override async open(name: string, options?: { readonly uncached?: boolean }): Promise<DiskFile> {
    const file = await super.open(name, options);
    return { ...file, writeDurable: this.zeros(file.writeDurable) };
  }
}

/** A disk on which zeros take up to so many turns of the event loop longer than batches, as `random` says. */
export function slowZeros(random: Random, turns: number): ZerosDisk {
  const disk = new ZerosDisk();
  disk.zeros = (write) => async (buffers, position) => {
    for (let left = random.below(turns); left > 0; left--) await new Promise((resolve) => setImmediate(resolve));
    await write(buffers, position);
  };
  return disk;
}
