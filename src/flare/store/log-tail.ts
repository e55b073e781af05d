import { batchRecords } from '../kml/format.ts';
import type { Kml } from '../kml/types.ts';
import { type RecordHead, recordHead, sameGroup } from '../record/head.ts';

/** Records of one slice: those with numbers above `after` up to `upTo`. */
export interface Wanted {
  readonly after: number;
  readonly upTo: number;
}

type Group = Buffer[];

/** Groups of records as they lie in a row of records: of each record those for which `takes` says so. Payloads alias what is given. */
export function groupsOf(payloads: Iterable<Buffer>, takes: (head: RecordHead) => boolean): Group[] {
  const groups: Group[] = [];
  let before: RecordHead | null = null;
  let open = false;
  for (const payload of payloads) {
    const head = recordHead(payload);
    if (before !== null && !sameGroup(before, head)) open = false;
    before = head;
    if (!takes(head)) continue;
    if (open) groups.at(-1)!.push(payload);
    else groups.push([payload]);
    open = true;
  }
  return groups;
}

/**
 * The durable records of the log that are wanted, by slice, in the order in which they lie there: segments are looked through from the newest back until all are found. null
 * when some are not there any more, or when they take more than `maxBytes`. Throws `KmlRotError`.
 */
export async function tailOf(kml: Kml, wanted: ReadonlyMap<number, Wanted>, maxBytes: number): Promise<Group[] | null> {
  let missing = 0;
  for (const { after, upTo } of wanted.values()) missing += Math.max(0, upTo - after);
  let found: Group[] = [];
  let bytes = 0;
  const takes = ({ slice, number, base }: RecordHead): boolean => {
    const range = wanted.get(slice);
    return !base && range !== undefined && number > range.after && number <= range.upTo;
  };
  for (const { number } of [...kml.segments()].reverse()) {
    if (missing === 0) return found;
    const here: Group[] = [];
    for await (const batch of kml.walkSegment(number)) {
      for (const group of groupsOf(payloadsOf(batchRecords(batch)), takes)) {
        here.push(group);
        missing -= group.length;
        for (const { length } of group) bytes += length;
      }
      if (bytes > maxBytes) return null;
    }
    found = [...here, ...found];
  }
  return missing === 0 ? found : null;
}

function* payloadsOf(records: Iterable<{ readonly payload: Buffer }>): Generator<Buffer> {
  for (const { payload } of records) yield payload;
}
