import { SIZE_MAX } from '../flare/types.ts';

/** The largest NFSv2 transfer, in bytes (RFC 1094 §2.2, `NFS_MAXDATA`), and what a rule gives when it names none. */
export const TRANSFER_MAX = 8192;
/** The smallest transfer that can be asked for, in bytes. */
export const TRANSFER_MIN = 512;
/** The largest uid and gid; 2^32 - 1 means "unset" on the wire. */
export const ID_MAX = 0xffff_fffe;
/** Whom anonymous and squashed callers become: nobody. */
export const NOBODY = 65_534;
/** The most ranges of one rule's `uid=` or `gid=`. */
export const RANGES_MAX = 64;
/** The most options of one rule. */
export const OPTIONS_MAX = 32;
/** The smallest size that STATFS can pretend, in bytes. */
export const PRETEND_MIN = TRANSFER_MAX;

/** Numbers from `low` to `high`, both included. */
export interface IdRange {
  readonly low: number;
  readonly high: number;
}

/** How a rule serves those whom it lets in. */
export interface RuleOptions {
  /** `root`: uid and gid 0 become anonymous; `all`: everyone does; `none`: nobody does. */
  readonly squash: 'root' | 'all' | 'none';
  readonly anonuid: number;
  readonly anongid: number;
  /** The uids that are served as themselves; null: all. */
  readonly uids: readonly IdRange[] | null;
  /** The gids that are served as themselves; null: all. */
  readonly gids: readonly IdRange[] | null;
  /** Only callers whose port is below 1024. */
  readonly secure: boolean;
  /** The largest READ reply, in bytes, and what STATFS advises. */
  readonly tsize: number;
  /** What STATFS shows at most, in bytes; null: the truth. */
  readonly size: number | null;
  /** Shows files above 2^31 - 1 bytes as if they ended there. */
  readonly clamp: boolean;
  /** Shows a squashed caller's flares as his own: clients that see another uid refuse by themselves. */
  readonly reportUid: boolean;
  /** A caller who names 16 groups, as many as a call has room for, has all that he is in on this host. */
  readonly hostGroups: boolean;
  /** A name that is not there means one that differs from it only in the case of its ASCII letters. */
  readonly foldCase: boolean;
  /** Listings show names that DOS cannot have (8.3) under others that it can, and which mean the same. */
  readonly dosNames: boolean;
  /** Few of such clients' calls are worked on at a time, so that others' do not wait behind them. */
  readonly bulk: boolean;
}

/** What a rule without options says. */
export const DEFAULT_OPTIONS: RuleOptions = Object.freeze({
  squash: 'root',
  anonuid: NOBODY,
  anongid: NOBODY,
  uids: null,
  gids: null,
  secure: false,
  tsize: TRANSFER_MAX,
  size: null,
  clamp: true,
  reportUid: false,
  hostGroups: false,
  foldCase: false,
  dosNames: false,
  bulk: false,
});

/** A word that is wrong, why, and the cure. */
export interface OptionFault {
  readonly word: string;
  readonly reason: string;
}

/** Options that say yes or no: the name they belong to, and what they say. */
const SWITCHES: ReadonlyMap<string, readonly [string, boolean]> = new Map([
  ['root_squash', ['root_squash', true]],
  ['no_root_squash', ['root_squash', false]],
  ['all_squash', ['all_squash', true]],
  ['no_all_squash', ['all_squash', false]],
  ['secure', ['secure', true]],
  ['insecure', ['secure', false]],
  ['rw', ['rw', true]],
  ['ro', ['rw', false]],
  ['clamp', ['clamp', true]],
  ['noclamp', ['clamp', false]],
  ['report_uid', ['report_uid', true]],
  ['no_report_uid', ['report_uid', false]],
  ['host_groups', ['host_groups', true]],
  ['no_host_groups', ['host_groups', false]],
  ['fold_case', ['fold_case', true]],
  ['no_fold_case', ['fold_case', false]],
  ['dos_names', ['dos_names', true]],
  ['no_dos_names', ['dos_names', false]],
  ['bulk', ['bulk', true]],
  ['no_bulk', ['bulk', false]],
]);

const UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['K', 2 ** 10],
  ['M', 2 ** 20],
  ['G', 2 ** 30],
  ['T', 2 ** 40],
]);

function wholeNumber(text: string, low: number, high: number): number | null {
  if (!/^[0-9]{1,16}$/.test(text)) return null;
  const value = Number(text);
  return value >= low && value <= high ? value : null;
}

