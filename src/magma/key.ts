import { systemClock } from '../base/clock.ts';
import { isClientName } from '../dht/keys/identity.ts';
import type { CommandSpec } from './command.ts';
import { listKeys } from './key/list.ts';
import { printClient, printFrom } from './key/print.ts';
import { revokeClient } from './key/revoke.ts';
import { type Rotation, rotateKey, untilOf } from './key/rotate.ts';
import { keyOf, readAsking, usageError } from './options.ts';
import { asking } from './ring.ts';
import { connectAny } from './ring-client.ts';

/** `magma key`, as its help has it. */
export const KEY: CommandSpec = {
  name: 'key',
  brief: 'keys of network and clients: print, revoke, change',
  title: "prints what an encrypted client needs of a network, lets a client in no more, changes the network's key",
  usage: [
    'client [NAME]',
    'client --data DIR',
    'revoke NAME',
    'revoke --shared [--yes]',
    'list',
    'rotate --new-key-file FILE [--until DATE|TIME] [--yes]',
    'rotate --end [--yes]',
    'rotate --back',
  ],
  text: [
    "client: The text opens the flare program, as the rules allow, and nothing else: it is not the network's key, and that cannot be had from it. Keep it as secret as the files. With a NAME it is that client's own, and can be revoked alone; without one it is the same for all who have none of their own. It is the same whenever it is printed, until it is revoked: then the next one is another one.",
    'revoke: The key that the client of that name has by now is let in no more, by any volcano: what it has mounted ends with errors that say so. Others are not touched. With --shared it is the key of all clients without one of their own. Who knows it from before it was revoked cannot read what is written from now on; an encrypted tree has a master key besides, which this does not change.',
    'list: Which keys volcanos have, which clients have called which volcano, with which key, since that started, and what is revoked.',
    'rotate: The network gets the key in FILE, which is drawn and written there if it is not there yet. All volcanos are given it, then all let it in, then they call each other with it. The old key, and the client keys that come from it, are let in until then (30 days, unless --until says another date, or a while as 12h or 30d), and refused from then on. Broken off, the same command goes on. --end has the old key refused now, --back calls a rotation back that is not through. A volcano that is away gets the key from the others when it comes back with the old one in time; after that it is to be given the new one. Who knows the old key can get the new one, too, while both are let in: is it in wrong hands, --until 0.',
    'A name has 1 to 32 of a-z, 0-9, ".", "_" and "-", and begins with a letter or a digit.',
  ],
  flags: {
    json: {
      help: 'one JSON object: client: networkId, client, name, number; revoke: name, number, problems (volcano, problem); list: volcanos (volcano, keyId, has, plan), users (volcano, name, number, keyId, address, quietMs), revoked (name, number, seconds), problems; rotate: number, dial, accept, until, away',
    },
    data: {
      value: 'DIR',
      help: "client: read it from a volcano's data directory instead, running or not; not with a NAME",
      takes: 'directory',
    },
    'new-key-file': {
      value: 'FILE',
      help: 'rotate: where the new key is, or is to be written (mode 0600)',
      takes: 'file',
    },
    until: { value: 'DATE|TIME', help: 'rotate: until when the old key is let in: 2026-12-24, or 12h, 30d, 0' },
    end: { help: 'rotate: let the old key in no more, from now on' },
    back: { help: 'rotate: keep the old key after all' },
    shared: { help: 'revoke: the key of all clients that have none of their own' },
    yes: { help: 'revoke --shared, rotate: do not ask whether it is meant' },
  },
  asks: true,
  status:
    "0 done, and all volcanos know of it; 1 not done, or some volcanos did not answer, or it is another network's key; 2 the command line is wrong",
  words: ['client', 'revoke', 'list', 'rotate'],
};

const ROTATING = ['new-key-file', 'until', 'end', 'back'] as const;

/** What rotate is told. Throws `UsageError`. */
function rotationOf(flags: Readonly<Record<string, unknown>>): Rotation {
  const { 'new-key-file': file, until, end, back } = flags;
  const given = [file !== undefined, end === true, back === true].filter(Boolean).length;
  if (given !== 1 || (until !== undefined && file === undefined))
    throw usageError(KEY, 'rotate needs --new-key-file, or --end, or --back');
  if (typeof file !== 'string') return { how: end === true ? 'end' : 'back' };
  try {
    return { how: 'rotate', file, until: untilOf(until as string | undefined, systemClock.now() / 1_000_000) };
  } catch (error) {
    throw usageError(KEY, `--until: ${(error as Error).message}`);
  }
}

/** What is to be done, by the words and flags. Throws `UsageError`. */
function meant(words: readonly string[], flags: Readonly<Record<string, unknown>>) {
  const [what, name = '', more] = words;
  if (more !== undefined) throw usageError(KEY, `"${more}" is too much`);
  if (!isClientName(name)) throw usageError(KEY, `"${name}" is no name of a client`);
  const shared = flags.shared === true;
  if (what !== 'rotate' && ROTATING.some((flag) => flags[flag] !== undefined))
    throw usageError(KEY, `${ROTATING.map((flag) => `--${flag}`).join(', ')} are for rotate`);
  if (shared && what !== 'revoke') throw usageError(KEY, '--shared is for revoke');
  if (flags.data !== undefined && (what !== 'client' || name !== ''))
    throw usageError(KEY, '--data is for client without a name: only a volcano that runs knows what is revoked');
  if (what === 'client') return { what, name } as const;
  if (what === 'revoke') {
    if (shared === (name !== '')) throw usageError(KEY, 'either the name of a client or --shared is needed');
    return { what, name } as const;
  }
  if (what === 'list' && name === '') return { what } as const;
  if (what === 'rotate' && name === '') return { what, rotation: rotationOf(flags) } as const;
  throw usageError(KEY, 'client, revoke, list or rotate is needed');
}

/** `magma key`. Resolves with the exit status. */
export async function keyCommand(argv: readonly string[]): Promise<number> {
  const asked = readAsking(KEY, argv);
  const { json, config, words, flags } = asked;
  const order = meant(words, flags);
  const key = keyOf(KEY, config);
  if (typeof flags.data === 'string') return printFrom(config.data, key, json);
  return asking(
    json,
    async () => (await connectAny(asked, key)).ring,
    async (ring) => {
      if (order.what === 'list') return listKeys(ring, json);
      if (order.what === 'rotate') return rotateKey(ring, json, order.rotation, flags.yes === true);
      if (order.what === 'revoke') return revokeClient(ring, json, order.name, flags.yes === true);
      return printClient(ring, json, order.name);
    },
  );
}
