import { systemClock } from '../base/clock.ts';
import { systemRandom } from '../base/random.ts';
import { indexOf, mirroredBy, runOf } from '../dht/projection/queries.ts';
import type { Member, MemberId, Projection } from '../dht/projection/types.ts';
import { untilDone } from '../dht/retry.ts';
import type { CommandSpec } from './command.ts';
import { confirmed } from './confirm.ts';
import { keyOf, readAsking, usageError } from './options.ts';
import { progress } from './progress.ts';
import { asking } from './ring.ts';
import { RingClient } from './ring-client.ts';

/** `magma leave`, as its help has it. */
export const LEAVE: CommandSpec = {
  name: 'leave',
  brief: 'has a volcano give what it has to others, and go',
  title: 'has a volcano leave its network, in order, while all goes on',
  usage: ['[--yes] [--no-wait] NICKNAME', '--back NICKNAME'],
  text: [
    'Others get all that it has, while it serves; there are as many copies of everything at each moment as there were, or as there are volcanos that stay. Then it ends by itself, with status 0, and its data directory is of no use any more. Clients that have mounted it are to mount another one before that.',
    'This command shows how far it is, and may be broken off: the volcano goes on leaving, also after it was started again. With --back it stays after all.',
    'The volcano that keeps the register of the maps, where etcd does not, cannot leave: another one is to keep it first (magma takeover).',
  ],
  flags: {
    yes: { help: 'do not ask whether it is meant' },
    'no-wait': { help: 'do not wait until it has left' },
    back: { help: 'it is to stay after all' },
    json: { help: 'one JSON object: volcano, id, state (left, leaving, serving)' },
  },
  asks: true,
  status: '0 it has left, or is leaving (--no-wait), or stays (--back); 1 not so, and why; 2 the command line is wrong',
};

/** How often the map is looked at, in milliseconds. */
const LOOK_MS = 1_000;
/** Nobody has told anything for so many looks: something is wrong with all of them. */
const SILENT_LOOKS_MAX = 120;

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}

/** What others do not have yet of a volcano: each slice that it is primary of goes in two steps, each one that it mirrors in one. */
export function heldBy(projection: Projection, member: number): number {
  const { inSync, filling } = mirroredBy(projection, member);
  return 2 * (runOf(projection, member)?.count ?? 0) + inSync.length + filling.length;
}

function say(ring: RingClient, asked: Member, id: MemberId, leaves: boolean): Promise<void> {
  const pace = { clock: systemClock, random: systemRandom };
  return untilDone(pace, 'asking', async () => (await ring.newer(asked)).node(asked).leave(id, leaves));
}

/** The newest map that one of the others knows, each asked in its turn; null: that one does not answer. */
async function look(ring: RingClient, id: MemberId, turn: number): Promise<Projection | null> {
  const others = ring.projection.volcanos.filter((one) => one.id !== id);
  const other = others[turn % others.length];
  if (other === undefined) return null;
  return ring.newer(other).then(
    ({ projection }) => projection,
    () => null,
  );
}

/** Resolves when it is none of the map any more; false: somebody has called it back. */
async function gone(ring: RingClient, { id, nickname }: Member, quiet: boolean): Promise<boolean> {
  const first = heldBy(ring.projection, indexOf(ring.projection, id));
  const bar = progress(`${nickname} leaves`, { things: 'steps' }, { wanted: !quiet });
  bar.expect(first);
  bar.known();
  let left = first;
  let leaving = false;
  try {
    for (let turn = 0, silent = 0; ; turn++) {
      const projection = await look(ring, id, turn);
      if (projection === null) {
        silent += 1;
        if (silent >= SILENT_LOOKS_MAX) throw new Error('no volcano that stays answers: see magma ring');
      } else {
        silent = 0;
        const at = indexOf(projection, id);
        if (at === -1) return true;
        const { state } = projection.volcanos[at]!;
        if (leaving && state !== 'leaving') return false;
        leaving ||= state === 'leaving';
        const now = heldBy(projection, at);
        bar.add(left - now);
        left = now;
      }
      await pause();
    }
  } finally {
    bar.end();
  }
}

/** `magma leave`. Resolves with the exit status. */
export async function leaveCommand(argv: readonly string[]): Promise<number> {
  const { json, at, config, words, flags } = readAsking(LEAVE, argv);
  const [nickname, more] = words;
  if (nickname === undefined || more !== undefined) throw usageError(LEAVE, 'one nickname is needed');
  const key = keyOf(LEAVE, config);
  const back = flags.back === true;
  return asking(
    json,
    () => RingClient.connect(at, key),
    async (ring) => {
      const { volcanos, replicas } = ring.projection;
      const member = volcanos.find((one) => one.nickname === nickname);
      const asked = ring.member;
      if (member === undefined) throw new Error(`there is no volcano ${nickname} in the network`);
      const told = (state: string): number => {
        if (json) process.stdout.write(`${JSON.stringify({ volcano: nickname, id: member.id, state })}\n`);
        else process.stdout.write(`${nickname} ${SENTENCES[state]}\n`);
        return 0;
      };
      if (back) {
        await say(ring, asked, member.id, false);
        return told('serving');
      }
      const stay = volcanos.filter(({ id, state }) => id !== member.id && state === 'serving').length;
      if (!json) {
        process.stderr.write(
          `${nickname} (${member.addresses.join(', ')}) gives all that it has to others, and ends.\n`,
        );
        if (stay < replicas)
          process.stderr.write(
            `Of the ${replicas} copies that are wanted of every file there will be ${stay}: so many volcanos stay.\n`,
          );
      }
      if (!(await confirmed('leave', nickname, flags.yes === true))) throw new Error('nothing was done');
      await say(ring, asked, member.id, true);
      if (flags['no-wait'] === true) return told('leaving');
      if (await gone(ring, member, json)) return told('left');
      throw new Error(`${nickname} was called back: it stays`);
    },
  );
}

const SENTENCES: Readonly<Record<string, string>> = {
  serving: 'stays.',
  leaving: 'is leaving: magma ring shows how far it is.',
  left: 'has left its network, and ends. Its data directory is of no use any more.',
};
