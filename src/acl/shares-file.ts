import { formatNetwork } from './network.ts';
import { type Problem, RulesError } from './problem.ts';
import { type Rule, readRule } from './rule.ts';

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

/**
 * Reads a shares file: one rule a line, blank lines and `#` comments. Throws `RulesError` with all that is wrong in it, each with file and
 * line (FIELD.md row 28); an empty file gives no rules.
 */
export function parseShares(text: string | Uint8Array, fileName: string): Rule[] {
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
  const problems: Problem[] = [];
  const lines = bytes
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .split('\n');
  for (const [at, line] of lines.entries()) {
    const read = readRule(line.endsWith('\r') ? line.slice(0, -1) : line, `${fileName}:${at + 1}`);
    if (Array.isArray(read)) problems.push(...(read as Problem[]));
    else if (read !== null) rules.push(read as Rule);
  }
  problems.push(...checkRules(rules));
  if (problems.length > 0) throw new RulesError(problems);
  return rules;
}
