/** A rule of a share, taken apart and put into words; `below`: the path under the share that it is for, when it is another one. */
export interface RuleWords {
  readonly path: string;
  readonly who: string;
  readonly may: string;
  readonly further: readonly string[];
}

const RULE = /^(\S.*?) ([\da-fA-F:.*][^ ]*) ([rwn])(?: +(\S.*))?$/;
const MAY: Readonly<Record<string, string>> = { r: 'may read', w: 'may read and write', n: 'may nothing' };
const EVERYBODY = new Set(['*', '0.0.0.0/0', '::/0', '0.0.0.0/0.0.0.0']);

/** Options that go without a number. */
const SWITCHES: Readonly<Record<string, string>> = {
  root_squash: 'root is nobody',
  'squash=root': 'root is nobody',
  no_root_squash: 'root stays root',
  'squash=none': 'root stays root',
  all_squash: 'everybody is nobody',
  'squash=all': 'everybody is nobody',
  secure: 'from ports below 1024 only',
  'secure=true': 'from ports below 1024 only',
  report_uid: 'shows squashed users their files as their own',
  'reportUid=true': 'shows squashed users their files as their own',
  host_groups: 'groups beyond 16 are those of the server',
  fold_case: 'names in any case',
  dos_names: 'names for DOS',
  bulk: 'can wait for others',
  noclamp: 'large files are refused',
  'clamp=false': 'large files are refused',
  ro: 'read only',
  rw: 'read and write',
};
/** Options that only say what is so anyway. */
const USUAL = new Set([
  ...[
    'anonuid=65534',
    'anongid=65534',
    'uids=null',
    'gids=null',
    'secure=false',
    'tsize=8192',
    'size=null',
    'clamp=true',
  ],
  ...[
    'reportUid=false',
    'insecure',
    'clamp',
    'no_report_uid',
    'no_all_squash',
    'no_host_groups',
    'no_fold_case',
    'no_dos_names',
    'no_bulk',
  ],
]);
const NUMBERED: readonly (readonly [RegExp, string])[] = [
  [/^anonuid=(\d+)$/, 'nobody is user $1'],
  [/^anongid=(\d+)$/, 'nobody is group $1'],
  [/^tsize=(\d+\w?)$/, 'at most $1 bytes at once'],
  [/^size=(\d+\w?)$/, 'shows at most $1 bytes of space'],
  [/^uids?=(\S+)$/, 'users $1 only'],
  [/^gids?=(\S+)$/, 'groups $1 only'],
];

/** A rule `PATH NETWORK r|w|n [options]` in words; null when it is none that is known. */
export function ruleWords(rule: string): RuleWords | null {
  const found = RULE.exec(rule.trim());
  if (found === null) return null;
  const [, path, network, permission, options] = found;
  const further = (options ?? '')
    .split(/[,\s]+/)
    .filter((option) => option !== '' && !USUAL.has(option))
    .map(inWords);
  return { path: path!, who: EVERYBODY.has(network!) ? 'Everybody' : network!, may: MAY[permission!]!, further };
}

function inWords(option: string): string {
  const word = Object.hasOwn(SWITCHES, option) ? SWITCHES[option] : undefined;
  if (word !== undefined) return word;
  for (const [pattern, words] of NUMBERED) if (pattern.test(option)) return option.replace(pattern, words);
  return option;
}
