import { formatNetwork, type Network, parseNetwork } from './network.ts';
import { DEFAULT_OPTIONS, parseOptions, type RuleOptions } from './options.ts';
import { joinPath, PATH_MAX, type PathFault, splitPath } from './path.ts';
import { hasControls, type Problem, RulesError, readable } from './problem.ts';
import { parseLimits, parseQuotaUids, QUOTA_WORD, type QuotaRule } from './quota-rule.ts';

/** The longest line of a rule, in bytes. */
export const LINE_MAX = 8192;

/** Who may do what below a path: one line of a shares file. */
export interface Rule {
  /** Absolute and normalised; bytes as a Latin-1 string. */
  readonly path: string;
  readonly network: Network;
  /** Read, read and write, nothing. */
  readonly permission: 'r' | 'w' | 'n';
  readonly options: RuleOptions;
  /** Where it was written, for messages: `file:line`. */
  readonly where: string;
  /** Path, network and permission, as a log line shows them. */
  readonly text: string;
}

/** What one line of a shares file says. */
export type Line = { readonly rule: Rule } | { readonly quota: QuotaRule };

/** One word of a line, its escapes and quotes taken away. */
interface Word {
  readonly bytes: string;
  /** As it was written. */
  readonly raw: string;
}

const CURES: Record<PathFault, string> = {
  relative: 'is no absolute path; begin it with /',
  dotdot: 'has a .. in it; write the path that it leads to',
  nul: 'has a NUL byte in it; no name can have one',
  long: `is too long: ${PATH_MAX} bytes in all, 255 a name`,
};

