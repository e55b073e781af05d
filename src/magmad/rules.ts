import { type Problem, RulesError } from '../acl/problem.ts';
import type { QuotaRule } from '../acl/quota-rule.ts';
import { parseLine, type Rule } from '../acl/rule.ts';
import { checkQuotas, checkRules, parseShares, type RulesAndQuotas, takeLine } from '../acl/shares-file.ts';
import type { Config } from './config.ts';
import { readBytes } from './file.ts';

/** What is served when there are no rules: all to this machine, root included; reading to everybody else. */
export const DEFAULT_RULES = ['/ 127.0.0.0/8 w no_root_squash', '/ ::1/128 w no_root_squash', '/ * r'] as const;

/** The rules of a configuration: those of `share` and those of the shares file, together. */
export interface ConfiguredRules extends RulesAndQuotas {
  /** Nobody has given any: these are `DEFAULT_RULES`. */
  readonly byDefault: boolean;
}

/** Reads the rules. Throws `RulesError` with all that is wrong with them, `UsageError` when the file cannot be read. */
export function readRules(config: Pick<Config, 'shares' | 'sharesFile'>): ConfiguredRules {
  const byDefault = config.shares.length === 0 && config.sharesFile === null;
  const given = byDefault ? DEFAULT_RULES.map((rule) => ({ rule, origin: 'default' })) : config.shares;
  const rules: Rule[] = [];
  const quotas: QuotaRule[] = [];
  const problems: Problem[] = [];
  const gather = (read: () => void): void => {
    try {
      read();
    } catch (error) {
      if (!(error instanceof RulesError)) throw error;
      problems.push(...error.problems);
    }
  };
  for (const { rule, origin } of given) gather(() => takeLine(parseLine(rule, origin), rules, quotas));
  const file = config.sharesFile;
  if (file !== null)
    gather(() => {
      const read = parseShares(readBytes(file, '--shares'), file);
      rules.push(...read.rules);
      quotas.push(...read.quotas);
    });
  if (problems.length === 0) problems.push(...checkRules(rules), ...checkQuotas({ rules, quotas }));
  if (problems.length > 0) throw new RulesError(problems);
  return { rules, quotas, byDefault };
}
