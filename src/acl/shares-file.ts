import { formatNetwork } from './network.ts';
import { type Problem, RulesError, readable } from './problem.ts';
import { isAbout, QUOTAS_MAX, type QuotaRule } from './quota-rule.ts';
import { type Line, type Rule, readLine } from './rule.ts';

/** The largest shares file, in bytes. */
export const FILE_MAX = 1024 * 1024;
/** The most rules that are in force together. */
export const RULES_MAX = 4096;

/** What is wrong with rules taken together: too many, and two for the same path and network. */
export function checkRules(rules: readonly Rule[]): Problem[] {
  const problems: Problem[] = [];
  if (rules.length > RULES_MAX) {
    const where = rules[RULES_MAX]!.where;
    problems.push({
      where,
      word: '',
      reason: `there are ${rules.length} rules, and ${RULES_MAX} are allowed; join networks`,
    });
  }
  const seen = new Map<string, Rule>();
  for (const rule of rules) {
    const name = `${rule.path}\0${formatNetwork(rule.network)}`;
    const first = seen.get(name);
    if (first === undefined) seen.set(name, rule);
    else {
      const reason = `there is a rule for this path and network already, at ${first.where}; keep one of the two`;
      problems.push({ where: rule.where, word: rule.text, reason });
    }
  }
  return problems;
}

/** What a shares file says, or several and `--share` together. */
export interface RulesAndQuotas {
  readonly rules: readonly Rule[];
  readonly quotas: readonly QuotaRule[];
}

function overlap(one: QuotaRule, other: QuotaRule): boolean {
  if (one.uids === null || other.uids === null) return one.uids === other.uids;
  return one.uids.some(({ low }) => isAbout(other, low)) || other.uids.some(({ low }) => isAbout(one, low));
}

/** What is wrong with quotas and rules taken together: quotas of what is no share, and two for the same users. */
export function checkQuotas({ rules, quotas }: RulesAndQuotas): Problem[] {
  const problems: Problem[] = [];
  const paths = new Set(rules.map(({ path }) => path));
  const lies = (path: string, above: string): boolean =>
    path !== above && `${path}/`.startsWith(`${above}/`.replace('//', '/'));
  const byPath = new Map<string, QuotaRule[]>();
  if (quotas.length > QUOTAS_MAX) {
    const { where } = quotas[QUOTAS_MAX]!;
    const reason = `there are ${quotas.length} quotas, and ${QUOTAS_MAX} are allowed; join those with the same limits`;
    problems.push({ where, word: '', reason });
    return problems;
  }
  for (const quota of quotas) {
    const { path, where, text } = quota;
    const above = [...paths].find((other) => lies(path, other));
    if (above !== undefined) {
      const reason = `is no share: it lies in ${readable(above)}, and quotas are for whole shares; give the quota to that`;
      problems.push({ where, word: text, reason });
    } else if (!paths.has(path)) {
      problems.push({ where, word: text, reason: 'is about a path that has no rules; share it first' });
    }
    const others = byPath.get(path) ?? [];
    const same = others.find((other) => overlap(other, quota));
    if (same !== undefined)
      problems.push({ where, word: text, reason: `is about users that the quota at ${same.where} is about; keep one` });
    byPath.set(path, [...others, quota]);
  }
  return problems;
}

/**
 * Reads a shares file: one rule a line, blank lines and `#` comments. Throws `RulesError` with all that is wrong in it, each with file and
 * line (FIELD.md row 28); an empty file gives no rules.
 */
export function parseShares(text: string | Uint8Array, fileName: string): RulesAndQuotas {
  const bytes = Buffer.from(text as string);
  if (bytes.length > FILE_MAX)
    throw new RulesError([
      {
        where: fileName,
        word: '',
        reason: `the file has ${bytes.length} bytes, and ${FILE_MAX} are allowed; is it a shares file?`,
      },
    ]);
  const rules: Rule[] = [];
  const quotas: QuotaRule[] = [];
  const problems: Problem[] = [];
  const lines = bytes
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .split('\n');
  for (const [at, line] of lines.entries()) {
    const read = readLine(line.endsWith('\r') ? line.slice(0, -1) : line, `${fileName}:${at + 1}`);
    if (Array.isArray(read)) problems.push(...(read as Problem[]));
    else if (read !== null) takeLine(read as Line, rules, quotas);
  }
  problems.push(...checkRules(rules));
  if (problems.length > 0) throw new RulesError(problems);
  return { rules, quotas };
}

/** Puts what a line says to the others of its kind. */
export function takeLine(line: Line, rules: Rule[], quotas: QuotaRule[]): void {
  if ('rule' in line) rules.push(line.rule);
  else quotas.push(line.quota);
}
