import type { Member } from '../dht/projection/types.ts';
import { isTransient } from '../dht/retry.ts';
import { BusyError } from '../flare/joint.ts';
import type { CommandSpec } from './command.ts';
import { confirmed } from './confirm.ts';
import { keyOf, readAsking, usageError } from './options.ts';
import { asking } from './ring.ts';
import { RingClient } from './ring-client.ts';

/** `magma dead`, as its help has it. */
export const DEAD: CommandSpec = {
  name: 'dead',
  brief: 'takes a volcano that is away for good out of its network',
  title: 'says that a volcano is away for good',
  usage: ['[--yes] NICKNAME'],
  text: [
    'It is none of the network any more: others take its place, and its nickname is free, also for a new volcano on the same machine. What was its data directory is of no use any more: started with that, it ends and says so. Nothing is lost by this: a volcano that answers, or that alone has something, is not given up.',
  ],
  flags: {
    yes: { help: 'do not ask whether it is meant' },
    json: { help: 'one JSON object: dead, id' },
  },
  asks: true,
  status: '0 it is gone from the network; 1 it is not, and why; 2 the command line is wrong',
};

/** How often it is tried while others have not taken over yet what it had, with so long a pause, in milliseconds. */
const TRIES = 60;
const PAUSE_MS = 2_000;

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}

async function bury(ring: RingClient, asked: Member, dead: Member): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await (await ring.newer(asked)).node(asked).bury(dead.id);
    } catch (error) {
      if (!isTransient(error)) throw error;
      if (tries >= TRIES)
        throw new Error(
          error instanceof BusyError
            ? `${dead.nickname} still has slices in the map, which nobody takes over: see magma ring`
            : error.message,
          { cause: error },
        );
      if (tries === 1) process.stderr.write(`magma: waiting until others have taken over what ${dead.nickname} had\n`);
      await pause();
    }
  }
}

/** `magma dead`. Resolves with the exit status. */
export async function deadCommand(argv: readonly string[]): Promise<number> {
  const { json, at, config, words, flags } = readAsking(DEAD, argv);
  const [nickname, more] = words;
  if (nickname === undefined || more !== undefined) throw usageError(DEAD, 'one nickname is needed');
  const key = keyOf(DEAD, config);
  return asking(
    json,
    () => RingClient.connect(at, key),
    async (ring) => {
      const { volcanos } = ring.projection;
      const dead = volcanos.find((one) => one.nickname === nickname);
      const asked = ring.member;
      if (dead === undefined) throw new Error(`there is no volcano ${nickname} in the network`);
      if (!json)
        process.stderr.write(
          `${nickname} (${dead.addresses.join(', ')}) goes from the network for good; its data directory is of no use from then on.\n`,
        );
      if (!(await confirmed('dead', nickname, flags.yes === true))) throw new Error('nothing was done');
      await bury(ring, asked, dead);
      if (json) process.stdout.write(`${JSON.stringify({ dead: nickname, id: dead.id })}\n`);
      else
        process.stdout.write(
          `${nickname} is none of the network any more. To have a volcano of that name again, start it with an empty data directory (-r ${asked.addresses[0]})\n`,
        );
      return 0;
    },
  );
}
