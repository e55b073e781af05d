import type { Measurements, Row } from './measure.ts';
import { operationOf } from './operations.ts';
import { median, type Ratio } from './ratios.ts';

/** A column: its head, and what it says of one thing. */
export interface Column<T> {
  readonly head: string;
  readonly cell: (thing: T) => string;
  /** Text stands on the left, figures on the right. */
  readonly left?: true;
}

/** More CPU than this, in per cent of a core, that others used makes a run doubtful. */
export const OTHERS_PERCENT_MAX = 5;
const MIB = 1024 * 1024;

/** A Markdown table whose columns stand below each other. */
export function tableOf<T>(columns: readonly Column<T>[], things: readonly T[]): string {
  const cells = things.map((thing) => columns.map(({ cell }) => cell(thing)));
  const widths = columns.map(({ head }, at) => Math.max(head.length, ...cells.map((row) => row[at]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((text, at) => (columns[at]!.left ? text.padEnd(widths[at]!) : text.padStart(widths[at]!))).join(' | ')} |`;
  const rule = columns.map(({ left }, at) => (left ? '-'.repeat(widths[at]!) : `${'-'.repeat(widths[at]! - 1)}:`));
  return [line(columns.map(({ head }) => head)), line(rule), ...cells.map(line)].join('\n');
}

/** Three figures that count, at most two of them behind the point. */
export function figure(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return '-';
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

/** The most that this row may cost, in units; null when there is no target for it. */
export function targetOf({
  operation,
  transport,
  window,
}: Pick<Row, 'operation' | 'transport' | 'window'>): number | null {
  return window === 1 ? null : (operationOf(operation)?.target?.[transport] ?? null);
}

function targetCell(row: Row, unit: number): string {
  const target = targetOf(row);
  if (target === null || row.result.serverCpu === null) return '';
  return `${target} ${row.result.serverCpu / unit <= target ? 'met' : 'missed'}`;
}

function troublesOf({ result }: Row): string {
  const told = [...result.troubles].map(([name, count]) => `${name} ${count}`);
  if (result.otherCpuPercent > OTHERS_PERCENT_MAX) told.push(`others ${Math.round(result.otherCpuPercent)} %`);
  return told.join(', ');
}

/** The figures of a run; `several` when more than one server was run. */
export function resultTable({ rows, units }: Measurements, several: boolean): string {
  const unit = median(units);
  const columns: Column<Row>[] = [
    { head: 'op', cell: ({ operation }) => operation, left: true },
    { head: 'over', cell: ({ transport }) => transport, left: true },
    { head: 'window', cell: ({ connections, window }) => `${connections} x ${window}` },
    ...(several ? [{ head: 'server', cell: ({ server }: Row) => server, left: true } as const] : []),
    { head: 'ops/s', cell: ({ result }) => result.opsPerSecond.toFixed(0) },
    { head: 'CPU us/op', cell: ({ result }) => figure(result.serverCpu) },
    { head: 'units', cell: ({ result }) => figure(result.serverCpu === null ? null : result.serverCpu / unit) },
    { head: 'target', cell: (row) => (row.server === 'other' ? '' : targetCell(row, unit)) },
    { head: 'p50 us', cell: ({ result }) => figure(result.p50) },
    { head: 'p99 us', cell: ({ result }) => figure(result.p99) },
    { head: 'peak MiB', cell: ({ result }) => (result.peakBytes === null ? '-' : (result.peakBytes / MIB).toFixed(0)) },
    { head: 'note', cell: troublesOf, left: true },
  ];
  return tableOf(columns, rows);
}

/** The ratios of one server to another. */
export function ratioTable(ratios: readonly Ratio[]): string {
  return tableOf<Ratio>(
    [
      { head: 'op', cell: ({ operation }) => operation, left: true },
      { head: 'over', cell: ({ transport }) => transport, left: true },
      { head: 'window', cell: ({ window }) => String(window) },
      { head: 'ops/s', cell: ({ opsPerSecond }) => figure(opsPerSecond) },
      { head: 'CPU/op', cell: ({ serverCpu }) => figure(serverCpu) },
      { head: 'p50', cell: ({ p50 }) => figure(p50) },
      { head: 'p99', cell: ({ p99 }) => figure(p99) },
      { head: 'peak memory', cell: ({ peakBytes }) => figure(peakBytes) },
    ],
    ratios,
  );
}

/** What stands above the table: the unit, and what the disk allows. */
export function summary({ units, disk }: Measurements): string {
  const spread = `${figure(Math.min(...units))} to ${figure(Math.max(...units))}`;
  const lines = [
    `Unit: ${figure(median(units))} CPU us, a call of the C echo server over UDP (${units.length} measurements, ${spread}).`,
  ];
  if (disk.length > 0) {
    const ways = disk.map(({ group, writesPerSecond }) => `${writesPerSecond.toFixed(0)} (${group} to a sync)`);
    lines.push(
      `Disk alone, appends of 8 KiB a second: ${ways.join(', ')}; one append and sync takes ${figure(disk[0]!.p50)} us.`,
    );
  }
  return lines.join('\n');
}
