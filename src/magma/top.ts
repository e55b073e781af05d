import { CLIENTS_OBSERVED_MAX } from '../dht/observation.ts';
import type { CommandSpec } from './command.ts';
import { ANSWER_MS, askEvery } from './every.ts';
import { FullScreen } from './full-screen.ts';
import { keyOf, readAsking, usageError } from './options.ts';
import { asking } from './ring.ts';
import { connectAny, type RingClient } from './ring-client.ts';
import { secondsOf } from './seconds.ts';
import { screenLines, wholeText } from './top-text.ts';
import { type ClientOrder, type Look, type ProcedureOrder, sorted, type TopView, viewOf } from './top-view.ts';

/** How often a screen is renewed, and how long an interval is, in seconds. */
const INTERVAL = 1;
const INTERVAL_MIN = 0.2;
const INTERVAL_MAX = 60;
/** How long a screen waits for a volcano, in milliseconds: what the others do is to be seen meanwhile. */
const SCREEN_ANSWER_MS = 1_500;

/** What `magma top` is. */
export const TOP: CommandSpec = {
  name: 'top',
  brief: 'what clients do, second by second',
  title: 'what the volcanos of a network do for their clients, second by second',
  usage: ['[--once] [--interval SECONDS]'],
  text: [
    'On a terminal it shows a screen that renews itself: all volcanos, the calls of each procedure a second, how long they take (half of them, and 99 of 100, at most), and who calls. q ends it, c sorts clients by rate, by loss, by name, p procedures by rate, by p99, by name.',
    'Into a pipe, with --once and with --json it is told once, over one interval.',
    `A client that calls two volcanos stands there twice. again: calls over UDP that came again in the interval. loss, and "in all", count since the volcano started. Of each volcano those clients are shown whose networks lose most, ${CLIENTS_OBSERVED_MAX} at most. SICK: its network loses so many packets that it is to be looked at.`,
  ],
  flags: {
    json: {
      help: 'one JSON object: epoch, slices, singleCopies, seconds, callsPerSecond, volcanos, procedures (callsPerSecond, p50Ms, p99Ms, ...), clients (volcano, client, callsPerSecond, again, lossPercent, sick, ...), clientsInAll, problems (volcano, problem)',
    },
    once: { help: 'tell it once, as a table' },
    interval: {
      value: 'SECONDS',
      help: `how long an interval is, ${INTERVAL_MIN} to ${INTERVAL_MAX}; else ${INTERVAL}`,
    },
  },
  asks: true,
  status: '0 all volcanos answered; 1 some did not, or nobody could be asked; 2 the command line is wrong',
};

async function look(ring: RingClient, patienceMs: number): Promise<Look> {
  const ask = { clients: CLIENTS_OBSERVED_MAX, lines: 0 };
  const seen = await askEvery(ring, (node) => node.observe(ask), { patienceMs });
  // Who has joined or gone since is known to those that answer.
  const told = seen.find((one) => 'answer' in one);
  if (told !== undefined) await ring.newer(told.member).catch(() => {});
  return { projection: ring.projection, seen };
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

async function once(ring: RingClient, seconds: number, json: boolean): Promise<number> {
  const before = await look(ring, ANSWER_MS);
  await pause(seconds);
  const view = sorted(viewOf(before, await look(ring, ANSWER_MS)), 'loss', 'rate');
  process.stdout.write(json ? `${JSON.stringify(view)}\n` : wholeText(view));
  return statusOf(view);
}

function statusOf({ problems }: TopView): number {
  return problems.length === 0 ? 0 : 1;
}

const CLIENT_ORDERS: readonly ClientOrder[] = ['rate', 'loss', 'name'];
const PROCEDURE_ORDERS: readonly ProcedureOrder[] = ['rate', 'p99', 'name'];
const ENDS = new Set(['q', 'Q', '\x03', '\x04']);

function following<T>(orders: readonly T[], now: T): T {
  return orders[(orders.indexOf(now) + 1) % orders.length]!;
}

async function onScreen(ring: RingClient, seconds: number): Promise<number> {
  const state: { clients: ClientOrder; procedures: ProcedureOrder } = { clients: 'rate', procedures: 'rate' };
  const ended = Promise.withResolvers<'ended'>();
  let before = await look(ring, SCREEN_ANSWER_MS);
  // Until a second has passed: what was counted before, as if it had been in an instant nobody knows.
  let view = viewOf(before, before);
  const draw = (): void =>
    screen.draw(screenLines(sorted(view, state.clients, state.procedures), state, screen.columns, screen.rows));
  const typed = (key: string): void => {
    if (ENDS.has(key)) ended.resolve('ended');
    else if (key === 'c') state.clients = following(CLIENT_ORDERS, state.clients);
    else if (key === 'p') state.procedures = following(PROCEDURE_ORDERS, state.procedures);
    else return;
    draw();
  };
  const screen = new FullScreen(process, typed, draw);
  try {
    draw();
    for (;;) {
      if ((await Promise.race([pause(seconds), ended.promise])) === 'ended') return statusOf(view);
      const looked = await Promise.race([look(ring, Math.max(SCREEN_ANSWER_MS, seconds * 1000)), ended.promise]);
      if (looked === 'ended') return statusOf(view);
      view = viewOf(before, looked);
      before = looked;
      draw();
    }
  } finally {
    screen.close();
  }
}

/** `magma top`. Resolves with the exit status. */
export async function topCommand(argv: readonly string[]): Promise<number> {
  const asked = readAsking(TOP, argv);
  const { json, config, words, flags } = asked;
  if (words.length > 0) throw usageError(TOP, `"${words[0]}" is too much`);
  const seconds = intervalOf(flags.interval);
  const key = keyOf(TOP, config);
  const table = json || flags.once === true || process.stdout.isTTY !== true;
  return asking(
    json,
    async () => (await connectAny(asked, key)).ring,
    (ring) => (table ? once(ring, seconds, json) : onScreen(ring, seconds)),
  );
}

function intervalOf(given: string | boolean | undefined): number {
  if (typeof given !== 'string') return INTERVAL;
  try {
    return secondsOf('interval', given, INTERVAL_MIN, INTERVAL_MAX);
  } catch (error) {
    throw usageError(TOP, (error as Error).message);
  }
}
