import { statSync } from 'node:fs';
import { openDisk } from '../base/system-disk.ts';
import { clientSecret } from '../dht/client-secret.ts';
import { keyringOf, type NetworkSecrets } from '../dht/secrets.ts';
import { readIdentity } from '../flare/store/identity.ts';
import { checkKey } from '../magmad/identity.ts';
import type { CommandSpec } from './command.ts';
import { keptNotes } from './kept-notes.ts';
import { keyOf, readAsking, usageError } from './options.ts';
import { asking, failed } from './ring.ts';
import { connectAny } from './ring-client.ts';

/** `magma key`, as its help has it. */
export const KEY: CommandSpec = {
  name: 'key',
  brief: 'print what an encrypted client needs (magma key client)',
  title: 'prints what an encrypted client needs of a network',
  usage: ['client [--data DIR]'],
  text: [
    "The text opens the flare program, as the rules allow, and nothing else: it is not the network's key, and that cannot be had from it. Keep it as secret as the files. It is the same whenever it is printed.",
  ],
  flags: {
    json: { help: 'one JSON object: networkId, client' },
    data: {
      value: 'DIR',
      help: "read it from a volcano's data directory instead, running or not",
      takes: 'directory',
    },
  },
  asks: true,
  status: "0 printed; 1 nobody could be asked, or it is another network's key; 2 the command line is wrong",
  words: ['client'],
};

/** Of a data directory, without opening it. Rejects when that is none, or of a network with another key. */
async function secretsOf(directory: string, key: string): Promise<NetworkSecrets> {
  // openDisk would make it.
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory())
    throw new Error(`${directory}: there is no such directory`);
  const disk = await openDisk(directory);
  const networkId = await readIdentity(disk);
  if (networkId === null) throw new Error(`${directory}: there is no network in it`);
  await checkKey(keptNotes(directory), key);
  return keyringOf(key).network(networkId);
}

/** `magma key`. Resolves with the exit status. */
export async function keyCommand(argv: readonly string[]): Promise<number> {
  const asked = readAsking(KEY, argv);
  const { json, config, words, flags } = asked;
  if (words.length !== 1 || words[0] !== 'client') throw usageError(KEY, '"client" is what it prints');
  const key = keyOf(KEY, config);
  const print = (secrets: NetworkSecrets): number => {
    const secret = clientSecret(secrets);
    const networkId = secrets.networkId.toString('hex');
    process.stdout.write(json ? `${JSON.stringify({ networkId, client: secret })}\n` : `${secret}\n`);
    return 0;
  };
  if (typeof flags.data !== 'string')
    return asking(
      json,
      async () => (await connectAny(asked, key)).ring,
      async ({ secrets }) => print(secrets),
    );
  try {
    return print(await secretsOf(config.data, key));
  } catch (error) {
    return failed(json, error);
  }
}
