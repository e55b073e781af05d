import type { Disk } from '../../../base/disk.ts';
import { silentLogger } from '../../../base/logger.ts';
import { seededRandom } from '../../../base/random.ts';
import { batchRecords } from '../format.ts';
import { type KmlOptions, openKml } from '../kml.ts';
import type { Kml, LogBatch } from '../types.ts';

/** The network that the tests' logs belong to. */
export const NETWORK = Buffer.from('0123456789abcdef0123456789abcdef', 'hex');

/** A log as a test opens it, with what its walk handed over. */
export interface Opened {
  readonly kml: Kml;
  readonly batches: LogBatch[];
  /** The payloads of all records that were walked, as text, by LSN. */
  readonly records: Map<number, string>;
}

/** Opens the log of that disk as the tests do. */
export async function openLog(disk: Disk, options: Partial<KmlOptions> = {}): Promise<Opened> {
  const batches: LogBatch[] = [];
  const records = new Map<number, string>();
  const kml = await openKml({
    disk,
    logger: silentLogger,
    networkId: NETWORK,
    segmentBytes: 4096,
    random: seededRandom(1),
    onBatch(batch) {
      batches.push(batch);
      for (const { lsn, payload } of batchRecords(batch)) records.set(lsn, payload.toString('latin1'));
    },
    ...options,
  });
  return { kml, batches, records };
}

/** Payloads of a group, from text. */
export function group(...texts: string[]): Buffer[] {
  return texts.map((text) => Buffer.from(text, 'latin1'));
}
