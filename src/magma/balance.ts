import { tableOf } from '../base/table.ts';
import { flows } from '../dht/balance/flow.ts';
import { moveText } from '../dht/balance/moves.ts';
import type { Work } from '../dht/balance/work.ts';
import { type BalanceState, readBalance, setPaused } from './balance-notes.ts';
import type { CommandSpec } from './command.ts';
import { type Answered, askEvery, problemsOf, silentLines, within } from './every.ts';
import { keyOf, readAsking, usageError } from './options.ts';
import { plainText } from './plain.ts';
import { asking } from './ring.ts';
import { connectAny } from './ring-client.ts';

/** `magma balance`, as its help has it. */
export const BALANCE: CommandSpec = {
  name: 'balance',
  brief: 'who does how much, what was moved for that, and a pause',
  title: 'how the work is shared out among the volcanos, and which slices were moved for that, and why',
  usage: ['[status]', '--pause', '--resume'],
  text: [
    'Volcanos that do more than their weight (magmad -w) gives them hand slices to their neighbours in the ring, one move at a time, each with minutes of rest; so does one whose disk is nearly full. For each volcano it says what its slices are asked for, and why it gives nothing away now.',
    'With --pause nothing more is moved in the whole network, until --resume; a move that has begun is brought to its end. It holds over restarts.',
  ],
  flags: {
    pause: { help: 'nothing more is to be moved' },
    resume: { help: 'moves may be made again' },
    json: {
      help: 'one JSON object: paused, volcanos (volcano, weight, callsPerSecond, bytesPerSecond, share and target of the work, settled, reason), moves (at, from, to, first, count, why, before, after, end), problems (volcano, problem)',
    },
  },
  asks: true,
  status:
    '0 all volcanos answered, or it is so from now on; 1 some did not, or nobody could be asked; 2 the command line is wrong',
  words: ['status'],
};

/** What one volcano does. */
interface Row {
  readonly volcano: string;
  readonly weight: number;
  readonly callsPerSecond: number;
  readonly bytesPerSecond: number;
  /** Of the work of those that answered; and what it is to have of it. */
  readonly share: number;
  readonly target: number;
  readonly settled: boolean;
  readonly reason: string;
}

/** What those do that told it; none of what those do that take no part. */
export function rowsOf(answered: readonly Answered<Work | null>[]): Row[] {
  const told = answered.flatMap((one) =>
    'answer' in one && one.answer !== null ? [{ ...one, work: one.answer }] : [],
  );
  const total = told.reduce((sum, { work }) => sum + work.units, 0);
  const { target } = flows(
    told.map(({ work: { units: work, weight, peakUnits: peak, aboveUnits: above } }) => ({
      work,
      weight,
      peak,
      above,
    })),
  );
  const share = (units: number): number => (total === 0 ? 0 : units / total);
  return told.map(({ volcano, work }, at) => ({
    ...{ volcano, weight: work.weight, callsPerSecond: work.calls, bytesPerSecond: work.bytes },
    ...{ share: share(work.units), target: share(target[at]!), settled: work.settled, reason: work.reason },
  }));
}

/** The same for people. */
export function balanceLines(rows: readonly Row[], { paused, moves }: BalanceState): string[] {
  const percent = (part: number): string => `${Math.round(100 * part)}%`;
  const head = ['volcano', 'weight', 'work', 'to have', 'calls/s', 'bytes/s', 'gives nothing away:'];
  return [
    paused ? 'paused: nothing is moved (magma balance --resume)' : 'on: slices are moved when that helps',
    ...tableOf(
      head,
      rows.map((one) => [
        ...[one.volcano, `${one.weight}`, percent(one.share), percent(one.target)],
        ...[one.callsPerSecond.toFixed(1), one.bytesPerSecond.toFixed(0), one.reason === '' ? '-' : one.reason],
      ]),
    ),
    ...(moves.length === 0 ? ['nothing has been moved yet'] : moves.map(moveText)),
  ].map(plainText);
}

/** `magma balance`. Resolves with the exit status. */
export async function balanceCommand(argv: readonly string[]): Promise<number> {
  const asked = readAsking(BALANCE, argv);
  const { json, config, words, flags } = asked;
  const changes = [flags.pause, flags.resume].filter((flag) => flag === true).length;
  if (changes > 1 || words.length > 1 || (words[0] ?? 'status') !== 'status' || (changes > 0 && words.length > 0))
    throw usageError(BALANCE, '--pause, --resume, or neither');
  const key = keyOf(BALANCE, config);
  return asking(
    json,
    async () => (await connectAny(asked, key)).ring,
    async (ring) => {
      if (changes > 0) {
        const paused = flags.pause === true;
        await setPaused(ring, paused);
        const text = paused ? 'paused: nothing more is moved.' : 'slices are moved again when that helps.';
        process.stdout.write(json ? `${JSON.stringify({ paused })}\n` : `${text}\n`);
        return 0;
      }
      const [state, answered] = await Promise.all([
        within(readBalance(ring)),
        askEvery(ring, async (node, { id }) => (await node.work([])).find((one) => one.id === id)?.work ?? null),
      ]);
      const rows = rowsOf(answered);
      const problems = problemsOf(answered);
      if (json) process.stdout.write(`${JSON.stringify({ ...state, volcanos: rows, problems })}\n`);
      else process.stdout.write(`${[...balanceLines(rows, state), ...silentLines(answered)].join('\n')}\n`);
      return problems.length === 0 ? 0 : 1;
    },
  );
}
