import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { type Config, nicknameFromHost } from '../magmad/config.ts';
import type { Seed } from '../magmad/seeds.ts';
import type { CommandSpec } from './command.ts';
import { type Finding, roomFinding } from './join/findings.ts';
import { addressFinding, type Directory, directoryOf, portsFinding, roomOf } from './join/host.ts';
import { lookAtNetwork, type NetworkFound } from './join/network.ts';
import { commandLine, type Recipe, tomlText } from './join/recipe.ts';
import { type Asking, keyOf, readAsking, usageError } from './options.ts';
import { plainText } from './plain.ts';
import { failed } from './ring.ts';
import { RingClient } from './ring-client.ts';

/** What `magma join` is. */
export const JOIN: CommandSpec = {
  name: 'join',
  brief: 'whether a new volcano could join, and how',
  title: 'says whether a volcano on this machine could join a network, and what magmad is to be told then',
  usage: ['[--nickname NAME] [--data DIR] [--address ADDR,...] [--write FILE]'],
  text: [
    'To be called on the new machine, before the first start of magmad there. It looks whether the network can be reached and has the same key, at versions, clocks, the nickname, the data directory, addresses, ports and free room, as the volcanos judge them when it joins, and prints the command line and the magmad.toml that make it join. Neither the network nor this machine is changed, but for FILE.',
  ],
  flags: {
    json: { help: 'one JSON object: joins, findings (check, result: yes, no or mind, text), command, toml, written' },
    nickname: { short: 'n', value: 'NAME', help: "the new volcano's name; else the host's" },
    data: { short: 'd', value: 'DIR', help: 'its data directory; else /var/lib/magma', takes: 'directory' },
    address: {
      short: 'i',
      value: 'ADDR,...',
      help: 'where it is to listen, and be reached by the others; else all addresses',
    },
    'nfs-port': { value: 'PORT', help: 'its port of NFS; this and the next three as with magmad' },
    'mount-port': { value: 'PORT', help: 'that of the mount protocol' },
    port: { value: 'PORT', help: 'that of the flare program' },
    'node-port': { value: 'PORT', help: 'that of the node program' },
    etcd: { value: 'URL,...', help: 'where the maps of the network lie, if they do not lie on a volcano' },
    write: {
      short: 'w',
      value: 'FILE',
      help: 'write the magmad.toml there, if it could join; FILE must not be there yet',
      takes: 'file',
    },
  },
  asks: true,
  status: '0 it could join; 1 it could not, and why; 2 the command line is wrong',
};

function throughOf({ at, flags, config }: Asking): Seed {
  if (flags.at !== undefined) return at;
  const [first] = config.join;
  if (first === undefined) throw usageError(JOIN, '--at says through which volcano it is to join');
  return first;
}

async function network(
  through: Seed,
  key: string,
  { directory, nickname, config }: { directory: Directory; nickname: string; config: Config },
): Promise<NetworkFound> {
  let ring: RingClient | undefined;
  try {
    ring = await RingClient.connect(through, key);
    const { networkId, networkName } = ring.projection;
    const name = networkName === null ? '' : `${networkName}, `;
    const reached: Finding = {
      ...{ check: 'network', result: 'yes' },
      text: `${ring.asked} answers, and has the same key (network ${name}${networkId})`,
    };
    const { findings, free } = await lookAtNetwork(ring, directory, nickname, config.etcd !== null);
    return { findings: [reached, ...findings], free };
  } catch (error) {
    return { findings: [{ check: 'network', result: 'no', text: (error as Error).message }], free: [] };
  } finally {
    void ring?.close();
  }
}

const MARKS = { yes: 'yes ', no: 'NO  ', mind: 'MIND' } as const;

/** `magma join`. Resolves with the exit status. */
export async function joinCommand(argv: readonly string[]): Promise<number> {
  const asking = readAsking(JOIN, argv);
  const { json, config, words, flags } = asking;
  if (words.length > 0) throw usageError(JOIN, `"${words[0]}" is too much`);
  const through = throughOf(asking);
  const key = keyOf(JOIN, config);
  const directory = await directoryOf(config.data);
  const nickname = config.nickname ?? directory.nickname ?? nicknameFromHost(hostname());
  const { findings: seen, free } = await network(through, key, { directory, nickname, config });
  const findings: Finding[] = [
    ...seen,
    directory.finding,
    roomFinding(roomOf(config.data), free),
    addressFinding(config, through.host),
    await portsFinding(config),
  ];
  const joins = findings.every(({ result }) => result !== 'no');
  const keyFile = typeof flags['key-file'] === 'string' ? flags['key-file'] : process.env.MAGMA_KEY_FILE;
  const recipe: Recipe = { nickname, through, config, keyFile: keyFile === undefined ? null : resolve(keyFile) };
  const [command, toml] = [commandLine(recipe), tomlText(recipe)];
  const written = joins && typeof flags.write === 'string' ? flags.write : null;
  if (written !== null) {
    try {
      writeFileSync(written, toml, { flag: 'wx', mode: 0o644 });
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code === 'EEXIST' ? 'is there already' : (error as Error).message;
      return failed(json, `${written} ${why}: it was not written. Cure: another name`);
    }
  }
  if (json) process.stdout.write(`${JSON.stringify({ joins, findings, command, toml, written })}\n`);
  else {
    const lines = findings.map(({ check, result, text }) => `${MARKS[result]}  ${check.padEnd(9)} ${plainText(text)}`);
    if (joins)
      lines.push(
        '',
        'It could join:',
        '',
        `    ${command}`,
        '',
        ...(written === null ? ['or, as magmad.toml:', '', toml] : [`or: magmad --config ${written}`]),
      );
    else lines.push('', 'It could not join.');
    process.stdout.write(`${lines.join('\n')}\n`);
  }
  return joins ? 0 : 1;
}
