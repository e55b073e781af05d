import { systemClock } from '../base/clock.ts';
import { tableOf } from '../base/table.ts';
import { type MoveNote, moveText } from '../dht/balance/moves.ts';
import { keyStanding, standingText } from '../dht/keys/standing.ts';
import type { Figures } from '../dht/programs/node/handlers.ts';
import { copiesWanted, indexOf, mirroredBy, runs, singleCopies } from '../dht/projection/queries.ts';
import type { Projection } from '../dht/projection/types.ts';
import { stateFiles } from '../dht/state-text.ts';
import { SLOW_SYNC_MS } from '../flare/kml/sync-times.ts';
import { UsageError } from '../magmad/usage.ts';
import { readBalance } from './balance-notes.ts';
import type { CommandSpec } from './command.ts';
import { within } from './every.ts';
import { FileProblem } from './files/problem.ts';
import { keyOf, readAsking, usageError } from './options.ts';
import { connectAny, RingClient } from './ring-client.ts';

/** `magma ring`, as its help has it. */
export const RING: CommandSpec = {
  name: 'ring',
  brief: 'the volcanos of a network, and how each fares',
  title: 'the volcanos of a network, in ring order, and how each fares',
  usage: [''],
  text: ['Asks one volcano for the map, and then every volcano for its figures.'],
  flags: {
    json: {
      help: 'one JSON object: networkId, epoch, protocol, replicas, copies, slicesShortOfCopies, slicesWithASingleCopy, volcanos (as the map has each, with slices, mirrors, filling, and figures or problem), balance (paused, moves as magma balance has them; null: not known), oldKey (until, clients, behind, unheard: a key of the network that is still let in; null: none)',
    },
  },
  asks: true,
  status:
    '0 all volcanos answer, and every file has its copies; 1 not so, or nobody could be asked; 2 the command line is wrong',
};
/** `magma status`, as its help has it. */
export const STATUS: CommandSpec = {
  name: 'status',
  brief: 'one volcano',
  title: 'one volcano, as its file in /.dht/ has it: the one that is asked, or the one of that nickname',
  usage: ['[NICKNAME]'],
  text: [],
  flags: {
    json: { help: "one JSON object: the lines of the volcano's file in /.dht/ as texts, and figures or problem" },
  },
  asks: true,
  status: '0 it answers and serves; 1 it does not, or nobody could be asked; 2 the command line is wrong',
};

/** So many of the last moves of slices are shown; `magma balance` has them all. */
const MOVES_SHOWN = 3;

/** What one volcano answered: figures, or why there are none. */
type Told = { readonly figures: Figures } | { readonly problem: string };

/** Runs a command that asks a network; what cannot be asked is said, and ends it with status 1. */
export async function asking(
  json: boolean,
  connect: () => Promise<RingClient>,
  work: (ring: RingClient) => Promise<number>,
): Promise<number> {
  let ring: RingClient | undefined;
  try {
    ring = await connect();
    return await work(ring);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    return failed(json, error);
  } finally {
    // A connection that is being made to a machine that is off would be waited for for seconds.
    void ring?.close();
  }
}

/** Says that something was not done, and why, as people or programs are told; the exit status. */
export function failed(json: boolean, error: unknown): number {
  const place = error instanceof FileProblem ? `${error.place}: ` : '';
  const message = `${place}${error instanceof Error ? error.message : error}`;
  if (json) process.stdout.write(`${JSON.stringify({ error: message })}\n`);
  else process.stderr.write(`magma: ${message}\n`);
  return 1;
}

