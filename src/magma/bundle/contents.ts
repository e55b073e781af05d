import { arch, cpus, hostname, release, totalmem, type } from 'node:os';
import type { Observation } from '../../dht/observation.ts';
import type { Figures } from '../../dht/programs/node/handlers.ts';
import type { Projection } from '../../dht/projection/types.ts';
import { stateFiles } from '../../dht/state-text.ts';
import type { Config } from '../../magmad/config.ts';
import { reportConfig } from '../../magmad/report.ts';
import { readRules } from '../../magmad/rules.ts';
import { VERSION } from '../../magmad/version.ts';
import type { Answered } from '../every.ts';
import { plainName } from '../plain.ts';
import { redactedClients, redactedLine, withoutSecrets } from './redact.ts';
import type { ArchiveEntry } from './ustar.ts';

/** What a volcano told for a bundle. */
export interface VolcanoTold {
  readonly figures: Figures;
  readonly observation: Observation;
}

/** What a bundle is made of. */
export interface BundleParts {
  /** When, as ISO 8601. */
  readonly time: string;
  readonly config: Config;
  /** The map, and what each volcano told; null: nobody could be asked, and why. */
  readonly ring: { readonly projection: Projection; readonly told: readonly Answered<VolcanoTold>[] } | null;
  readonly problem: string | null;
  /** What a comparison of the copies has found; null: they were not compared. */
  readonly checked: object | null;
  /** Nothing of these is to be in it. */
  readonly secrets: readonly string[];
}

/** What is said of a bundle, in the help and in the bundle itself. */
export const CONTENTS_TEXT: readonly string[] = [
  'In it: versions; this machine (name, system, processors, memory); the configuration as magmad --check-config prints it, with the rules; the map; what /.dht/ tells; of each volcano that answers its figures, its clients by address with their calls and losses, its shares with their rules, its procedures with their latencies, and the last lines of its log. Who does not answer is named.',
  "Not in it: the network's key and what is made of it, passwords, certificates and their keys; names and contents of files. Of paths only those of shares and rules are there; in log lines, whatever might name something else is left out, and lines of debug channels are not there at all.",
];

const README = (time: string, problems: readonly string[]): string =>
  [
    `magma support bundle, made by magma ${VERSION}, ${time}`,
    '',
    ...CONTENTS_TEXT.flatMap((text) => [text, '']),
    'about.json           versions, this machine',
    'config.txt           the configuration of this machine',
    'ring.json            the map, and the figures of its volcanos',
    'dht/NAME             what /.dht/ tells',
    'volcanos/NAME/       observation.json, log.jsonl; or problem.txt',
    'check-ring.json      what magma check --ring found, if it was asked for',
    '',
    ...(problems.length === 0 ? ['All volcanos answered.'] : ['NOT THERE:', ...problems]),
    '',
  ].join('\n');

function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function configText(config: Config): string {
  const told = config.configFile === null ? 'no --config was given: what follows is not what magmad goes by\n\n' : '';
  try {
    return told + reportConfig(config, readRules(config));
  } catch (error) {
    return `${told}the rules cannot be read: ${(error as Error).message}\n${reportConfig(config, { rules: [], quotas: [], byDefault: false })}`;
  }
}

/** A name of the map as that of a file. */
function fileName(name: string): string {
  return (
    name
      .replace(/[^A-Za-z0-9._-]/g, '_')
      .replace(/^\.+/, '_')
      .slice(0, 64) || '_'
  );
}

function volcanoFiles(one: Answered<VolcanoTold>): [name: string, text: string][] {
  const at = `volcanos/${fileName(one.volcano)}`;
  if ('problem' in one) return [[`${at}/problem.txt`, `${one.problem}\n`]];
  const { lines, shares, clients, ...rest } = one.answer.observation;
  const observed = {
    ...rest,
    shares: shares.map(({ path, rules }) => ({ path: plainName(path), rules })),
    clients: redactedClients(clients, shares),
  };
  const log = lines.flatMap((line) => redactedLine(line, shares) ?? []);
  return [
    [`${at}/observation.json`, pretty(observed)],
    [`${at}/log.jsonl`, log.map((line) => `${line}\n`).join('')],
  ];
}

function ringFiles({ projection, told }: NonNullable<BundleParts['ring']>): [name: string, text: string][] {
  const figures = new Map(told.map((one) => [one.member.id, 'answer' in one ? one.answer.figures : null]));
  const volcanos = projection.volcanos.map((member) => ({ ...member, figures: figures.get(member.id) ?? null }));
  const states = stateFiles(projection, ({ id }) => {
    const found = figures.get(id) ?? null;
    return found === null ? null : { figures: found, heardSeconds: 0 };
  });
  return [
    ['ring.json', pretty({ ...projection, volcanos })],
    ...[...states].map(([name, text]): [string, string] => [`dht/${fileName(name)}`, text]),
    ...told.flatMap(volcanoFiles),
  ];
}

/** The files of a bundle. */
export function bundleEntries({ time, config, ring, problem, checked, secrets }: BundleParts): ArchiveEntry[] {
  const problems = [
    ...(problem === null ? [] : [problem]),
    ...(ring?.told ?? []).flatMap((one) => ('problem' in one ? [`${one.volcano}: ${one.problem}`] : [])),
  ];
  const host = {
    ...{ hostname: hostname(), system: `${type()} ${release()} ${arch()}`, processors: cpus().length },
    ...{ model: cpus()[0]?.model ?? 'unknown', memoryBytes: totalmem() },
  };
  const about = { magma: VERSION, node: process.version, versions: process.versions, time, host };
  const files: [name: string, text: string][] = [
    ['README.txt', README(time, problems)],
    ['about.json', pretty(about)],
    ['config.txt', configText(config)],
    ...(ring === null ? [] : ringFiles(ring)),
    ...(checked === null ? [] : [['check-ring.json', pretty(checked)] satisfies [string, string]]),
  ];
  return files.map(([name, text]) => ({
    name: `magma/${name}`,
    content: Buffer.from(withoutSecrets(text, secrets)),
  }));
}
