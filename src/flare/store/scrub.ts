import { batchRecords, recordSound } from '../kml/format.ts';
import type { LogBatch, LogRecordPlace } from '../kml/types.ts';
import { decodeRecord } from '../record/codec.ts';
import { unpackId } from '../record/pack.ts';
import { ChangeTypeSchema, type LogRecord } from '../record/schema.ts';
import type { FlareId } from '../types.ts';
import type { Core } from './core.ts';

/** Data of a record that is not sound: of which file, and where the record's payload begins in its segment. */
export interface DamagedData {
  readonly id: FlareId;
  readonly offset: number;
  readonly length: number;
  readonly record: number;
}

/** What data a record says that it holds, for one that is not sound; null: none, or it cannot be seen. Whether that is so the state says, which knows what lies there. */
export function damagedData({ payload, position }: LogRecordPlace): DamagedData | null {
  let record: LogRecord;
  try {
    record = decodeRecord(payload);
  } catch {
    return null;
  }
  const last = record.changes.at(-1);
  if (last?.type !== ChangeTypeSchema.data) return null;
  const { id, offset, bytes } = last.data;
  return { id: unpackId(id), offset, length: bytes.length, record: position };
}

/** Has all data that are damaged in a segment written anew from another copy, as far as they can be found and had. Never rejects. */
export async function scrub(core: Core, segment: number): Promise<void> {
  const found: DamagedData[] = [];
  const look = (batch: LogBatch): void => {
    for (const place of batchRecords(batch)) {
      const data = recordSound(batch, place) ? null : damagedData(place);
      if (data !== null) found.push(data);
    }
  };
  try {
    for await (const batches of core.kml.scanSegment(segment)) for (const batch of batches) look(batch);
  } catch {
    // What lies behind a batch that cannot be read at all is found by who reads it.
  }
  for (const { id, offset, length, record } of found)
    await core.repair.mend(core, id, offset, offset + length, { segment, record });
}
