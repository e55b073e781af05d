import { SIZE_MAX } from '../flare/types.ts';
import { type IdRange, parseRanges, parseSizeWord } from './options.ts';

/** How long somebody may be above a soft limit when a quota does not say, in milliseconds: a week. */
export const GRACE_MS = 7 * 86_400_000;
/** The longest grace time, in milliseconds: a year. */
export const GRACE_MAX_MS = 365 * 86_400_000;
/** The most files that a limit can name. */
export const FILES_MAX = 2 ** 32 - 2;
/** The most quotas that are in force together. */
export const QUOTAS_MAX = 4096;

/** How much of something somebody may have. */
export interface Limit {
  /** What he may have for as long as the grace time; null: there is no such limit. */
  readonly soft: number | null;
  /** What he may never exceed; null: there is no such limit. */
  readonly hard: number | null;
}

/** What some users may have in a share: one line of a shares file. */
export interface QuotaRule {
  /** Of the share; absolute and normalised; bytes as a Latin-1 string. */
  readonly path: string;
  /** Whom it is about; null: all for whom no other quota of the share is, but uid 0. */
  readonly uids: readonly IdRange[] | null;
  readonly bytes: Limit;
  readonly files: Limit;
  readonly graceMs: number;
  /** Where it was written, for messages: `file:line`. */
  readonly where: string;
  /** Path and uids, as messages show them. */
  readonly text: string;
}

/** The word that tells a quota from a rule: it stands where that has its network. */
export const QUOTA_WORD = 'quota';

const NO_LIMIT: Limit = Object.freeze({ soft: null, hard: null });
const UNITS: ReadonlyMap<string, number> = new Map([
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

function wholeNumber(text: string): number | null {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return value <= FILES_MAX ? value : null;
}

function parseLimit(text: string, parse: (word: string) => number | null, what: string): Limit | string {
  const parts = text.split(':');
  const numbers = parts.map((part) => (part === '' ? null : (parse(part) ?? Number.NaN)));
  const wants = `wants HARD, SOFT:HARD or SOFT:, each ${what}`;
  if (parts.length > 2 || numbers.some(Number.isNaN) || numbers.every((number) => number === null)) return wants;
  if (parts.length === 1) return { soft: null, hard: numbers[0]! };
  const [soft, hard] = numbers as [number | null, number | null];
  if (soft === null) return wants;
  return hard !== null && soft > hard ? 'has a soft limit above the hard one' : { soft, hard };
}

function parseGrace(text: string): number | string {
  const [, digits, unit] = /^([0-9]{1,9})([smhd])$/.exec(text) ?? [];
  const value = digits === undefined ? Number.NaN : Number(digits) * UNITS.get(unit!)!;
  return value <= GRACE_MAX_MS ? value : 'wants a time up to 365d, as grace=7d: a whole number and s, m, h or d';
}

const PARSERS = {
  bytes: (text: string) =>
    parseLimit(
      text,
      (word) => parseSizeWord(word, 0, SIZE_MAX),
      'a whole number of bytes up to 1024T, with K, M, G or T',
    ),
  files: (text: string) => parseLimit(text, wholeNumber, `a whole number up to ${FILES_MAX}`),
  grace: parseGrace,
} as const;
type QuotaOption = keyof typeof PARSERS;

/** Reads whom a quota is about; a string says what is wrong. */
export function parseQuotaUids(word: string): readonly IdRange[] | null | string {
  if (word === '*') return null;
  const ranges = parseRanges(word);
  if (typeof ranges === 'string') return `${ranges}; or * for all`;
  if (ranges.some(({ low }) => low === 0)) return 'has 0 in it, which is never limited; leave it out';
  return ranges;
}

/** Reads the limits of a quota, separated by commas: what they say, or all that is wrong. */
export function parseLimits(
  text: string,
): Pick<QuotaRule, 'bytes' | 'files' | 'graceMs'> | readonly { readonly word: string; readonly reason: string }[] {
  const faults: { word: string; reason: string }[] = [];
  const found = new Map<string, Limit | number>();
  for (const word of text.split(',')) {
    const equals = word.indexOf('=');
    const name = word.slice(0, Math.max(0, equals));
    if (!Object.hasOwn(PARSERS, name)) {
      faults.push({ word, reason: 'is no limit; those are bytes=, files= and grace=' });
      continue;
    }
    const value = PARSERS[name as QuotaOption](word.slice(equals + 1));
    if (typeof value === 'string') faults.push({ word, reason: `${name}= ${value}` });
    else if (found.has(name)) faults.push({ word, reason: `${name}= is given twice; keep one` });
    else found.set(name, value);
  }
  if (faults.length === 0 && !found.has('bytes') && !found.has('files'))
    faults.push({ word: text, reason: 'limits nothing; give bytes=, files= or both' });
  if (faults.length > 0) return faults;
  return {
    bytes: (found.get('bytes') as Limit | undefined) ?? NO_LIMIT,
    files: (found.get('files') as Limit | undefined) ?? NO_LIMIT,
    graceMs: (found.get('grace') as number | undefined) ?? GRACE_MS,
  };
}

function limitWord(name: string, { soft, hard }: Limit): string[] {
  if (soft === null) return hard === null ? [] : [`${name}=${hard}`];
  return [`${name}=${soft}:${hard ?? ''}`];
}

/** A quota as it could be written. */
export function formatQuota({ text, bytes, files, graceMs }: QuotaRule): string {
  const grace = graceMs === GRACE_MS ? [] : [`grace=${graceMs / 1000}s`];
  return `${text} ${[...limitWord('bytes', bytes), ...limitWord('files', files), ...grace].join(',')}`;
}

/** Whether a quota is about that uid by its own word; one for all is about nobody in particular. */
export function isAbout(quota: Pick<QuotaRule, 'uids'>, uid: number): boolean {
  return quota.uids?.some(({ low, high }) => uid >= low && uid <= high) ?? false;
}
