import fc from 'fast-check';
import t from 'tap';
import { seededRandom } from '../../base/random.ts';
import { chooseSeed, LONG } from '../../base/testing/seed.ts';
import { alone, member } from '../testing/members.ts';
import { decodeProjection, encodeProjection } from './codec.ts';
import { applyStep, giver, isLegal, nextStep, type Step, stretch } from './plan.ts';
import { runs } from './queries.ts';
import {
  anew,
  depart,
  fill,
  firstProjection,
  handOver,
  holdsAnything,
  inSync,
  leave,
  serve,
  stay,
  takeOver,
  withMember,
  withoutMember,
  withoutMirror,
} from './steps.ts';
import { type Projection, ProjectionError } from './types.ts';
import { validStep } from './valid-step.ts';

/*
 * The map's promises (docs/architecture.md, "Projection"), over random histories of joins and steps. What holds is worked out here anew, as plainly as
 * possible, from the map itself.
 */

/** Steps that one join may cost until all is quiet again: far above what any takes, so that only a plan that turns in circles meets it. */
const STEPS_A_JOIN = 40;

/** The order in which the volcanos come, going once round the slices from the start of a run. */
function order({ map, volcanos }: Projection): string[] {
  const ids = map.map(({ primary }) => volcanos[primary]!.id);
  return ids.filter((id, slice) => id !== ids.at(slice - 1) || (slice === 0 && new Set(ids).size === 1));
}

function holders(projection: Projection, slice: number): Set<string> {
  const { primary, inSync } = projection.map[slice]!;
  return new Set([primary, ...inSync].map((index) => projection.volcanos[index]!.id));
}

function fail(message: string): never {
  throw new Error(message);
}

function checkMap(projection: Projection): void {
  const { map, slices, volcanos } = projection;
  if (map.length !== slices) fail('a slice has no primary');
  const found = order(projection);
  if (new Set(found).size !== found.length) fail(`a run is not contiguous: ${found.join(' ')}`);
  const ring = volcanos.map(({ id }) => id).filter((id) => found.includes(id));
  const at = ring.indexOf(found[0]!);
  if (found.join() !== [...ring.slice(at), ...ring.slice(0, at)].join()) fail('runs are not in ring order');
}

function checkChange(before: Projection, after: Projection): void {
  const serving = after.volcanos.filter(({ state }) => state === 'serving').length;
  // What is on a volcano that leaves does not count: it is to go.
  const leaving = new Set(after.volcanos.flatMap(({ id, state }) => (state === 'leaving' ? id : [])));
  for (let slice = 0; slice < after.slices; slice++) {
    const [was, is] = [holders(before, slice), holders(after, slice)];
    const primary = after.volcanos[after.map[slice]!.primary]!.id;
    if (!was.has(primary)) fail(`slice ${slice}: its new primary was not in sync`);
    const [had, has] = [was, is].map((ids) => [...ids].filter((id) => !leaving.has(id)).length);
    if (has! < Math.min(after.replicas, serving) && has! < had!) fail(`slice ${slice}: a copy vanished`);
  }
}

/** All runs are mirrored by the volcanos that come next in the ring, all in sync, and by nobody else. */
function checkQuiet({ map, volcanos, replicas }: Projection): void {
  if (volcanos.some(({ state }) => state !== 'serving')) fail('a volcano does not serve');
  for (const [slice, { primary, inSync, filling }] of map.entries()) {
    const wanted: number[] = [];
    for (let next = 1; next < Math.min(replicas, volcanos.length); next++)
      wanted.push((primary + next) % volcanos.length);
    if (filling.length > 0 || inSync.join() !== wanted.sort((a, b) => a - b).join())
      fail(`slice ${slice} of ${primary}: mirrors ${inSync}, filling ${filling}, wanted ${wanted}`);
  }
}

/** The map after a volcano was told to leave, or to stay; null when it cannot be. */
function parted(projection: Projection, kind: 'leave' | 'stay', at: number): Projection | null {
  try {
    return (kind === 'leave' ? leave : stay)(projection, at % projection.volcanos.length);
  } catch (error) {
    if (error instanceof ProjectionError) return null;
    throw error;
  }
}

function queriesOf(projection: Projection): string {
  const { volcanos } = projection;
  return runs(projection)
    .map(({ member, first, count }) => `${volcanos[member]!.nickname} ${first}+${count}`)
    .join(' ');
}

function checked(before: Projection, after: Projection): Projection {
  if (after.epoch !== before.epoch + 1) fail('the epoch is not the next one');
  checkMap(after);
  checkChange(before, after);
  validStep(before, after);
  return after;
}

