import { systemClock } from '../base/clock.ts';
import { systemRandom } from '../base/random.ts';
import type { Standing } from '../dht/programs/node/handlers.ts';
import { electors, informed, mayMove, movedRegister, nextGeneration } from '../dht/projection/generation.ts';
import { memberOf } from '../dht/projection/queries.ts';
import type { Member, MemberId, Projection } from '../dht/projection/types.ts';
import { untilDone } from '../dht/retry.ts';
import type { CommandSpec } from './command.ts';
import { confirmed } from './confirm.ts';
import { prospectsOf, type Rescue, rangesText, rescuesOf } from './loss.ts';
import { keyOf, readAsking, usageError } from './options.ts';
import { asking } from './ring.ts';
import { RingClient } from './ring-client.ts';

/** `magma takeover`, as its help has it. */
export const TAKEOVER: CommandSpec = {
  name: 'takeover',
  brief: 'goes on without the volcano that keeps the maps',
  title: 'goes on without the volcano that keeps the maps of a network',
  usage: ['[--yes] [--accept-loss]'],
  text: [
    'For a network without etcd, whose first volcano is gone: the volcano that is asked keeps the maps from then on. Says first what that may cost, and asks. Whoever kept them until then must be off, not only out of reach of the others. Broken off, it can be run again.',
  ],
  flags: {
    'accept-loss': {
      help: 'also when too few volcanos are left to know that nothing newer was written; and has slices served whose copies are all away for good, by whoever has most of them: what only the others have is lost',
    },
    yes: { help: 'do not ask' },
    json: { help: 'one JSON object: keeper, epoch, slicesGivenUp, slicesMissing' },
  },
  asks: true,
  status: '0 done; 1 not done, or not needed, and why; 2 the command line is wrong',
};

/** How often those that are left are looked at, until they go by the new register, and with which pause in milliseconds. */
const LOOKS = 60;
const PAUSE_MS = 1_000;

function say(...lines: readonly string[]): void {
  process.stderr.write(`${lines.join('\n')}\n`);
}

/** The volcanos that answer, with how they stand to the register. */
type Living = ReadonlyMap<MemberId, Standing>;

async function survey(ring: RingClient): Promise<Living> {
  const found = new Map<MemberId, Standing>();
  const look = async (): Promise<void> => {
    await Promise.all(
      ring.projection.volcanos.map(async (member) => {
        const standing = await ring
          .node(member)
          .standing()
          .catch(() => null);
        if (standing !== null) found.set(member.id, standing);
      }),
    );
  };
  await look();
  for (const [id, { epoch }] of found) {
    const member = memberOf(ring.projection, id);
    if (epoch > ring.projection.epoch && member !== null) await ring.newer(member);
  }
  if (ring.projection.volcanos.some(({ id }) => !found.has(id))) await look();
  return found;
}

/** Who is to keep the register; null: it need not be moved. Throws with the reason when it must not be. */
function candidateOf({ projection, asked }: RingClient, living: Living): Member | null {
  const { arbiter, volcanos } = projection;
  if (arbiter === null) return null;
  const keeper = memberOf(projection, arbiter)!;
  const standing = living.get(arbiter);
  const begun = [...living.values()].some(({ promised }) => promised > 0);
  if (standing !== undefined) return standing.reaches && !begun ? null : keeper;
  for (const [id, { reaches }] of living) {
    if (reaches && !begun)
      throw new Error(
        `${memberOf(projection, id)!.nickname} still reaches ${keeper.nickname}, which keeps the maps: nothing is to be taken over`,
      );
  }
  const agreeing = informed(living);
  const able = volcanos.filter(({ id, state }) => agreeing.includes(id) && state === 'serving');
  const found = able.find(({ nickname }) => nickname === asked) ?? able[0];
  if (found === undefined) throw new Error('no volcano that answers may keep the maps: they are joining still');
  return found;
}

