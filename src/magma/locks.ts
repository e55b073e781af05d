import { tableOf } from '../base/table.ts';
import type { Member } from '../dht/projection/types.ts';
import { LOCK_END, LockKind } from '../flare/locks/types.ts';
import type { FlareLock } from '../flare/store/locks/keeper.ts';
import { reservationText } from '../operator/reservation.ts';
import type { CommandSpec } from './command.ts';
import { keyOf, readAsking, usageError } from './options.ts';
import { asking } from './ring.ts';
import { connectAny, type RingClient } from './ring-client.ts';

/** `magma locks`, as its help has it. */
export const LOCKS: CommandSpec = {
  name: 'locks',
  brief: "what is locked, by whom; and the end of a holder's locks",
  title: 'what is locked in a network, by whom, and for how long nothing was heard of him',
  usage: ['[--break HOLDER]'],
  text: ['Files are shown by their numbers, as `ls -i` and `find -inum` know them.'],
  flags: {
    json: {
      help: 'one JSON object: volcanos (volcano, locks, problem); with --break holder, files, volcanos (volcano, files, problem)',
    },
    break: {
      value: 'HOLDER',
      help: 'ends all locks of that holder, as it stands in the list: he gets errors where he relies on them',
    },
  },
  asks: true,
  status: '0 all volcanos answered; 1 some did not, or nobody could be asked; 2 the command line is wrong',
};

/** Kinds of locks, as JSON has them. */
const KINDS: Record<LockKind, string> = {
  [LockKind.bytes]: 'bytes',
  [LockKind.whole]: 'whole',
  [LockKind.share]: 'share',
};

/** What stands before bytes that are no text. */
const HEX = 'hex:';

/** Bytes as people can read and write them. */
export function shown(bytes: string): string {
  return /^[\x20-\x7e]+$/.test(bytes) && !bytes.startsWith(HEX)
    ? bytes
    : HEX + Buffer.from(bytes, 'latin1').toString('hex');
}

/** The reverse of `shown`. */
export function meant(text: string): string {
  return text.startsWith(HEX) ? Buffer.from(text.slice(HEX.length), 'hex').toString('latin1') : text;
}

interface Told {
  readonly volcano: string;
  readonly locks: readonly FlareLock[];
  readonly problem: string | null;
}

async function locksOf(ring: RingClient, member: Member): Promise<Told> {
  const locks: FlareLock[] = [];
  try {
    for (let from: string | null = ''; from !== null; ) {
      const page = await ring.node(member).held(from);
      locks.push(...page.locks);
      from = page.next;
    }
    return { volcano: member.nickname, locks, problem: null };
  } catch (error) {
    return { volcano: member.nickname, locks, problem: error instanceof Error ? error.message : String(error) };
  }
}

function rowOf(volcano: string, { fileid, silentMs, lock }: FlareLock): string[] {
  const { kind, mode, start, last, holder, owner, pid } = lock;
  const range = last === LOCK_END ? `${start} to the end` : `${start} to ${last}`;
  const place = kind === LockKind.bytes ? range : kind === LockKind.whole ? 'whole file' : reservationText(start);
  return [volcano, `${fileid}`, place, mode, `${pid}`, `${Math.round(silentMs / 1000)} s`, shown(owner), shown(holder)];
}

function asJson({ volcano, locks, problem }: Told): object {
  const all = locks.map(({ fileid, silentMs, lock: { kind, mode, start, last, holder, owner, pid } }) => ({
    ...{ fileid, kind: KINDS[kind], mode, start: `${start}`, last: `${last}` },
    ...{ pid, silentMs, owner: shown(owner), holder: shown(holder) },
  }));
  return { volcano, locks: all, ...(problem === null ? {} : { problem }) };
}

/** `magma locks`. Resolves with the exit status. */
export async function locksCommand(argv: readonly string[]): Promise<number> {
  const asked = readAsking(LOCKS, argv);
  const { json, config, words, flags } = asked;
  if (words.length > 0) throw usageError(LOCKS, `"${words[0]}" is too much`);
  const key = keyOf(LOCKS, config);
  const holder = typeof flags.break === 'string' ? meant(flags.break) : null;
  return asking(
    json,
    async () => (await connectAny(asked, key)).ring,
    (ring) => (holder === null ? list(ring, json) : end(ring, holder, json)),
  );
}

async function list(ring: RingClient, json: boolean): Promise<number> {
  const told = await Promise.all(ring.projection.volcanos.map((member) => locksOf(ring, member)));
  const problems = told.filter(({ problem }) => problem !== null);
  if (json) process.stdout.write(`${JSON.stringify({ volcanos: told.map(asJson) })}\n`);
  else {
    const head = ['volcano', 'file', 'bytes', 'mode', 'process', 'silent', 'owner', 'holder'];
    const rows = told.flatMap(({ volcano, locks }) => locks.map((lock) => rowOf(volcano, lock)));
    const lines = [...tableOf(head, rows), ...problems.map(({ volcano, problem }) => `${volcano}: ${problem}`)];
    process.stdout.write(`${lines.join('\n')}\n`);
  }
  return problems.length === 0 ? 0 : 1;
}

async function end(ring: RingClient, holder: string, json: boolean): Promise<number> {
  const told = await Promise.all(
    ring.projection.volcanos.map(async (member) => {
      const { nickname: volcano } = member;
      try {
        return { volcano, files: await ring.node(member).releaseHolder(holder) };
      } catch (error) {
        return { volcano, files: 0, problem: error instanceof Error ? error.message : String(error) };
      }
    }),
  );
  const problems = told.filter((one) => 'problem' in one);
  const files = told.reduce((sum, one) => sum + one.files, 0);
  if (json) process.stdout.write(`${JSON.stringify({ holder: shown(holder), files, volcanos: told })}\n`);
  else {
    const lines = problems.map(({ volcano, problem }) => `${volcano}: ${problem}`);
    process.stdout.write([`the locks of ${shown(holder)} have ended: of ${files} files`, ...lines, ''].join('\n'));
  }
  return problems.length === 0 ? 0 : 1;
}
