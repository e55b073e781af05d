import { type Observation, RULES_OBSERVED_MAX, SHARES_OBSERVED_MAX } from '../dht/observation.ts';
import type { CommandSpec } from './command.ts';
import { type Answered, askEvery, problemsOf, silentLines } from './every.ts';
import { keyOf, readAsking, usageError } from './options.ts';
import { plainName, plainText } from './plain.ts';
import { asking } from './ring.ts';
import { connectAny } from './ring-client.ts';

/** What `magma shares` is. */
export const SHARES: CommandSpec = {
  name: 'shares',
  brief: 'what is shared with whom',
  title: 'what the volcanos of a network share with whom, and whether all say the same',
  usage: [''],
  text: [
    'Rules are those of each volcano. Which are in force on which is told of each rule; where volcanos differ, that is said, since a client gets what the one says that it has mounted.',
  ],
  flags: {
    json: {
      help: 'one JSON object: shares (path, volcanos, rules (rule, volcanos), same), same, problems (volcano, problem)',
    },
  },
  asks: true,
  status:
    '0 all volcanos answered, and share the same; 1 they do not, or nobody could be asked; 2 the command line is wrong',
};

/** A rule, and the volcanos that go by it. */
export interface RuleHeld {
  /** As it could be written. */
  readonly rule: string;
  readonly volcanos: readonly string[];
}

/** A share, and who shares it. */
export interface ShareHeld {
  readonly path: string;
  readonly volcanos: readonly string[];
  readonly rules: readonly RuleHeld[];
  /** All volcanos that answered share it by the same rules. */
  readonly same: boolean;
}

/** What the volcanos that answered share, by path; rules in the order in which the first one has them. */
export function sharesOf(seen: readonly Answered<Observation>[]): ShareHeld[] {
  const asked: string[] = [];
  const shares = new Map<string, { volcanos: string[]; rules: Map<string, string[]> }>();
  for (const one of seen) {
    if ('problem' in one) continue;
    asked.push(one.volcano);
    for (const { path, rules } of one.answer.shares) {
      const share = shares.get(path) ?? { volcanos: [], rules: new Map<string, string[]>() };
      shares.set(path, share);
      share.volcanos.push(one.volcano);
      for (const rule of new Set(rules)) {
        const holders = share.rules.get(rule);
        if (holders === undefined) share.rules.set(rule, [one.volcano]);
        else holders.push(one.volcano);
      }
    }
  }
  return [...shares]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([path, { volcanos, rules }]) => {
      const held = [...rules].map(([rule, holders]) => ({ rule, volcanos: holders }));
      return { path, volcanos, rules: held, same: held.every((one) => one.volcanos.length === asked.length) };
    });
}

const PERMISSIONS: Readonly<Record<string, string>> = { r: 'read-only to', w: 'read-write to', n: 'nothing to' };

/** A rule in words: `read-only to 192.168.1.0/24 (tsize=1024)`, after its path when that is another one than the share's. */
export function ruleWords(rule: string, share: string): string {
  // A path may hold spaces, what stands behind it never does.
  const found = /^(.*) (\S+) ([rwn])(?: (\S+))?$/s.exec(rule);
  if (found === null) return plainText(rule);
  const [, path, network, permission, options] = found;
  const where = plainText(path!) === share ? '' : `${path} `;
  return plainText(`${where}${PERMISSIONS[permission!]} ${network}${options === undefined ? '' : ` (${options})`}`);
}

/** Who may have more than it has told. */
function boundLines(seen: readonly Answered<Observation>[]): string[] {
  return seen.flatMap((one) => {
    if ('problem' in one) return [];
    const { shares } = one.answer;
    const full = shares.length >= SHARES_OBSERVED_MAX || shares.some(({ rules }) => rules.length >= RULES_OBSERVED_MAX);
    const most = `${SHARES_OBSERVED_MAX} shares, and ${RULES_OBSERVED_MAX} rules of each`;
    return full ? [`${plainText(one.volcano)} may have more than it tells: at most ${most}`] : [];
  });
}

/** What `magma shares` prints. */
export function sharesText(seen: readonly Answered<Observation>[]): string {
  const shares = sharesOf(seen);
  const lines: string[] = [];
  for (const { path, volcanos, rules, same } of shares) {
    const name = plainName(path);
    lines.push(same ? `${name}  on ${volcanos.join(', ')}` : name);
    for (const { rule, volcanos: holders } of rules)
      lines.push(`  ${ruleWords(rule, name)}${same ? '' : `  on ${holders.join(', ')}`}`);
  }
  lines.push(...boundLines(seen));
  if (shares.length === 0 && seen.some((one) => 'answer' in one)) lines.push('nothing is shared');
  for (const { path, same } of shares)
    if (!same) lines.push(`The volcanos differ about ${plainName(path)}. Cure: give all the same rules`);
  return `${[...lines, ...silentLines(seen)].join('\n')}\n`;
}

function sharesJson(seen: readonly Answered<Observation>[]): object {
  const shares = sharesOf(seen).map(({ path, ...rest }) => ({ path: plainName(path), ...rest }));
  return { shares, same: shares.every(({ same }) => same), problems: problemsOf(seen) };
}

/** `magma shares`. Resolves with the exit status. */
export async function sharesCommand(argv: readonly string[]): Promise<number> {
  const asked = readAsking(SHARES, argv);
  const { json, config, words } = asked;
  if (words.length > 0) throw usageError(SHARES, `"${words[0]}" is too much`);
  const key = keyOf(SHARES, config);
  return asking(
    json,
    async () => (await connectAny(asked, key)).ring,
    async (ring) => {
      const seen = await askEvery(ring, (node) => node.observe({ clients: 0, lines: 0 }));
      process.stdout.write(json ? `${JSON.stringify(sharesJson(seen))}\n` : sharesText(seen));
      return problemsOf(seen).length === 0 && sharesOf(seen).every(({ same }) => same) ? 0 : 1;
    },
  );
}