function settle(start: Projection, most: number): Projection {
  let projection = start;
  for (let count = 0; ; count++) {
    const step = nextStep(projection);
    if (step === null) return projection;
    if (count === most) fail(`the plan does not end: ${JSON.stringify(step)}`);
    projection = checked(projection, applyStep(projection, step));
  }
}

t.test(
  'Random joins and steps: the map stays sound, no copy vanishes, the plan ends with the followers as mirrors',
  async (t) => {
    const seed = chooseSeed();
    t.comment(`seed ${seed}`);
    const join = fc.record({ kind: fc.constant('join' as const), behind: fc.nat() });
    const go = fc.record({ kind: fc.constant('go' as const), steps: fc.integer({ min: 1, max: 12 }) });
    const part = fc.record({ kind: fc.constantFrom('leave' as const, 'stay' as const), behind: fc.nat() });
    const history = fc.array(fc.oneof(join, go, part), { minLength: 1, maxLength: 40, size: 'max' });
    let left = 0;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), history, (replicas, actions) => {
        let projection = alone({ replicas, arbitratedElsewhere: true });
        let joins = 0;
        for (const action of actions) {
          if (action.kind === 'join') {
            joins += 1;
            const behind = action.behind % projection.volcanos.length;
            projection = checked(projection, withMember(projection, member(joins), behind));
            continue;
          }
          if (action.kind !== 'go') {
            const after = parted(projection, action.kind, action.behind);
            if (after !== null) projection = checked(projection, after);
            continue;
          }
          for (let count = 0; count < action.steps; count++) {
            const step = nextStep(projection);
            if (step === null) break;
            projection = checked(projection, applyStep(projection, step));
          }
        }
        projection = settle(projection, (joins + actions.length + 1) * STEPS_A_JOIN);
        checkQuiet(projection);
        left += joins + 1 - projection.volcanos.length;
        t.strictSame(decodeProjection(encodeProjection(projection)), projection);
      }),
      { seed, numRuns: LONG ? 2000 : 60 },
    );
    t.ok(left > 20, `${left} have left`);
  },
);

t.test(
  'leaving: others get all that it has, each of them its mirrors first; then it goes, and not before',
  async (t) => {
    let projection = alone({ replicas: 2 });
    for (const number of [1, 2]) projection = settle(withMember(projection, member(number), number - 1), STEPS_A_JOIN);
    projection = checked(projection, leave(projection, 1));
    t.equal(queriesOf(projection), 'v0 0+128 v1 128+64 v2 192+64');
    const kinds: string[] = [];
    for (let step = nextStep(projection); step !== null; step = nextStep(projection)) {
      kinds.push('range' in step ? `${step.kind} ${step.member} ${step.range.first}+${step.range.count}` : step.kind);
      projection = checked(projection, applyStep(projection, step));
    }
    t.strictSame(kinds, [
      ...['fill 2 0+128', 'inSync 2 0+128', 'withoutMirror 1 0+128'],
      ...['fill 0 128+64', 'inSync 0 128+64', 'handOver 2 128+64', 'withoutMirror 1 128+64'],
      'depart',
    ]);
    t.equal(queriesOf(projection), 'v0 0+128 v2 128+128');
    const called = stay(leave(projection, 1), 1);
    t.same(called.volcanos, projection.volcanos, 'who is called back is as before');
  },
);

for (const slices of [256, 2048]) {
  t.test(`1000 volcanos on ${slices} slices, each placed behind the one with most slices`, async (t) => {
    const random = seededRandom(slices);
    let projection = alone({ slices, replicas: 3 });
    const loads = (): number[] => {
      const counts = projection.volcanos.map(() => 0);
      for (const { primary } of projection.map) counts[primary]! += 1;
      return counts;
    };
    const members = 1000;
    let joins = 0;
    while (projection.volcanos.length < members) {
      const together = 1 + random.below(20);
      for (let count = 0; count < together && projection.volcanos.length < members; count++) {
        joins += 1;
        const counts = loads();
        projection = withMember(
          projection,
          member(joins),
          giver(projection, (index) => counts[index]!),
        );
        checkMap(projection);
      }
      for (let count = 0; ; count++) {
        const step = nextStep(projection);
        if (step === null) break;
        if (count === together * STEPS_A_JOIN) fail(`the plan does not end: ${JSON.stringify(step)}`);
        projection = applyStep(projection, step);
      }
      checkMap(projection);
      checkQuiet(projection);
    }
    const counts = loads();
    t.equal(counts.filter((count) => count > 0).length, Math.min(slices, members), 'whoever can be is a primary');
    t.strictSame(decodeProjection(encodeProjection(projection)), projection);
    t.throws(() => withMember(projection, member(joins + 1), 0), /1 to 1000 are possible/);
  });
}

