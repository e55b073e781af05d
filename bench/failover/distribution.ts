import { type Column, tableOf } from '../table.ts';

/** What one kill cost, in milliseconds. */
export interface Kill {
  /** The longest that a WRITE to a file of the dead volcano waited. */
  readonly pause: number;
  /** From the kill until its mirror was to take over; until it had; until the last of those WRITEs was answered. */
  readonly detection: number;
  readonly map: number;
  readonly takingUp: number;
  /** The longest that a WRITE waited whose primary lives, and whose mirror was the dead one, perhaps. */
  readonly others: number;
}

const ROWS: readonly (readonly [keyof Kill, string])[] = [
  ['pause', 'pause of files of the dead volcano'],
  ['detection', 'of it: until its mirror is to take over'],
  ['map', 'until the map says so'],
  ['takingUp', 'until the last has its answer'],
  ['others', 'pause of other files'],
];

/** The value below which that share of them lies (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

const seconds = (ms: number): string => (ms / 1000).toFixed(2);

/** The table of some kills, in seconds. */
export function distributionTable(kills: readonly Kill[]): string {
  type Row = readonly [string, readonly number[]];
  const at = (head: string, share: number): Column<Row> => ({
    head,
    cell: ([, all]) => seconds(percentile(all, share)),
  });
  return tableOf<Row>(
    [
      { head: 'seconds', cell: ([what]) => what, left: true },
      ...[at('min', 0), at('median', 0.5), at('p90', 0.9), at('max', 1)],
    ],
    ROWS.map(([name, what]) => [what, kills.map((kill) => kill[name])]),
  );
}

/** When a volcano's log, of one JSON object a line, has that message: in milliseconds since 1970. */
export function timesOf(log: string, message: string): number[] {
  const lines = log.split('\n').filter((line) => line.startsWith('{'));
  return lines
    .map((line) => JSON.parse(line) as { readonly msg: string; readonly time: string })
    .flatMap(({ msg, time }) => (msg === message ? [Date.parse(time)] : []));
}
