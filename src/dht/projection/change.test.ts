import fc from 'fast-check';
import t from 'tap';
import { seededRandom } from '../../base/random.ts';
import { alone, member } from '../testing/members.ts';
import { CHANGE_BYTES_MAX, changed, changeOf, decodeChange, encodeChange, type ProjectionChange } from './change.ts';
import { encodeProjection } from './codec.ts';
import { CHANGES_MAX, RecentChanges } from './news.ts';
import { applyStep, giver, nextStep } from './plan.ts';
import { withMember } from './steps.ts';
import { type Projection, ProjectionError } from './types.ts';

/* What a projection has that the one before has not: told in place of the whole. */

/** The maps of a network that grows, from the first on: newcomers come while steps are being made. */
function history(seed: number, volcanos: number): Projection[] {
  const random = seededRandom(seed);
  const maps = [alone({ replicas: 1 + random.below(3) })];
  for (let number = 1; ; ) {
    const newest = maps.at(-1)!;
    const step = nextStep(newest);
    if (step === null && number === volcanos) return maps;
    if (number < volcanos && (step === null || random.below(4) === 0))
      maps.push(
        withMember(
          newest,
          member(number++),
          giver(newest, () => random.below(3)),
        ),
      );
    else maps.push(applyStep(newest, step!));
  }
}

/** Leaves a member out, as steps of other versions may. */
function without(before: Projection, gone: number): Projection {
  const place = (index: number): number => (index > gone ? index - 1 : index);
  const map = before.map.map(({ primary, inSync, filling }) => ({
    primary: place(primary === gone ? inSync[0]! : primary),
    inSync: inSync.filter((one) => one !== gone && (primary !== gone || one !== inSync[0])).map(place),
    filling: filling.filter((one) => one !== gone).map(place),
  }));
  return { ...before, epoch: before.epoch + 1, volcanos: before.volcanos.filter((_, index) => index !== gone), map };
}

function overTheWire(change: ProjectionChange): ProjectionChange {
  return decodeChange(encodeChange(change)!);
}

t.test('each map is made from the one before and the change, and the change is small', async (t) => {
  const seeds = fc.integer({ min: 0, max: 2 ** 31 });
  const made = fc.property(seeds, fc.integer({ min: 1, max: 12 }), (seed, volcanos) => {
    let known: Projection | null = null;
    for (const map of history(seed, volcanos)) {
      const change: ProjectionChange | null = known === null ? null : changeOf(known, map);
      known = change === null ? map : changed(known!, [overTheWire(change)]);
      if (!encodeProjection(known).equals(encodeProjection(map))) return false;
      if (change === null ? map.epoch !== 1 : encodeChange(change)!.length > 400) return false;
    }
    return true;
  });
  fc.assert(made, { numRuns: 60 });
  const maps = history(8, 9);
  const all = maps.slice(1).map((map, at) => overTheWire(changeOf(maps[at]!, map)!));
  t.ok(encodeProjection(changed(maps[0]!, all)).equals(encodeProjection(maps.at(-1)!)), 'all at once');
});

t.test('a member that goes, and one that is reached otherwise', async (t) => {
  const before = history(3, 5).at(-1)!;
  for (const gone of [1, 2, 4]) {
    const after = without(before, gone);
    const change = changeOf(before, after)!;
    t.match(change, { gone: [gone], come: [] });
    t.ok(encodeProjection(changed(before, [overTheWire(change)])).equals(encodeProjection(after)));
  }
  const [first, second, ...others] = before.volcanos;
  const moved = { ...second!, addresses: ['10.9.9.9'] };
  const after = { ...before, epoch: before.epoch + 1, volcanos: [first!, moved, ...others] };
  const change = changeOf(before, after)!;
  t.strictSame(change, { epoch: after.epoch, gone: [1], come: [{ at: 1, member: moved }], runs: [] });
  t.strictSame(changed(before, [overTheWire(change)]), after);
});

t.test('what cannot be told in this way is told whole', async (t) => {
  const before = history(4, 4).at(-1)!;
  const epoch = before.epoch + 1;
  t.equal(changeOf(before, { ...before, epoch: epoch + 1 }), null, 'more than one epoch');
  t.equal(changeOf(before, { ...before, epoch, replicas: 7 }), null, 'the network is otherwise');
  t.equal(changeOf(before, { ...before, epoch, volcanos: [...before.volcanos].reverse() }), null, 'in another order');
  const come = Array.from({ length: 300 }, (_, at) => ({ at, member: { ...member(at), state: 'joining' as const } }));
  const large = { epoch, gone: [], come, runs: [] };
  t.equal(encodeChange(large), null, `more than ${CHANGE_BYTES_MAX} bytes`);
});

t.test('a change that does not fit is refused', async (t) => {
  const before = history(5, 3).at(-1)!;
  const good = { epoch: before.epoch + 1, gone: [], come: [], runs: [] };
  const newcomer = { ...member(9), state: 'joining' as const };
  const bad: readonly (readonly [string, Partial<ProjectionChange>])[] = [
    ['of another epoch', { epoch: before.epoch + 2 }],
    ['a place that is not there', { come: [{ at: 4, member: newcomer }] }],
    ['a nickname that is in use', { come: [{ at: 1, member: { ...newcomer, nickname: 'v2' } }] }],
    ['a volcano that is no sound one', { come: [{ at: 1, member: { ...newcomer, nodePort: 0 } }] }],
    ['slices that are not there', { runs: [{ first: 255, count: 2, primary: 0, inSync: [], filling: [] }] }],
    ['a primary that is not there', { runs: [{ first: 0, count: 1, primary: 3, inSync: [], filling: [] }] }],
    ['a primary that has gone', { gone: [0] }],
  ];
  t.strictSame(changed(before, [good]), { ...before, epoch: before.epoch + 1 });
  for (const [name, change] of bad) t.throws(() => changed(before, [{ ...good, ...change }]), ProjectionError, name);
});

t.test('who knows an old map gets the changes; who knows none, or a very old one, the whole', async (t) => {
  const maps = history(6, 3);
  const recent = new RecentChanges(maps[0]!);
  t.equal(recent.since(1), null);
  t.strictSame(recent.since(0), { whole: maps[0] });
  for (const map of maps.slice(1)) recent.note(map);
  let newest = maps.at(-1)!;
  t.strictSame(recent.since(newest.epoch), null);
  t.match(recent.since(newest.epoch - 2), { changes: { length: 2 } });
  t.strictSame(recent.since(newest.epoch + 1), { whole: newest }, 'who knows what nobody has written');
  const begun = newest.epoch;
  for (let count = 0; count <= CHANGES_MAX; count++) {
    const { primary } = newest.map[0]!;
    const map = [...newest.map];
    map[0] = { primary, inSync: [], filling: map[0]!.filling.length === 0 ? [(primary + 1) % 3] : [] };
    newest = { ...newest, epoch: newest.epoch + 1, map };
    recent.note(newest);
  }
  t.strictSame(recent.since(begun), { whole: newest });
  const told = recent.since(begun + 1);
  t.match(told, { changes: { length: CHANGES_MAX } });
  recent.note({ ...newest, epoch: newest.epoch + 1, replicas: 5 });
  t.match(recent.since(newest.epoch), { whole: { replicas: 5 } }, 'a change that is told whole');
});