function parseId(text: string): number | string {
  return wholeNumber(text, 0, ID_MAX) ?? `wants a number from 0 to ${ID_MAX}`;
}

function parseTransfer(text: string): number | string {
  return wholeNumber(text, TRANSFER_MIN, TRANSFER_MAX) ?? `wants bytes from ${TRANSFER_MIN} to ${TRANSFER_MAX}`;
}

/** A whole number with K, M, G or T behind it, from `low` to `high`; null when it is none. */
export function parseSizeWord(text: string, low: number, high: number): number | null {
  const [, digits, unit] = /^([0-9]+)([KMGT]?)$/.exec(text.toUpperCase()) ?? [];
  const value = digits === undefined || digits.length > 16 ? Number.NaN : Number(digits) * UNITS.get(unit!)!;
  return value >= low && value <= high ? value : null;
}

function parseSize(text: string): number | string {
  const value = parseSizeWord(text, PRETEND_MIN, SIZE_MAX);
  if (value !== null) return value;
  return `wants a size from ${PRETEND_MIN} bytes to 1024T, as size=1900M: a whole number, with K, M, G or T`;
}

/** Ranges of ids, joined by `+`; a string says what is wrong. */
export function parseRanges(text: string): IdRange[] | string {
  const ranges: IdRange[] = [];
  for (const part of text.split('+')) {
    const [, from, to] = /^([0-9]+)(?:-([0-9]+))?$/.exec(part) ?? [];
    const low = wholeNumber(from ?? '', 0, ID_MAX);
    const high = to === undefined ? low : wholeNumber(to, 0, ID_MAX);
    if (low === null || high === null || low > high)
      return `wants ranges of numbers from 0 to ${ID_MAX}, lowest first, as 1000-1999+3000-3999`;
    ranges.push({ low, high });
  }
  return ranges;
}

const NUMBERS: ReadonlyMap<string, (text: string) => number | string> = new Map([
  ['anonuid', parseId],
  ['anongid', parseId],
  ['tsize', parseTransfer],
  ['size', parseSize],
]);

const ALL_NAMES = [...SWITCHES.keys(), ...[...NUMBERS.keys(), 'uid', 'gid'].map((name) => `${name}=`)];

/** The words of one rule's options, taken one by one; what they say together is checked at the end. */
class OptionCollector {
  readonly faults: OptionFault[] = [];
  readonly switches = new Map<string, { word: string; yes: boolean }>();
  readonly numbers = new Map<string, number>();
  readonly ranges = new Map<string, IdRange[]>();

  fault(word: string, reason: string): void {
    this.faults.push({ word, reason });
  }

  take(word: string): void {
    const known = SWITCHES.get(word);
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const parse = NUMBERS.get(name);
    if (known !== undefined) this.#takeSwitch(word, known[0], known[1]);
    else if (name === 'uid' || name === 'gid') this.#takeRanges(word, name, word.slice(4));
    else if (parse !== undefined) this.#takeNumber(word, name, parse(word.slice(name.length + 1)));
    else if (word === '') this.fault(word, 'an option is empty: a comma too many; take it out');
    else this.fault(word, `is no option that magma knows; those are ${ALL_NAMES.join(', ')}`);
  }

  #takeSwitch(word: string, name: string, yes: boolean): void {
    const before = this.switches.get(name);
    if (before === undefined) this.switches.set(name, { word, yes });
    else if (before.yes === yes) this.fault(word, 'is given twice; keep one');
    else this.fault(word, `contradicts ${before.word}; keep one of the two`);
  }

  #takeNumber(word: string, name: string, value: number | string): void {
    if (typeof value === 'string') this.fault(word, `${name}= ${value}`);
    else if (this.numbers.has(name)) this.fault(word, `${name}= is given twice; keep one`);
    else this.numbers.set(name, value);
  }

  #takeRanges(word: string, name: string, text: string): void {
    const ranges = parseRanges(text);
    const all = [...(this.ranges.get(name) ?? []), ...(typeof ranges === 'string' ? [] : ranges)];
    if (typeof ranges === 'string') this.fault(word, `${name}= ${ranges}`);
    else if (all.length > RANGES_MAX) this.fault(word, `a rule may have ${RANGES_MAX} ranges of ${name}s; join some`);
    else this.ranges.set(name, all);
  }

  says(name: string): boolean | undefined {
    return this.switches.get(name)?.yes;
  }
}

