import { formatAddress } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Resolver } from '../base/resolver.ts';
import type { FlareService, NoteStore } from '../flare/service.ts';
import type { Attributes } from '../flare/types.ts';
import { type Area, Areas, type Share } from './areas.ts';
import { boundBefore, rememberBindings } from './bindings.ts';
import { numberShares } from './numbers.ts';
import { splitPath } from './path.ts';
import { type Problem, RulesError, readable } from './problem.ts';
import { type ResolvedRule, resolveRules } from './resolve.ts';
import type { Rule } from './rule.ts';
import { checkRules } from './shares-file.ts';
import { walk, walkAndMake } from './walk.ts';

/** What rules are bound to and with. */
export interface Surroundings {
  readonly service: FlareService;
  readonly notes: NoteStore;
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Everyone comes last; the rest by the length of the prefix. */
function specificity(rule: ResolvedRule): number {
  return rule.networks === null ? -1 : Math.max(...rule.networks.map((network) => network.bits));
}

function namesOf(path: string): readonly string[] {
  const names = splitPath(path);
  if (typeof names === 'string') throw new RangeError(`a rule's path is not normalised: ${readable(path)}`);
  return names;
}

/** Two rules of one path whose networks turned out to be the same: which one counts would be chance. */
function findSameNetworks(path: readonly ResolvedRule[], problems: Problem[]): void {
  const seen = new Map<string, Rule>();
  for (const { rule, networks } of path)
    for (const { address, bits } of networks ?? []) {
      const name = `${formatAddress(address)}/${bits}`;
      const first = seen.get(name);
      if (first === undefined) seen.set(name, rule);
      else {
        const reason = `means ${name}, as the rule at ${first.where} for this path does; keep one of the two`;
        problems.push({ where: rule.where, word: rule.text, reason });
      }
    }
}

async function findObstacles(service: FlareService, path: string, rule: Rule, problems: Problem[]): Promise<void> {
  const names = namesOf(path);
  const { names: found, stopped } = await walk(service, names);
  if (stopped !== 'NOTDIR') return;
  const obstacle = readable(`/${names.slice(0, found + 1).join('/')}`);
  const reason = `${obstacle} is no directory; rules are for directories, and symlinks are not followed`;
  problems.push({ where: rule.where, word: readable(path), reason });
}

function parentPaths(path: string): string[] {
  const names = namesOf(path);
  return names.map((_, at) => `/${names.slice(0, names.length - 1 - at).join('/')}`);
}

/**
 * Binds rules to the directories that their paths lead to now, and makes those that are missing. All or nothing but for the directories: throws
 * `RulesError` with all that is wrong before anything is made. Rejects with other errors when the store or the notes cannot be used.
 */
export async function bindRules(rules: readonly Rule[], surroundings: Surroundings): Promise<Areas> {
  const { service, notes, resolver, clock } = surroundings;
  const problems = checkRules(rules);
  if (problems.length > 0) throw new RulesError(problems);
  const paths = new Map<string, ResolvedRule[]>();
  for (const rule of rules) paths.set(rule.path, []);
  for (const resolved of await resolveRules(rules, resolver, clock, problems))
    paths.get(resolved.rule.path)!.push(resolved);
  for (const ofPath of paths.values()) findSameNetworks(ofPath, problems);
  for (const [path, { 0: first }] of paths)
    if (first !== undefined) await findObstacles(service, path, first.rule, problems);
  if (problems.length > 0) throw new RulesError(problems);

  const ordered = [...paths.keys()].sort((a, b) => namesOf(a).length - namesOf(b).length);
  const above = new Map(ordered.map((path) => [path, parentPaths(path).find((parent) => paths.has(parent))]));
  const numbers = await numberShares(
    notes,
    ordered.filter((path) => above.get(path) === undefined),
  );
  const areas = new Map<string, Area>();
  const followed: Area[] = [];
  const bindings = new Map<string, readonly Attributes[]>();
  for (const path of ordered) {
    const ofPath = paths.get(path)!.sort((a, b) => specificity(b) - specificity(a));
    const [directory, ...others] = await directoriesOf(surroundings, path, ofPath[0]!.rule);
    bindings.set(path, [directory!, ...others]);
    const parent = areas.get(above.get(path) ?? '') ?? null;
    const area = areaAt(directory!, path, parent, ofPath, numbers.get(path), false);
    areas.set(path, area);
    for (const other of others) followed.push(areaAt(other, path, parent, ofPath, area.share.number, true));
  }
  await rememberBindings(notes, bindings);
  // Of two areas with one directory the one whose path leads there counts: it comes last.
  return new Areas(service, [...followed, ...areas.values()]);
}

/**
 * The directory that the path leads to, made if need be, and before or in place of it those that the rules were bound to when they bore
 * that path: rules follow renames.
 */
async function directoriesOf(surroundings: Surroundings, path: string, rule: Rule): Promise<Attributes[]> {
  const { service, notes, logger } = surroundings;
  const names = namesOf(path);
  const there = await walk(service, names);
  const before = await boundBefore(service, notes, path);
  const others = before.filter((other) => there.stopped !== null || other.key !== there.directory.key);
  if (others.length > 0) {
    const fields = { path: readable(path), rule: rule.where, directories: others.length };
    logger.warn(fields, 'A directory of a rule has been moved; the rule still holds there: correct its path');
  }
  if (there.stopped === null) return [there.directory, ...others];
  if (others.length > 0) return others;
  logger.info({ path: readable(path), rule: rule.where }, 'Made the directory of a rule');
  return [await walkAndMake(service, names)];
}

function areaAt(
  { key, generation }: Attributes,
  path: string,
  above: Area | null,
  rules: readonly ResolvedRule[],
  number: number | undefined,
  moved: boolean,
): Area {
  const directory = { key, generation };
  const share: Share = above?.share ?? { number: number!, path, directory };
  return { path, directory, share, above, rules, moved };
}
