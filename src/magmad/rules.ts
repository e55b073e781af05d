import { type Problem, RulesError } from '../acl/problem.ts';
import { parseRule, type Rule } from '../acl/rule.ts';
import { checkRules, parseShares } from '../acl/shares-file.ts';
import type { Config } from './config.ts';
import { readBytes } from './file.ts';

/** What is served when there are no rules: all to this machine, root included; reading to everybody else. */
export const DEFAULT_RULES = ['/ 127.0.0.0/8 w no_root_squash', '/ ::1/128 w no_root_squash', '/ * r'] as const;

/** The rules of a configuration: those of `share` and those of the shares file, together. */
export interface ConfiguredRules {
  readonly rules: readonly Rule[];
  /** Nobody has given any: these are `DEFAULT_RULES`. */
  readonly byDefault: boolean;
}

/** Reads the rules. Throws `RulesError` with all that is wrong with them, `UsageError` when the file cannot be read. */
export function readRules(config: Pick<Config, 'shares' | 'sharesFile'>): ConfiguredRules {
  const byDefault = config.shares.length === 0 && config.sharesFile === null;
  const given = byDefault ? DEFAULT_RULES.map((rule) => ({ rule, origin: 'default' })) : config.shares;
  const rules: Rule[] = [];
  const problems: Problem[] = [];
  const gather = (read: () => readonly Rule[]): void => {
    try {
      rules.push(...read());
    } catch (error) {
      if (!(error instanceof RulesError)) throw error;
      problems.push(...error.problems);
    }
  };
  for (const { rule, origin } of given) gather(() => [parseRule(rule, origin)]);
  const file = config.sharesFile;
  if (file !== null) gather(() => parseShares(readBytes(file, '--shares'), file));
  if (problems.length === 0) problems.push(...checkRules(rules));
  if (problems.length > 0) throw new RulesError(problems);
  return { rules, byDefault };
}