function tellMove(projection: Projection, living: Living, to: Member): void {
  const keeper = memberOf(projection, projection.arbiter!)!;
  const { served, takenOver, missing, away } = prospectsOf(projection, new Set(living.keys()));
  say(
    to.id === keeper.id
      ? `${keeper.nickname} keeps the maps, and cannot know that nobody else does by now.`
      : `${keeper.nickname} (${keeper.addresses.join(', ')}) keeps the maps of this network, and does not answer.`,
    `${to.nickname} is to keep them from now on.`,
    '',
    `away:              ${away.join(', ') || '-'}`,
    `newest map known:  epoch ${projection.epoch}`,
    `slices served:     ${served}, and ${takenOver} more within a minute, by copies that are in sync: nothing of these is lost`,
    `slices missing:    ${missing.length}${missing.length === 0 ? '' : ` (${rangesText(missing)}): in sync only on volcanos that are away; served again when one of them is back`}`,
    '',
    ...(to.id === keeper.id
      ? [
          `LOST is what was written after somebody else was made keeper of the maps, if that was done while ${keeper.nickname} was away.`,
        ]
      : [
          `LOST is what clients wrote by way of ${keeper.nickname} while it ran and reached none of the volcanos that answer now, if it did.`,
          `${keeper.nickname} MUST BE OFF NOW. Started again later it finds out by itself that it keeps the maps no more; until it reaches the others it serves nothing.`,
          `It must never be started from an older copy of its disk. If it does not come back: magma dead ${keeper.nickname}`,
        ]),
  );
}

