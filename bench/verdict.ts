import { figure, tableOf } from './table.ts';

/** One figure against its target. */
export interface Verdict {
  readonly what: string;
  readonly figure: number;
  readonly unit: string;
  /** Absent: there is no target, the figure is for comparison. */
  readonly target?: { readonly most: number } | { readonly least: number };
  readonly note?: string;
}

/** True when the figure keeps to its target, or has none. */
export function isMet({ figure, target }: Verdict): boolean {
  if (target === undefined) return true;
  return 'most' in target ? figure <= target.most : figure >= target.least;
}

function targetText(verdict: Verdict): string {
  const { target } = verdict;
  if (target === undefined) return '';
  const bound = 'most' in target ? `<= ${figure(target.most)}` : `>= ${figure(target.least)}`;
  return `${bound} ${isMet(verdict) ? 'met' : 'missed'}`;
}

/** Figures, their targets, and whether they are met. */
export function verdictTable(verdicts: readonly Verdict[]): string {
  return tableOf<Verdict>(
    [
      { head: 'what', cell: ({ what }) => what, left: true },
      { head: 'figure', cell: (verdict) => figure(verdict.figure) },
      { head: 'unit', cell: ({ unit }) => unit, left: true },
      { head: 'target', cell: targetText },
      { head: 'note', cell: ({ note = '' }) => note, left: true },
    ],
    verdicts,
  );
}
