import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '../../src/base/logger.ts';
import { openDisk } from '../../src/base/system-disk.ts';
import { checkIndex, type IndexCheck } from '../../src/flare/index/check.ts';
import { openForReading } from '../../src/flare/index/database.ts';
import { INDEX_FILE, threadedIndexHost } from '../../src/flare/index/threaded-host.ts';
import { decodeSegmentHeader, SEGMENT_HEADER_BYTES } from '../../src/flare/kml/format.ts';
import { openKml } from '../../src/flare/kml/kml.ts';

function networkIdOf(directory: string): Buffer {
  const first = readdirSync(join(directory, 'kml')).sort()[0]!;
  const header = decodeSegmentHeader(readFileSync(join(directory, 'kml', first)).subarray(0, SEGMENT_HEADER_BYTES));
  if (header === null) throw new Error(`kml/${first} begins with no header of a segment`);
  return Buffer.from(header.networkId);
}

/**
 * Recovers a copy of a data directory that no process uses, as a volcano that starts does, and compares its index with one that is rebuilt from
 * the log alone. `scratch` takes the copy.
 */
export async function checkStore(directory: string, scratch: string): Promise<IndexCheck> {
  const copy = join(scratch, 'copy');
  cpSync(directory, copy, { recursive: true });
  try {
    const disk = await openDisk(copy);
    const host = await threadedIndexHost({ disk, logger: silentLogger });
    const kml = await openKml({
      disk,
      logger: silentLogger,
      networkId: networkIdOf(copy),
      from: host.applied,
      onBatch: (batch) => host.apply(batch),
    });
    kml.onDurable((batch) => host.apply(batch));
    await host.whenApplied(kml.durable);
    const used = openForReading(join(copy, INDEX_FILE));
    try {
      return await checkIndex(kml, used);
    } finally {
      used.close();
      await kml.close();
      await host.close();
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
