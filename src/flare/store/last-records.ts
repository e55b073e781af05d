import { batchRecords } from '../kml/format.ts';
import type { Kml } from '../kml/types.ts';
import { recordHead } from '../record/head.ts';
import { OperationSchema } from '../record/schema.ts';

/** Records that one call of `lastRecords` gives at most. */
export const LAST_RECORDS_MAX = 1000;
/** Segments of the log that are looked through for them. */
const SEGMENTS_LOOKED_AT = 3;

/** One record of the log, in short. */
export interface LastRecord {
  /** Its number in this volcano's log. */
  readonly lsn: number;
  readonly slice: number;
  readonly epoch: number;
  /** Its number in its slice. */
  readonly number: number;
  /** µs since 1970-01-01 UTC. */
  readonly time: number;
  readonly operation: string;
  readonly bytes: number;
}

const OPERATIONS: ReadonlyMap<number, string> = new Map(
  Object.entries(OperationSchema)
    .filter((pair): pair is [string, number] => typeof pair[1] === 'number')
    .map(([name, number]) => [number, name]),
);

function shortOf(lsn: number, payload: Buffer): LastRecord {
  const { slice, epoch, number } = recordHead(payload);
  const operation = payload.readUInt32BE(44);
  return {
    ...{ lsn, slice, epoch, number, bytes: payload.length },
    time: payload.readUInt32BE(20) * 2 ** 32 + payload.readUInt32BE(24),
    operation: OPERATIONS.get(operation) ?? `operation ${operation}`,
  };
}

/** The last durable records of the log, oldest first; fewer than `count` when the newest segments have no more. Reads those segments. Throws `KmlRotError`. */
export async function lastRecords(kml: Kml, count: number): Promise<LastRecord[]> {
  const wanted = Math.min(count, LAST_RECORDS_MAX);
  let found: LastRecord[] = [];
  const segments = [...kml.segments()].reverse().slice(0, SEGMENTS_LOOKED_AT);
  for (const { number } of segments) {
    if (found.length >= wanted) break;
    let here: LastRecord[] = [];
    for await (const batch of kml.walkSegment(number)) {
      for (const { lsn, payload } of batchRecords(batch)) here.push(shortOf(lsn, payload));
      if (here.length > 2 * LAST_RECORDS_MAX) here = here.slice(-wanted);
    }
    found = [...here, ...found];
  }
  return found.slice(-wanted);
}