function checkTogether(options: OptionCollector, permission: 'r' | 'w' | 'n'): void {
  const mode = options.switches.get('rw');
  if (mode !== undefined && (permission === 'n' || mode.yes !== (permission === 'w')))
    options.fault(
      mode.word,
      `contradicts the rule's ${permission}; leave it out, or write ${mode.yes ? 'w' : 'r'} there`,
    );
  const rootServed = options.says('root_squash') === false;
  const allSquashed = options.says('all_squash') === true;
  if (allSquashed && rootServed) options.fault('no_root_squash', 'contradicts all_squash; keep one of the two');
  const uids = options.ranges.get('uid');
  for (const name of options.ranges.keys())
    if (allSquashed) options.fault(`${name}=`, 'contradicts all_squash; keep one of the two');
  if (rootServed && uids !== undefined && !uids.some((range) => range.low === 0))
    options.fault('no_root_squash', 'contradicts uid=, whose ranges leave out 0; add uid=0, or leave it out');
}

/**
 * Reads the options of a rule, separated by commas: what they say together, or all that is wrong with them. `permission` is the rule's
 * own letter, which `ro` and `rw` must not contradict.
 */
export function parseOptions(text: string, permission: 'r' | 'w' | 'n'): RuleOptions | readonly OptionFault[] {
  const words = text.split(',');
  if (words.length > OPTIONS_MAX)
    return [{ word: '', reason: `a rule may have ${OPTIONS_MAX} options; join the ranges with +` }];
  const options = new OptionCollector();
  for (const word of words) options.take(word);
  checkTogether(options, permission);
  if (options.faults.length > 0) return options.faults;
  const { numbers, ranges } = options;
  return Object.freeze({
    squash: options.says('all_squash') ? 'all' : options.says('root_squash') === false ? 'none' : 'root',
    anonuid: numbers.get('anonuid') ?? DEFAULT_OPTIONS.anonuid,
    anongid: numbers.get('anongid') ?? DEFAULT_OPTIONS.anongid,
    uids: ranges.get('uid') ?? null,
    gids: ranges.get('gid') ?? null,
    secure: options.says('secure') ?? DEFAULT_OPTIONS.secure,
    tsize: numbers.get('tsize') ?? DEFAULT_OPTIONS.tsize,
    size: numbers.get('size') ?? DEFAULT_OPTIONS.size,
    clamp: options.says('clamp') ?? DEFAULT_OPTIONS.clamp,
    reportUid: options.says('report_uid') ?? DEFAULT_OPTIONS.reportUid,
    hostGroups: options.says('host_groups') ?? DEFAULT_OPTIONS.hostGroups,
    foldCase: options.says('fold_case') ?? DEFAULT_OPTIONS.foldCase,
    dosNames: options.says('dos_names') ?? DEFAULT_OPTIONS.dosNames,
    bulk: options.says('bulk') ?? DEFAULT_OPTIONS.bulk,
  });
}

function rangesText(ranges: readonly IdRange[]): string {
  return ranges.map(({ low, high }) => (low === high ? `${low}` : `${low}-${high}`)).join('+');
}

/** Options as `parseOptions` reads them, without those that are so anyhow; empty when all are. */
export function formatOptions(options: RuleOptions): string {
  const { squash, anonuid, anongid, uids, gids, secure, tsize, size, clamp, reportUid } = options;
  const { hostGroups, foldCase, dosNames, bulk } = options;
  const words: readonly (readonly [word: string, given: boolean])[] = [
    [squash === 'none' ? 'no_root_squash' : 'all_squash', squash !== DEFAULT_OPTIONS.squash],
    [`anonuid=${anonuid}`, anonuid !== DEFAULT_OPTIONS.anonuid],
    [`anongid=${anongid}`, anongid !== DEFAULT_OPTIONS.anongid],
    [`uid=${rangesText(uids ?? [])}`, uids !== null],
    [`gid=${rangesText(gids ?? [])}`, gids !== null],
    ['secure', secure],
    [`tsize=${tsize}`, tsize !== DEFAULT_OPTIONS.tsize],
    [`size=${size}`, size !== null],
    ['noclamp', !clamp],
    ['report_uid', reportUid],
    ['host_groups', hostGroups],
    ['fold_case', foldCase],
    ['dos_names', dosNames],
    ['bulk', bulk],
  ];
  return words.flatMap(([word, given]) => (given ? [word] : [])).join(',');
}