t.test(
  "a join: the newcomer mirrors the upper half of its neighbour's run, takes it over, then mirrors move",
  async (t) => {
    let projection = withMember(alone(), member(1), 0);
    const kinds: string[] = [];
    for (let step = nextStep(projection); step !== null; step = nextStep(projection)) {
      kinds.push('range' in step ? `${step.kind} ${step.member} ${step.range.first}+${step.range.count}` : step.kind);
      projection = applyStep(projection, step);
    }
    t.strictSame(kinds, ['fill 1 128+128', 'inSync 1 128+128', 'handOver 1 128+128', 'fill 1 0+128', 'inSync 1 0+128']);
  },
);

t.test('steps that are not legal are refused', async (t) => {
  const upper = { first: 128, count: 128 };
  const two = withMember(alone(), member(1), 0);
  const filling = fill(two, upper, 1);
  const ready = inSync(filling, upper, 1);
  const over = handOver(ready, upper, 1);
  const bad = (name: string, run: () => unknown, message: RegExp) =>
    t.throws(run, { name: 'ProjectionError', message }, name);
  bad('fill twice', () => fill(filling, upper, 1), /that copy already/);
  bad('fill the primary', () => fill(two, upper, 0), /that copy already/);
  bad('in sync without a fill', () => inSync(two, upper, 1), /not being filled/);
  bad('handed over while filling', () => handOver(filling, upper, 1), /not in sync/);
  bad('no slices', () => fill(two, { first: 0, count: 0 }, 1), /no slices/);
  bad('slices that are not there', () => fill(two, { first: 256, count: 1 }, 1), /no slices/);
  bad('nobody', () => fill(two, upper, 7), /no volcano has the index 7/);
  bad('slices of two primaries', () => fill(over, { first: 0, count: 200 }, 1), /same primary/);
  bad('a mirror that is none', () => withoutMirror(two, upper, 1), /not mirrored there/);
  bad('a volcano that holds slices goes', () => withoutMember(over, 1), /v1 still holds slices/);
  bad('a volcano that mirrors goes', () => withoutMember(ready, 1), /v1 still holds slices/);
  const lower = { first: 0, count: 128 };
  const taken = takeOver(inSync(fill(over, lower, 1), lower, 1), lower, 1);
  bad('the arbiter goes', () => withoutMember(withoutMirror(taken, upper, 0), 0), /arbiter is no volcano/);
  bad('the same nickname', () => withMember(two, { ...member(2), nickname: 'v1' }, 0), /nickname v1/);
  bad('the same id', () => withMember(two, { ...member(1), nickname: 'x' }, 0), /two volcanos have the id/);
  bad('serves already', () => serve(two, 0), /serves already/);
  bad('the keeper of the register leaves', () => leave(over, 0), /keeps the register/);
  bad('who joins leaves', () => leave(two, 1), /is joining/);
  const going = leave(over, 1);
  bad('the last one leaves', () => leave({ ...going, arbiter: null }, 0), /no other volcano/);
  bad('leaves twice', () => leave(going, 1), /is leaving/);
  bad('who does not leave stays', () => stay(over, 1), /is not leaving/);
  bad('who leaves goes with slices', () => depart(going, 1), /still holds slices/);
  bad('who does not leave departs', () => depart(over, 1), /is not leaving/);
  bad(
    'runs would cross',
    () =>
      handOver(
        inSync(fill(withMember(over, member(2), 1), { first: 10, count: 5 }, 2), { first: 10, count: 5 }, 2),
        { first: 10, count: 5 },
        2,
      ),
    /contiguous/,
  );
  bad(
    'a network with no room',
    () => firstProjection({ networkId: 'x', networkName: null, replicas: 2, member: member(0) }),
    /network id/,
  );
  bad('two steps at once', () => validStep(two, { ...ready, epoch: two.epoch + 1 }), /not being filled/);
  bad('an epoch left out', () => validStep(two, ready), /does not follow/);
  bad('another network', () => validStep(two, { ...filling, networkId: 'cd'.repeat(16) }), /another kind of change/);
});

/** What those that answer do about those that do not: mirrors are left out, slices are taken over, as far as there is somebody who has them. */
function urgent(projection: Projection, silent: ReadonlySet<number>): Step | null {
  for (const run of runs(projection)) {
    if (silent.has(run.member)) {
      for (const member of projection.volcanos.keys()) {
        const range = silent.has(member) ? null : stretch(projection, run, ({ inSync }) => inSync.includes(member));
        const step: Step | null = range === null ? null : { kind: 'takeOver', member, range };
        if (step !== null && isLegal(projection, step)) return step;
      }
      continue;
    }
    for (const member of silent) {
      const range = stretch(
        projection,
        run,
        ({ inSync, filling }) => inSync.includes(member) || filling.includes(member),
      );
      if (range !== null) return { kind: 'withoutMirror', member, range };
    }
  }
  return null;
}

