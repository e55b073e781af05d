import { REPLAY_AGE_MAX, REPLAYS_MAX } from '../record/limits.ts';
import type { SqliteDatabase } from './database.ts';
import { SqliteReader } from './reader.ts';
import type { ReplayRow } from './values.ts';

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
  ['chunks', ['key', 'generation', 'chunk'], 'SELECT * FROM chunks ORDER BY key, generation, chunk'],
  [
    'parents',
    ['key', 'generation', 'dir', 'dir_generation'],
    'SELECT * FROM parents ORDER BY key, generation, dir, dir_generation',
  ],
  ['notes', ['name'], 'SELECT * FROM notes ORDER BY name'],
  ['slices', ['slice'], 'SELECT * FROM slices ORDER BY slice'],
  ['usage', ['slice', 'share', 'uid'], 'SELECT * FROM usage ORDER BY slice, share, uid'],
  ['segments', ['segment'], 'SELECT * FROM segments ORDER BY segment'],
];
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
  for (const [table, key, query] of QUERIES) {
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
  found.push(...replayDifferences(left, right));
  return found.slice(0, DIFFERENCES_MAX);
}

/** The replays that an index is to have, by identity: the last ones, of those that are not too old. */
function replaysOf(database: SqliteDatabase): Map<string, ReplayRow> {
  const kept = new SqliteReader(database).replays().slice(-REPLAYS_MAX);
  const oldest = (kept.at(-1)?.time ?? 0) - REPLAY_AGE_MAX;
  return new Map(kept.filter(({ time }) => time >= oldest).map((replay) => [replay.identity, replay]));
}

/**
 * Whether an index has let go of replays for want of room. It counts all that came, those that were wiped or written anew since included, so it may have fewer than `REPLAYS_MAX` that are good; and as
 * they go flush by flush, two that got the same in other flushes have not let go of the same.
 */
function isFull(database: SqliteDatabase): boolean {
  return (database.prepare('SELECT coalesce(sum(count), 0) FROM replays').pluck().get() as number) >= REPLAYS_MAX;
}

/** Which flush a replay came with is not compared, nor are those that one has let go of. */
function replayDifferences(left: SqliteDatabase, right: SqliteDatabase): IndexDifference[] {
  const ones = replaysOf(left);
  const others = replaysOf(right);
  const [leftFull, rightFull] = [isFull(left), isFull(right)];
  const text = (replay: ReplayRow | undefined): string | null => (replay === undefined ? null : JSON.stringify(replay));
  const found: IndexDifference[] = [];
  for (const identity of new Set([...ones.keys(), ...others.keys()])) {
    const [one, other] = [text(ones.get(identity)), text(others.get(identity))];
    const letGo = (one === null && leftFull) || (other === null && rightFull);
    if (one !== other && !letGo) found.push({ table: 'replays', left: one, right: other });
  }
  return found;
}
