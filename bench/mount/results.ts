import { median } from '../ratios.ts';
import { type Column, figure, OTHERS_PERCENT_MAX, tableOf } from '../table.ts';
import type { Verdict } from '../verdict.ts';
import type { FileOperation, FileRun } from './fileio.ts';
import type { Kind } from './options.ts';

/** What an encrypted mount may cost its client, over gocryptfs on a local directory. */
export const TIMES_GOCRYPTFS_MOST = 2;
/** Calls of stat a second that the kernel answers by itself, at least. */
export const CACHED_STATS_LEAST = 20_000;

/** One run in one round. */
export interface MountRow {
  readonly round: number;
  readonly operation: FileOperation;
  readonly kind: Kind;
  readonly run: FileRun;
}

/** All rounds of one operation on one mount: medians. */
export interface Summary {
  readonly operation: FileOperation;
  readonly kind: Kind;
  /** MiB, or calls. */
  readonly perSecond: number;
  /** CPU in microseconds for a MiB, or a call. */
  readonly mount: number;
  readonly self: number;
  readonly server: number;
  /** CPU of the mount's process over that of gocryptfs, round by round; empty where there is none. */
  readonly ratios: readonly number[];
  /** The same of both processes on the client. */
  readonly client: readonly number[];
  readonly others: number;
}

/** What was done, as the tables call it. */
export const NAMES: Readonly<Record<FileOperation, string>> = {
  write: 'write, MiB',
  read: 'read, MiB',
  stat: 'stat, kernel',
  ask: 'stat, asked',
};

/** The medians of each operation on each mount, in the order of the rows. */
export function summaries(rows: readonly MountRow[]): Summary[] {
  const firsts = rows.filter(({ round }) => round === 0);
  return firsts.map(({ operation, kind }) => {
    const mine = rows.filter((row) => row.operation === operation && row.kind === kind);
    const each = (of: (run: FileRun) => number): number => median(mine.map(({ run }) => of(run)));
    const ratios = (of: (run: FileRun) => number): number[] =>
      mine.flatMap(({ round, run }) => {
        const peer = rows.find((row) => row.round === round && row.operation === operation && row.kind === 'gocryptfs');
        const cost = peer === undefined ? 0 : of(peer.run) / peer.run.count;
        // What the kernel answers costs the mount nothing.
        return cost > 0 ? [of(run) / run.count / cost] : [];
      });
    return {
      operation,
      kind,
      perSecond: each(({ count, began, ended }) => count / ((ended - began) / 1e6)),
      mount: each(({ mount, count }) => mount / count),
      self: each(({ self, count }) => self / count),
      server: each(({ server, count }) => server / count),
      ratios: operation === 'stat' ? [] : ratios(({ mount }) => mount),
      client: ratios(({ mount, self }) => mount + self),
      others: each(({ others }) => others),
    };
  });
}

/** A table of all of them. */
export function mountTable(all: readonly Summary[]): string {
  const columns: Column<Summary>[] = [
    { head: 'what', cell: ({ operation }) => NAMES[operation], left: true },
    { head: 'mount', cell: ({ kind }) => kind, left: true },
    { head: 'a second', cell: ({ perSecond }) => perSecond.toFixed(0) },
    { head: 'mount us', cell: ({ mount, kind }) => (kind === 'nfs' ? '-' : figure(mount)) },
    { head: 'caller us', cell: ({ self }) => figure(self) },
    { head: 'volcano us', cell: ({ server, kind }) => (kind === 'gocryptfs' ? '' : figure(server)) },
    { head: 'mount, times gocryptfs', cell: ({ ratios, kind }) => (kind === 'nfs' ? '-' : figure(median(ratios))) },
    { head: 'with caller', cell: ({ client }) => figure(median(client)) },
    {
      head: 'note',
      cell: ({ others }) => (others > OTHERS_PERCENT_MAX ? `others ${Math.round(others)} %` : ''),
      left: true,
    },
  ];
  return tableOf(columns, all);
}

/** What the run says about the targets. Only what was measured is there. */
export function mountVerdicts(all: readonly Summary[]): Verdict[] {
  return all.flatMap(({ operation, kind, ratios, perSecond, mount, self }): Verdict[] => {
    if (kind !== 'encrypted') return [];
    if (operation === 'stat') {
      const note = `answered by the kernel; ${figure(self)} us of the caller, ${figure(mount)} us of the mount`;
      const target = { least: CACHED_STATS_LEAST };
      return [{ what: 'stat of cached attributes', figure: perSecond, unit: 'a second', target, note }];
    }
    if (operation === 'ask' || ratios.length === 0) return [];
    const note = `CPU of the mount, ${figure(mount)} us a MiB; ratios ${figure(Math.min(...ratios))} to ${figure(Math.max(...ratios))}`;
    const target = { most: TIMES_GOCRYPTFS_MOST };
    const what = `sequential ${operation} by 1 MiB, encrypted`;
    return [{ what, figure: median(ratios), unit: "times gocryptfs's", target, note }];
  });
}