t.test(
  'Volcanos go silent and come back, while others join: no slice is without an owner that had it, and all ends well',
  async (t) => {
    const seed = chooseSeed();
    t.comment(`seed ${seed}`);
    const join = fc.record({ kind: fc.constant('join' as const), at: fc.nat(), steps: fc.nat() });
    const go = fc.record({ kind: fc.constant('go' as const), at: fc.nat(), steps: fc.integer({ min: 1, max: 12 }) });
    const bury = fc.record({ kind: fc.constant('bury' as const), at: fc.nat(), steps: fc.nat({ max: 8 }) });
    const fall = fc.record({ kind: fc.constant('fall' as const), at: fc.nat(), steps: fc.nat({ max: 8 }) });
    const rise = fc.record({ kind: fc.constant('rise' as const), at: fc.nat(), steps: fc.nat({ max: 8 }) });
    const part = fc.record({ kind: fc.constantFrom('leave' as const, 'stay' as const), at: fc.nat(), steps: fc.nat() });
    const history = fc.array(fc.oneof(join, go, fall, rise, bury, part), { minLength: 4, maxLength: 60, size: 'max' });
    let taken = 0;
    let buried = 0;
    const had = (before: Projection, after: Projection): Projection => {
      if (after.epoch !== before.epoch + 1) fail('the epoch is not the next one');
      checkMap(after);
      validStep(before, after);
      for (let slice = 0; slice < after.slices; slice++) {
        const { id } = after.volcanos[after.map[slice]!.primary]!;
        if (!holders(before, slice).has(id)) fail(`slice ${slice}: its new primary was not in sync`);
      }
      return after;
    };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), history, (replicas, actions) => {
        let projection = alone({ replicas, arbitratedElsewhere: true });
        let silent = new Set<number>();
        let joins = 0;
        const advance = (steps: number): void => {
          for (let count = 0; count < steps; count++) {
            const must = urgent(projection, silent);
            const step = must ?? nextStep(projection, (member) => silent.has(member));
            if (step === null) return;
            if (must?.kind === 'takeOver') taken += 1;
            if (step.kind === 'depart') silent = new Set([...silent].map((one) => (one > step.member ? one - 1 : one)));
            projection = had(projection, applyStep(projection, step));
          }
        };
        for (const { kind, at, steps } of actions) {
          const { length } = projection.volcanos;
          if (kind === 'join' && joins < 8) {
            joins += 1;
            const behind = at % length;
            silent = new Set([...silent].map((member) => (member > behind ? member + 1 : member)));
            projection = had(projection, withMember(projection, member(joins), behind));
            continue;
          }
          if (kind === 'leave' || kind === 'stay') {
            const after = parted(projection, kind, at);
            if (after !== null) projection = had(projection, after);
            continue;
          }
          const gone = [...silent].filter((one) => !holdsAnything(projection, one));
          if (kind === 'bury' && gone.length > 0) {
            const dead = gone[at % gone.length]!;
            silent.delete(dead);
            silent = new Set([...silent].map((one) => (one > dead ? one - 1 : one)));
            projection = had(projection, withoutMember(projection, dead));
            buried += 1;
            continue;
          }
          if (kind === 'fall' && silent.size + 1 < length) silent.add(at % length);
          if (kind === 'rise') silent.delete([...silent][at % Math.max(1, silent.size)] ?? -1);
          advance(steps);
        }
        silent.clear();
        // Those that were to stay may all be dead by now.
        if (projection.volcanos.every(({ state }) => state !== 'serving'))
          projection = had(projection, stay(projection, 0));
        projection = settle(projection, (joins + actions.length + 2) * STEPS_A_JOIN);
        checkQuiet(projection);
      }),
      { seed, numRuns: LONG ? 2000 : 100 },
    );
    t.ok(taken > 50, `slices were taken over ${taken} times`);
    t.ok(buried > 20, `${buried} were declared dead`);
  },
);

t.test('Taking over: by a mirror in sync next to it, whole, and what was filled begins anew', async (t) => {
  const settled = settle(withMember(alone({ replicas: 2 }), member(1), 0), STEPS_A_JOIN);
  const [run] = runs(settled);
  const range = { first: run!.first, count: run!.count };
  const taken = takeOver(settled, range, 1);
  t.strictSame(taken.map[range.first], { primary: 1, inSync: [], filling: [] });
  t.equal(taken.epoch, settled.epoch + 1);
  validStep(settled, taken);
  t.throws(
    () => takeOver(taken, { first: 0, count: 256 }, 0),
    /is not in sync there/,
    'who was left behind has it no more',
  );
  validStep(settled, anew(settled));
  t.throws(
    () => validStep(settled, { ...anew(settled), replicas: 3 }),
    /more than one step/,
    'and nothing else is new',
  );
});