async function move(ring: RingClient, living: Living, to: Member): Promise<void> {
  const heard = [...living.values()].flatMap(({ heard, promised }) => [heard, promised]);
  const epoch = nextGeneration(Math.max(ring.projection.epoch, ...heard), systemRandom);
  const name = (id: MemberId): string => memberOf(ring.projection, id)!.nickname;
  let newest: Projection | null = null;
  // First the one that is to keep it: when that does not agree, nobody has been stopped.
  for (const id of [to.id, ...informed(living).filter((one) => one !== to.id)]) {
    try {
      const known = await ring.node(memberOf(ring.projection, id)!).promise(epoch, to.id);
      if (newest === null || known.epoch > newest.epoch) newest = known;
    } catch (error) {
      const others = newest === null ? '' : ' Those that have agreed serve nothing until then.';
      throw new Error(
        `${name(id)} does not agree: ${(error as Error).message}. Cure: magma takeover, once more.${others}`,
        {
          cause: error,
        },
      );
    }
  }
  ring.projection = movedRegister(newest!, to.id, epoch);
  await ring.node(to).crown(ring.projection);
  for (let looks = 0; looks < LOOKS; looks++) {
    const now = await Promise.all(
      [...living.keys()].map((id) =>
        ring
          .node(memberOf(ring.projection, id)!)
          .standing()
          .catch(() => null),
      ),
    );
    if (now.every((standing) => standing !== null && standing.epoch >= epoch && standing.current)) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  say('magma: not all of them go by the new maps yet: see magma ring');
}

/** What is to be given up, by the newest map; what every volcano has of it is asked for. */
async function rescues(ring: RingClient, living: Living): Promise<readonly Rescue[]> {
  const { missing } = prospectsOf(ring.projection, new Set(living.keys()));
  if (missing.length === 0) return [];
  const copies = new Map<MemberId, Awaited<ReturnType<ReturnType<RingClient['node']>['copies']>>>();
  for (const id of living.keys()) copies.set(id, await ring.node(memberOf(ring.projection, id)!).copies());
  return rescuesOf(ring.projection, missing, copies);
}

function tellRescues(ring: RingClient, found: readonly Rescue[]): void {
  for (const { first, count, to, copies, newest, oldest } of found) {
    const slices = Array.from({ length: count }, (_, at) => (first + at) % ring.projection.slices).sort(
      (a, b) => a - b,
    );
    say(
      `GIVEN UP: slices ${rangesText(slices)}: served by ${memberOf(ring.projection, to)!.nickname}, which has records of ${copies} of the ${count}` +
        (copies === 0 ? '' : `, the last ones of epochs ${oldest} to ${newest}`) +
        ` (the newest map is of ${ring.projection.epoch}). All that came after these is LOST, and files may be there in part: magma check --ring.`,
    );
  }
  if (found.length > 0)
    say('Whoever else has these slices must not be started again with what it has, or loses it: it is filled anew.');
}

/** `magma takeover`. Resolves with the exit status. */
export async function takeoverCommand(argv: readonly string[]): Promise<number> {
  const { json, at, config, words, flags } = readAsking(TAKEOVER, argv);
  if (words.length > 0) throw usageError(TAKEOVER, `"${words[0]}" is too much`);
  const key = keyOf(TAKEOVER, config);
  const acceptsLoss = flags['accept-loss'] === true;
  return asking(
    json,
    () => RingClient.connect(at, key),
    async (ring) => {
      const living = await survey(ring);
      const to = candidateOf(ring, living);
      const { missing } = prospectsOf(ring.projection, new Set(living.keys()));
      const given = acceptsLoss ? await rescues(ring, living) : [];
      if (to === null && given.length === 0) throw new Error(notNeeded(ring.projection, missing));
      if (to !== null) {
        tellMove(ring.projection, living, to);
        if (!mayMove(ring.projection, informed(living), to.id) && !acceptsLoss) {
          const names = electors(ring.projection)
            .filter((id) => !living.has(id))
            .map((id) => memberOf(ring.projection, id)!.nickname);
          throw new Error(
            `too few volcanos are there to know that nothing newer was written without them. Cure: start ${names.join(' or ')}; or, when that cannot be, --accept-loss`,
          );
        }
      }
      tellRescues(ring, given);
      const word =
        to === null || to.id === ring.projection.arbiter
          ? 'takeover'
          : memberOf(ring.projection, ring.projection.arbiter!)!.nickname;
      if (!(await confirmed('takeover', word, flags.yes === true))) throw new Error('nothing was done');
      if (to !== null) await move(ring, living, to);
      const lost = acceptsLoss ? await carryOut(ring, living, given) : 0;
      const answer = {
        keeper: to?.nickname ?? null,
        epoch: ring.projection.epoch,
        slicesGivenUp: lost,
        slicesMissing: missing.length - lost,
      };
      if (json) process.stdout.write(`${JSON.stringify(answer)}\n`);
      else {
        if (to !== null)
          process.stdout.write(`${to.nickname} keeps the maps from now on, from epoch ${ring.projection.epoch}\n`);
        if (lost > 0) process.stdout.write(`${lost} slices were given up\n`);
      }
      return 0;
    },
  );
}

function notNeeded({ arbiter, volcanos }: Projection, missing: readonly number[]): string {
  const keeper = volcanos.find(({ id }) => id === arbiter);
  const why =
    keeper === undefined
      ? 'the maps of this network lie in etcd: no volcano keeps them'
      : `${keeper.nickname} keeps the maps, and answers: nothing is to be taken over`;
  const cure = `. ${missing.length} slices are in sync only on volcanos that are away: start those, or, if they are gone for good, --accept-loss`;
  return missing.length === 0 ? why : why + cure;
}

/** Gives up what was announced, and no more. Resolves with how many slices. */
async function carryOut(ring: RingClient, living: Living, announced: readonly Rescue[]): Promise<number> {
  const said = new Set(
    announced.flatMap(({ first, count }) =>
      Array.from({ length: count }, (_, at) => (first + at) % ring.projection.slices),
    ),
  );
  const found = await rescues(ring, living);
  let count = 0;
  for (const { to, ...range } of found) {
    for (let at = 0; at < range.count; at++)
      if (!said.has((range.first + at) % ring.projection.slices))
        throw new Error('more slices would be lost than was said. Cure: magma takeover --accept-loss, once more');
    const [any] = living.keys();
    const asked = memberOf(ring.projection, ring.projection.arbiter ?? any!)!;
    const given = { first: range.first, count: range.count, to };
    const pace = { clock: systemClock, random: systemRandom };
    await untilDone(pace, 'giving slices up', async () => (await ring.newer(asked)).node(asked).giveUp(given));
    count += range.count;
  }
  return count;
}