const WORD = /[ \t]*(?:("(?:[^"\\]|\\.)*"(?=[ \t]|$))|("[^\n]*)|(#.*)|([^ \t"#][^ \t]*))/y;

function withoutEscapes(text: string): string {
  return text.replace(/\\([0-3][0-7]{2}|.)/g, (_, escaped: string) =>
    escaped.length === 3 ? String.fromCharCode(Number.parseInt(escaped, 8)) : escaped,
  );
}

/** Cuts a line (bytes as a Latin-1 string) into its words; a comment ends it. Null when a quote is not closed or is followed by something. */
function cut(line: string): Word[] | null {
  const words: Word[] = [];
  WORD.lastIndex = 0;
  for (;;) {
    const found = WORD.exec(line);
    if (found === null || found[3] !== undefined) return words;
    if (found[2] !== undefined) return null;
    const raw = (found[1] ?? found[4])!;
    words.push({ raw, bytes: withoutEscapes(found[1] === undefined ? raw : raw.slice(1, -1)) });
  }
}

/** Reads rules word by word, keeping what is wrong. */
class RuleReader {
  readonly problems: Problem[] = [];
  readonly where: string;

  constructor(where: string) {
    this.where = where;
  }

  fault(word: string, reason: string): null {
    this.problems.push({ where: this.where, word: readable(word).slice(0, 200), reason });
    return null;
  }

  path(word: Word): string | null {
    const names = splitPath(word.bytes);
    return typeof names === 'string' ? this.fault(word.raw, CURES[names]) : joinPath(names);
  }

  network(word: Word): Network | null {
    const read = parseNetwork(word.raw);
    return 'fault' in read ? this.fault(word.raw, read.fault) : read.network;
  }

  permission(word: Word): Rule['permission'] | null {
    if (word.raw === 'r' || word.raw === 'w' || word.raw === 'n') return word.raw;
    return this.fault(word.raw, 'is no permission; write r (read), w (read and write) or n (nothing)');
  }

  options(word: Word | undefined, permission: Rule['permission']): RuleOptions | null {
    if (word === undefined) return DEFAULT_OPTIONS;
    const read = parseOptions(word.raw, permission);
    if (!Array.isArray(read)) return read as RuleOptions;
    for (const fault of read) this.fault(fault.word, fault.reason);
    return null;
  }

  /** `PATH quota UIDS LIMIT[,LIMIT...]`. */
  quota(words: readonly Word[]): QuotaRule | null {
    const [first, , third, fourth, fifth] = words;
    if (third === undefined || fourth === undefined || fifth !== undefined)
      return this.fault(
        words.map((word) => word.raw).join(' '),
        'is no quota; write PATH quota UIDS LIMIT[,LIMIT...], as /home quota * bytes=900M:1G,files=10000',
      );
    const path = this.path(first!);
    const uids = parseQuotaUids(third.raw);
    if (typeof uids === 'string') this.fault(third.raw, uids);
    const limits = parseLimits(fourth.raw);
    if ('length' in limits) for (const { word, reason } of limits) this.fault(word, reason);
    if (path === null || typeof uids === 'string' || 'length' in limits) return null;
    return Object.freeze({ path, uids, ...limits, where: this.where, text: `${readable(path)} quota ${third.raw}` });
  }

  rule(words: readonly Word[]): Rule | null {
    const [first, second, third, fourth, fifth] = words;
    if (first === undefined || second === undefined || third === undefined)
      return this.fault(
        words.map((word) => word.raw).join(' '),
        'is no rule; write PATH NETWORK r|w|n [option,option...]',
      );
    const path = this.path(first);
    const network = this.network(second);
    const permission = this.permission(third);
    // Options are read even when the permission is wrong, so that one run shows all that is wrong; any letter will do for that.
    const options = permission === null ? null : this.options(fourth, permission);
    if (fifth !== undefined)
      this.fault(
        fifth.raw,
        'is one word too many; separate options with commas alone, and write a space in a path as \\040',
      );
    if (path === null || network === null || permission === null || options === null || fifth !== undefined)
      return null;
    const text = `${readable(path)} ${formatNetwork(network)} ${permission}`;
    return Object.freeze({ path, network, permission, options, where: this.where, text });
  }
}

/**
 * Reads one line (bytes as a Latin-1 string): its rule or its quota; null when it is blank or a comment; or all that is wrong with it.
 */
export function readLine(line: string, where: string): Line | null | readonly Problem[] {
  const reader = new RuleReader(where);
  if (line.length > LINE_MAX) reader.fault('', `the line is longer than ${LINE_MAX} bytes; split it, or shorten it`);
  else if (hasControls(line)) reader.fault('', 'the line has control characters in it; is this a text file?');
  else {
    const words = cut(line);
    if (words?.length === 0) return null;
    if (words === null) reader.fault('', 'a quote is not closed, or something follows it; write "PATH" and a space');
    else {
      if (words[1]?.raw === QUOTA_WORD) {
        const quota = reader.quota(words);
        if (quota !== null) return { quota };
      } else {
        const rule = reader.rule(words);
        if (rule !== null) return { rule };
      }
    }
  }
  return reader.problems;
}

/**
 * Reads one rule, `PATH NETWORK r|w|n [option,option...]`. The path is bytes: of a string, those of its UTF-8. It may be quoted, and `\040`
 * stands for the byte of that octal number. Throws `RulesError`, which tells all that is wrong; `where` is how it names the place.
 */
export function parseRule(text: string | Uint8Array, where: string): Rule {
  const line = parseLine(text, where);
  if ('rule' in line) return line.rule;
  throw new RulesError([{ where, word: line.quota.text, reason: 'is a quota, and a rule is wanted' }]);
}

/** As `parseRule`, of a line that may be a quota as well: `PATH quota UIDS LIMIT[,LIMIT...]`. */
export function parseLine(text: string | Uint8Array, where: string): Line {
  const read = readLine(Buffer.from(text as string).toString('latin1'), where);
  if (read === null) throw new RulesError([{ where, word: '', reason: 'there is no rule; write PATH NETWORK r|w|n' }]);
  if (Array.isArray(read)) throw new RulesError(read);
  return read as Line;
}
