import { batchRecords } from '../kml/format.ts';
import type { Kml, LogBatch } from '../kml/types.ts';
import { type RecordHead, recordHead, sameGroup } from '../record/head.ts';
import { type Mark, markOf } from '../record/mark.ts';

/** Records of one slice: those with numbers above `after` up to `upTo`. */
export interface Wanted {
  readonly after: number;
  readonly upTo: number;
}

type Group = Buffer[];

/** Groups of records as they lie in a row of records: of each record those for which `takes` says so. Payloads alias what is given. */
export function groupsOf(payloads: Iterable<Buffer>, takes: (head: RecordHead, payload: Buffer) => boolean): Group[] {
  const groups: Group[] = [];
  let before: RecordHead | null = null;
  let open = false;
  for (const payload of payloads) {
    const head = recordHead(payload);
    if (before !== null && !sameGroup(before, head)) open = false;
    before = head;
    if (!takes(head, payload)) continue;
    if (open) groups.at(-1)!.push(payload);
    else groups.push([payload]);
    open = true;
  }
  return groups;
}

/** Whether a segment is there still, for who has waited since it was listed. */
export function hasSegment(kml: Kml, segment: number): boolean {
  return kml.segments().some(({ number }) => number === segment);
}

/** The groups of a batch, as `groupsOf`. */
export function groupsOfBatch(batch: LogBatch, takes: (head: RecordHead, payload: Buffer) => boolean): Group[] {
  return groupsOf(payloadsOf(batch), takes);
}

function* payloadsOf(batch: LogBatch): Generator<Buffer> {
  for (const { payload } of batchRecords(batch)) yield payload;
}

/** What was found so far of one slice: all of its records above `from` up to what is wanted. */
class Search {
  readonly after: number;
  /** The number up to which records are still to be found. */
  from: number;
  /** Some are not there. */
  failed = false;
  /** What the segment that is looked through holds and counts so far, by number. */
  here = new Map<number, Buffer>();

  constructor({ after, upTo }: Wanted) {
    this.after = after;
    this.from = upTo;
  }

  get done(): boolean {
    return this.from <= this.after;
  }

  take(number: number, payload: Buffer): void {
    if (number > this.after && number <= this.from) this.here.set(number, payload);
  }

  mark(mark: Mark, upTo: number): void {
    for (const number of this.here.keys()) if (mark === 'wiped' || number > upTo) this.here.delete(number);
    // What comes behind the mark must make good what lies before it.
    this.#marked = mark === 'wiped' ? this.after : Math.min(this.#marked, upTo);
  }

  #marked = Number.POSITIVE_INFINITY;

  /** The segment has been looked through; gives what counts of it. */
  close(): Set<Buffer> {
    const found = new Set<Buffer>();
    for (let payload = this.here.get(this.from); payload !== undefined; payload = this.here.get(this.from)) {
      found.add(payload);
      this.from--;
    }
    // A gap, or something that was taken back and is nowhere anew.
    this.failed ||= found.size < this.here.size || this.from > Math.max(this.after, this.#marked);
    this.here = new Map();
    this.#marked = Number.POSITIVE_INFINITY;
    return found;
  }
}

/**
 * The durable records of the log that are wanted and count, by slice, in the order in which they lie there: segments are looked through from the newest back until all are found. null
 * when some are not there any more, or when they take more than `maxBytes`. Throws `KmlRotError`.
 */
export async function tailOf(kml: Kml, wanted: ReadonlyMap<number, Wanted>, maxBytes: number): Promise<Group[] | null> {
  const searches = new Map([...wanted].map(([slice, range]) => [slice, new Search(range)]));
  const missing = (): boolean => [...searches.values()].some(({ done }) => !done);
  let found: Group[] = [];
  let bytes = 0;
  const takes = (head: RecordHead, payload: Buffer): boolean => {
    const search = searches.get(head.slice);
    if (search === undefined || search.done) return false;
    const mark = markOf(head, payload);
    if (mark !== null) search.mark(mark, head.number);
    else if (!head.base) search.take(head.number, payload);
    return mark === null && !head.base && search.here.get(head.number) === payload;
  };
  for (const { number } of [...kml.segments()].reverse()) {
    if (!missing()) return found;
    // Compaction has taken it meanwhile.
    if (!hasSegment(kml, number)) return null;
    const here: Group[] = [];
    for await (const batch of kml.walkSegment(number)) {
      for (const group of groupsOfBatch(batch, takes)) {
        here.push(group);
        for (const { length } of group) bytes += length;
      }
      if (bytes > maxBytes) return null;
    }
    const count = new Set([...searches.values()].flatMap((search) => [...search.close()]));
    if ([...searches.values()].some(({ failed }) => failed)) return null;
    const counting = here.map((group) => group.filter((payload) => count.has(payload)));
    found = [...counting.filter(({ length }) => length > 0), ...found];
  }
  return missing() ? null : found;
}