async function tell(ring: RingClient, index: number): Promise<Told> {
  try {
    return { figures: await within(ring.figures(ring.projection.volcanos[index]!)) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Slices that have fewer mirrors in sync than the network wants. */
function short({ map, ...rest }: Projection): number {
  const wanted = copiesWanted({ map, ...rest }) - 1;
  return map.filter(({ inSync }) => inSync.length < wanted).length;
}

/** `magma ring`. Resolves with the exit status. */
export async function ringCommand(argv: readonly string[]): Promise<number> {
  const asked = readAsking(RING, argv);
  const { json, config, words } = asked;
  if (words.length > 0) throw usageError(RING, `"${words[0]}" is too much`);
  const key = keyOf(RING, config);
  return asking(
    json,
    async () => (await connectAny(asked, key)).ring,
    async (ring) => {
      const { projection } = ring;
      const [told, balance] = await Promise.all([
        Promise.all(projection.volcanos.map((_, index) => tell(ring, index))),
        within(readBalance(ring)).catch(() => null),
      ]);
      const all = new Map(runs(projection).map((run) => [run.member, run]));
      const copies = copiesWanted(projection);
      const wanting = short(projection);
      const single = singleCopies(projection).length;
      const volcanos = projection.volcanos.map((member, index) => {
        const { inSync, filling } = mirroredBy(projection, index);
        const counts = { slices: all.get(index)?.count ?? 0, mirrors: inSync.length, filling: filling.length };
        return { ...member, arbiter: projection.arbiter === member.id, ...counts, ...told[index]! };
      });
      const { networkId, epoch, protocol, replicas } = projection;
      const key = keyStanding(volcanos, (one) => ('figures' in one ? one.figures.keys : null));
      if (json) {
        const answer = {
          networkId,
          epoch,
          protocol,
          replicas,
          copies,
          slicesShortOfCopies: wanting,
          slicesWithASingleCopy: single,
          volcanos,
          balance,
          oldKey: key,
        };
        process.stdout.write(`${JSON.stringify(answer)}\n`);
      } else {
        const rows = volcanos.map((one) => [
          one.arbiter ? `${one.nickname} (arbiter)` : one.nickname,
          one.state,
          one.addresses[0]!,
          `${one.slices}`,
          one.filling > 0 ? `${one.mirrors} + ${one.filling} filling` : `${one.mirrors}`,
          ...('figures' in one
            ? [`${one.figures.load}`, percent(one.figures), `${one.figures.lagRecords}`, 'yes']
            : ['-', '-', '-', 'no']),
        ]);
        const head = ['volcano', 'state', 'address', 'slices', 'mirrors', 'calls/s', 'free', 'lag', 'answers'];
        const lines = [
          `network ${networkId}, epoch ${epoch}, ${copies} ${copies === 1 ? 'copy' : 'copies'} of every file`,
          ...tableOf(head, rows),
          ...volcanos.flatMap((one) => ('problem' in one ? [`${one.nickname}: ${one.problem}`] : [])),
          ...volcanos.flatMap((one) => ('figures' in one ? diskLines(one.nickname, one.figures) : [])),
          ...protocolLines(protocol, volcanos),
          ...(single > 0
            ? [
                `${single} of ${projection.slices} slices have a SINGLE COPY: no other volcano has what their primary has`,
              ]
            : []),
          ...(wanting > 0 ? [`${wanting} of ${projection.slices} slices have fewer copies than that`] : []),
          ...(key === null ? [] : [standingText(key, systemClock.now() / 1_000_000)]),
          ...(balance?.paused ? ['slices are not moved between volcanos: paused (magma balance --resume)'] : []),
          ...movedLines(balance?.moves ?? []),
        ];
        process.stdout.write(`${lines.join('\n')}\n`);
      }
      return wanting === 0 && volcanos.every((one) => 'figures' in one) ? 0 : 1;
    },
  );
}

/** The last moves of slices, and why they were made. */
function movedLines(moves: readonly MoveNote[]): string[] {
  return moves.slice(0, MOVES_SHOWN).map((move) => `moved: ${moveText(move)}`);
}

/** Who keeps a network from a newer protocol that some of its volcanos speak; nothing when nobody speaks one. */
export function protocolLines(
  protocol: number,
  volcanos: readonly ({ readonly nickname: string } & ({ readonly figures: Figures } | { readonly problem: string }))[],
): readonly string[] {
  const speaks = (one: (typeof volcanos)[number]): boolean => 'figures' in one && one.figures.protocol > protocol;
  const others = volcanos.filter((one) => !speaks(one)).map(({ nickname }) => nickname);
  if (others.length === volcanos.length) return [];
  const until =
    others.length === 0 ? 'its volcanos have told each other of theirs' : `${others.join(', ')} run it, too`;
  return [`the network is at protocol ${protocol}; it goes on to that of a newer magma when ${until}`];
}

/** What is to be said of a volcano's disk; nothing when it is well. */
export function diskLines(nickname: string, { syncMs, damaged, repaired }: Figures): readonly string[] {
  const lines: string[] = [];
  if (syncMs >= SLOW_SYNC_MS) lines.push(`slow disk on ${nickname}: a sync takes ${syncMs} ms`);
  if (damaged > 0)
    lines.push(
      `DAMAGE on the disk of ${nickname}: ${damaged} records of its log, ${repaired} of which came anew from another volcano`,
    );
  return lines;
}

function percent({ freeBytes, capacityBytes }: Figures): string {
  return capacityBytes === 0 ? '-' : `${Math.floor((100 * freeBytes) / capacityBytes)} %`;
}

/** `magma status`. Resolves with the exit status. */
export async function statusCommand(argv: readonly string[]): Promise<number> {
  const asked = readAsking(STATUS, argv);
  const { json, config, words } = asked;
  if (words.length > 1) throw usageError(STATUS, `"${words[1]}" is too much`);
  const key = keyOf(STATUS, config);
  return asking(
    json,
    // Without a nickname it is about the one that is to be asked, and no other.
    async () => (words[0] === undefined ? RingClient.connect(asked.at, key) : (await connectAny(asked, key)).ring),
    async (ring) => {
      const { projection } = ring;
      const nickname = words[0] ?? ring.asked;
      const member = projection.volcanos.find((one) => one.nickname === nickname);
      if (member === undefined) throw new Error(`there is no volcano ${nickname} in the network`);
      const told = await tell(ring, indexOf(projection, member.id));
      const figures = 'figures' in told ? told.figures : null;
      const files = stateFiles(projection, ({ id }) =>
        id === member.id && figures !== null ? { figures, heardSeconds: 0 } : null,
      );
      const text = files.get(`${nickname}.volcano`) ?? files.get(nickname)!;
      const values = text
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/ = (.*)/s).slice(0, 2) as [string, string]);
      if (json) process.stdout.write(`${JSON.stringify({ ...Object.fromEntries(values), ...told })}\n`);
      else process.stdout.write(text);
      if ('problem' in told && !json) process.stderr.write(`magma: ${told.problem}\n`);
      return figures !== null && member.state === 'serving' ? 0 : 1;
    },
  );
}
