import t from 'tap';
import { sliceOf } from '../../flare/keys.ts';
import { ROOT } from '../../flare/store/testing/harness.ts';
import type { Attributes } from '../../flare/types.ts';
import { FAILOVER_MS } from '../failover/times.ts';
import { runOf, sameAssignment } from '../projection/queries.ts';
import type { Projection } from '../projection/types.ts';
import { checkFiles, MIRRORED, makeFiles, mirroredRing, planned, running } from '../testing/mirrored.ts';
import type { Start, VirtualRing } from '../testing/virtual-ring.ts';
import { RULES } from './decide.ts';
import { MOVES_NOTE, type MoveNote, PAUSED_NOTE, readMoves } from './moves.ts';

/*
 * Whole volcanos on virtual time that are asked for more in some slices than in others: slices move to the neighbours, also when somebody dies or is cut off meanwhile (docs/balance.md).
 */

const PAUSE_MS = 6_000;
const BALANCED: Start = { ...MIRRORED, balance: { weight: 1, pauseMs: PAUSE_MS, rules: { ...RULES, least: 2 } } };

const mapOf = (ring: VirtualRing): Projection => running(ring)[0]!.projection();

/** How many slices each has. */
function sizes(ring: VirtualRing): number[] {
  const map = mapOf(ring);
  return map.volcanos.map((_, at) => runOf(map, at)?.count ?? 0);
}

/** Asks for files all the time, until it is told to end: those of the slices that are `hot`. What goes by way of a volcano that dies has no answer; how many calls of others failed, when it ends. */
function load(ring: VirtualRing, files: readonly Attributes[], hot: (slice: number) => boolean): () => number {
  const asked = files.filter(({ key }) => hot(sliceOf(key)));
  let over = false;
  let failed = 0;
  const ask = (calls: number): void => {
    if (over) return;
    const { ring: one } = ring.volcanos[calls % ring.volcanos.length]!;
    const call = async () => one?.flares.getattr(asked[calls % asked.length]!);
    call().catch(() => {
      if (ring.volcanos.some(({ ring: other }) => other === one)) failed += 1;
    });
    void ring.pause(100).then(() => ask(calls + 1));
  };
  ask(0);
  return () => {
    over = true;
    return failed;
  };
}

async function filesOf(ring: VirtualRing, names: readonly string[]): Promise<Attributes[]> {
  const { flares } = running(ring)[0]!;
  return ring.settle(Promise.all(names.map((name) => flares.lookup(ROOT, flares.root(), name))));
}

/** The moves that the network's notes tell of, newest first. */
function movesOf(ring: VirtualRing): MoveNote[] {
  return readMoves(running(ring)[0]!.notes.note(MOVES_NOTE));
}

/** Lets time go by until a move is under way in the map. */
async function begun(ring: VirtualRing): Promise<void> {
  const { epoch } = mapOf(ring);
  const end = ring.time.now + 600_000_000;
  while (mapOf(ring).epoch === epoch) {
    if (ring.time.now > end) throw new Error('nothing is moved');
    await ring.time.run(5);
  }
}

t.test(
  'What is asked for in one end of a run goes to the neighbour, and there it ends; nobody is moved back',
  async (t) => {
    const ring = await mirroredRing(3, BALANCED);
    const names = await makeFiles(ring, 0, 0, 120);
    const files = await filesOf(ring, names);
    // What the files themselves have cost is to be forgotten first.
    const { notes } = ring.volcanos[0]!.up;
    await ring.settle(notes.setNote(PAUSED_NOTE, Buffer.from('1')));
    const run = runOf(mapOf(ring), 0)!;
    const end = load(ring, files, (slice) => (slice - run.first + 256) % 256 < run.count);
    await ring.time.run(4 * PAUSE_MS);
    await ring.settle(notes.setNote(PAUSED_NOTE, null));
    await ring.time.run(6 * PAUSE_MS);
    t.equal(end(), 0, 'no call of another one has failed');
    const after = sizes(ring);
    t.ok(after[0]! < 0.6 * run.count, `${run.count} slices, then ${after[0]}`);
    const moves = movesOf(ring);
    t.ok(moves.length >= 2 && moves.length <= 5, JSON.stringify(moves));
    t.ok(
      moves.every(({ end, from, why }) => end === 'done' && from === 'v0' && why === 'work'),
      JSON.stringify(moves),
    );
    t.ok(
      mapOf(ring).map.every(({ inSync }) => inSync.length === 1),
      'two copies of everything',
    );
    await checkFiles(t, ring, names);
    t.same(
      ring.volcanos.flatMap(({ warnings }) => warnings),
      [],
    );
    await ring.close();
  },
);

