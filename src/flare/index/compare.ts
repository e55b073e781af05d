import type { SqliteDatabase } from './database.ts';
import { REPLAYS_MAX } from './tables.ts';

/** One row that two indexes do not have alike. */
export interface IndexDifference {
  readonly table: string;
  /** The row, as JSON, as one of them has it; byte strings in hexadecimal. null: it has none. */
  readonly left: string | null;
  readonly right: string | null;
}

/** Differences that are listed at most. */
export const DIFFERENCES_MAX = 100;

/** What is compared of each table: all rows in the order of their keys. The position of the mark is not: an empty batch may move it. */
const QUERIES: readonly (readonly [table: string, key: readonly string[], query: string])[] = [
  ['mark', [], 'SELECT lsn, flares, used FROM mark'],
  ['flares', ['key'], 'SELECT * FROM flares ORDER BY key'],
  ['entries', ['dir', 'name'], 'SELECT * FROM entries ORDER BY dir, name'],
  ['extents', ['key', 'generation', 'offset'], 'SELECT * FROM extents ORDER BY key, generation, offset'],
  [
    'parents',
    ['key', 'generation', 'dir', 'dir_generation'],
    'SELECT * FROM parents ORDER BY key, generation, dir, dir_generation',
  ],
  ['notes', ['name'], 'SELECT * FROM notes ORDER BY name'],
  ['slices', ['slice'], 'SELECT * FROM slices ORDER BY slice'],
  ['segments', ['segment'], 'SELECT * FROM segments ORDER BY segment'],
];
// The ring's order differs when compaction has written replays anew, and so does what it keeps once it is full.
const REPLAYS = [
  'replays',
  ['time', 'identity'],
  'SELECT time, identity, outcome, segment FROM replays ORDER BY time, identity',
] as const;

type Row = Record<string, number | string | Buffer | null>;

function orderOf(key: readonly string[], left: Row, right: Row): number {
  for (const column of key) {
    const one = left[column]!;
    const other = right[column]!;
    const order = Buffer.isBuffer(one) ? one.compare(other as Buffer) : Number(one) - Number(other);
    if (order !== 0) return order;
  }
  return 0;
}

function show(row: Row | undefined): string | null {
  if (row === undefined) return null;
  const plain = Object.entries(row).map(([name, value]) => [
    name,
    Buffer.isBuffer(value) ? value.toString('hex') : value,
  ]);
  return JSON.stringify(Object.fromEntries(plain));
}

function sameRow(left: Row, right: Row): boolean {
  return Object.entries(left).every(([name, value]) =>
    Buffer.isBuffer(value) ? value.equals(right[name] as Buffer) : value === right[name],
  );
}

/**
 * What two indexes have unlike, at most `DIFFERENCES_MAX` rows; empty when they say the same. For `check`: an index equals one that is
 * rebuilt from the log.
 */
export function compareIndexes(left: SqliteDatabase, right: SqliteDatabase): IndexDifference[] {
  const found: IndexDifference[] = [];
  const count = left.prepare('SELECT count(*) FROM replays').pluck();
  const queries = (count.get() as number) < REPLAYS_MAX ? [...QUERIES, REPLAYS] : QUERIES;
  for (const [table, key, query] of queries) {
    const ones = left.prepare(query).iterate() as IterableIterator<Row>;
    const others = right.prepare(query).iterate() as IterableIterator<Row>;
    let one = ones.next().value as Row | undefined;
    let other = others.next().value as Row | undefined;
    while ((one !== undefined || other !== undefined) && found.length < DIFFERENCES_MAX) {
      const order = one === undefined ? 1 : other === undefined ? -1 : orderOf(key, one, other);
      if (order !== 0 || !sameRow(one!, other!)) {
        found.push({ table, left: show(order <= 0 ? one : undefined), right: show(order >= 0 ? other : undefined) });
      }
      if (order <= 0) one = ones.next().value as Row | undefined;
      if (order >= 0) other = others.next().value as Row | undefined;
    }
    ones.return?.();
    others.return?.();
  }
  return found;
}