/** The place in the map of a volcano. */
function placeOf(ring: VirtualRing, number: number): number {
  return mapOf(ring).volcanos.findIndex(({ nickname }) => nickname === `v${number}`);
}

/** Three volcanos of which v1 is asked for so much more that it will give something away. */
async function skewed() {
  const ring = await mirroredRing(3, BALANCED);
  const names = await makeFiles(ring, 1, 0, 100);
  const files = await filesOf(ring, names);
  const run = runOf(mapOf(ring), placeOf(ring, 1))!;
  const end = load(ring, files, (slice) => (slice - run.first + 256) % 256 < run.count);
  return { ring, names, run, end };
}

for (const who of ['the giver', 'who is given'] as const) {
  t.test(`When ${who} dies in the middle of a move nothing is lost, and slices are moved again later`, async (t) => {
    const { ring, names, end } = await skewed();
    const before = mapOf(ring);
    await begun(ring);
    const { map, volcanos } = mapOf(ring);
    const own = placeOf(ring, 1);
    // It is being copied there, or was handed over at once, to a mirror.
    const at = map.findIndex(
      (one, slice) => !sameAssignment(one, before.map[slice]!) && before.map[slice]!.primary === own,
    );
    const { primary, inSync, filling } = map[at]!;
    const to = primary === own ? [...filling, ...inSync].find((one) => !before.map[at]!.inSync.includes(one)) : primary;
    const dies = who === 'the giver' ? 1 : Number(volcanos[to!]!.nickname.slice(1));
    ring.kill(dies, 'power');
    await ring.time.run(1.5 * FAILOVER_MS);
    await ring.start(dies, BALANCED);
    await ring.time.run(6 * PAUSE_MS);
    t.equal(end(), 0, 'no call of another one has failed');
    await planned(ring);
    const moves = movesOf(ring);
    t.ok(moves.filter(({ end }) => end === 'done').length > 1, JSON.stringify(moves));
    t.ok(mapOf(ring).map.every(({ inSync, filling }) => inSync.length === 1 && filling.length === 0));
    t.ok(
      sizes(ring).every((count) => count > 0),
      `${sizes(ring)}`,
    );
    await checkFiles(t, ring, names);
    await ring.close();
  });
}

t.test('While it is paused nothing is moved, however long; then it is', async (t) => {
  const { ring, names, end, run } = await skewed();
  const { notes } = ring.volcanos[1]!.up;
  await ring.settle(notes.setNote(PAUSED_NOTE, Buffer.from('1')));
  const { epoch } = mapOf(ring);
  await ring.time.run(4 * PAUSE_MS);
  t.equal(mapOf(ring).epoch, epoch, 'it is the same map');
  t.same(movesOf(ring), []);
  await ring.settle(notes.setNote(PAUSED_NOTE, null));
  await begun(ring);
  t.equal(end(), 0);
  await ring.time.run(PAUSE_MS);
  await planned(ring);
  t.ok(sizes(ring)[placeOf(ring, 1)]! < run.count);
  await checkFiles(t, ring, names);
  await ring.close();
});

t.test('Who takes no part tells nothing, and then nobody moves anything', async (t) => {
  const ring = await mirroredRing(3, BALANCED);
  await ring.stop(2);
  await ring.start(2, MIRRORED);
  await planned(ring);
  const files = await filesOf(ring, await makeFiles(ring, 1, 0, 50));
  const { epoch } = mapOf(ring);
  const end = load(ring, files, () => true);
  await ring.time.run(4 * PAUSE_MS);
  t.equal(end(), 0);
  t.equal(mapOf(ring).epoch, epoch, 'it is the same map');
  await ring.close();
});

t.test('Of moves that several volcanos make all are told, with their reasons', async (t) => {
  const ring = await mirroredRing(3, BALANCED);
  const files = await filesOf(ring, await makeFiles(ring, 0, 0, 120));
  await ring.stop(2);
  await ring.start(2, { ...MIRRORED, balance: { ...BALANCED.balance!, weight: 6 } });
  await planned(ring);
  const before = sizes(ring);
  const end = load(ring, files, () => true);
  await ring.time.run(15 * PAUSE_MS);
  t.equal(end(), 0);
  await planned(ring);
  const given = before.map((count, at) => count - sizes(ring)[at]!);
  const moves = movesOf(ring).filter(({ end }) => end === 'done');
  t.same(new Set(moves.map(({ from }) => from)), new Set(['v0', 'v1']));
  const told = mapOf(ring).volcanos.map(({ nickname }) =>
    moves.reduce((sum, { from, to, count }) => sum + (from === nickname ? count : to === nickname ? -count : 0), 0),
  );
  t.same(told, given, JSON.stringify(moves));
  await ring.close();
});
