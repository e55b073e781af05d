import { applyStep, nextStep } from '../../projection/plan.ts';
import { runOf, runs, slicesOf } from '../../projection/queries.ts';
import type { Projection } from '../../projection/types.ts';
import { validate } from '../../projection/validate.ts';
import { alone, member } from '../../testing/members.ts';
import { burdenOf, decide, type Move, type Rules, type Share, type Situation } from '../decide.ts';

/** A network whose slices have loads that stay as they are, as moves go over its map. */
export interface Model {
  projection: Projection;
  readonly weights: readonly number[];
  /** By slice. */
  readonly work: readonly number[];
}

/** A map in which volcano `n` has the nth of the runs of so many slices, mirrored as the plan wants it; the counts make 256. */
export function mapOf(counts: readonly number[], replicas = 2): Projection {
  const first = alone({ replicas });
  const map = counts.flatMap((count, primary) =>
    Array.from({ length: count }, () => ({ primary, inSync: [], filling: [] })),
  );
  const volcanos = counts.map((_, at) => ({ ...member(at), state: 'serving' as const }));
  const made = { ...first, volcanos, map };
  validate(made);
  return quiet(made);
}

/** The map when all is done that the plan wants. */
export function quiet(projection: Projection): Projection {
  let after = projection;
  for (let step = nextStep(after); step !== null; step = nextStep(after)) after = applyStep(after, step);
  return after;
}

/** The map when a move has been made: mirrored there, served there, and then as the plan wants it. */
export function moved(projection: Projection, { range, to }: Move): Projection {
  const step = { member: to, range };
  const has = projection.map[range.first]!.inSync.includes(to);
  const copied = has
    ? projection
    : applyStep(applyStep(projection, { kind: 'fill', ...step }), { kind: 'inSync', ...step });
  return quiet(applyStep(copied, { kind: 'handOver', ...step }));
}

/** The work of each volcano. */
export function workOf({ projection, work }: Pick<Model, 'projection' | 'work'>): number[] {
  const sums = projection.volcanos.map(() => 0);
  for (const run of runs(projection)) for (const slice of slicesOf(projection, run)) sums[run.member]! += work[slice]!;
  return sums;
}

/** What each volcano does, as a share of what its weight gives it: 1 when all is as it should be. */
export function ratios(model: Model): number[] {
  const sums = workOf(model);
  const total = sums.reduce((sum, one) => sum + one, 0);
  const weight = model.weights.reduce((sum, one) => sum + one, 0);
  return sums.map((one, at) => (one * weight) / (model.weights[at]! * total));
}

/** What all try to make smaller: the sum of work² by weight. */
export function potential(model: Model): number {
  return workOf(model).reduce((sum, one, at) => sum + (one * one) / model.weights[at]!, 0);
}

/** How a volcano of the model sees it; `more`: what is otherwise. */
export function situation(model: Model, self: number, more: Partial<Situation> = {}): Situation {
  const shares = model.weights.map((weight, at): Share => {
    const run = runOf(model.projection, at);
    const burden = burdenOf(
      [...slicesOf(model.projection, run ?? { first: 0, count: 0 })],
      (slice) => model.work[slice]!,
    );
    return { weight, ...burden, capacityBytes: 100, availableBytes: 90, settled: true };
  });
  return {
    ...{ projection: model.projection, self, shares },
    silent: () => false,
    workOf: (slice) => model.work[slice]!,
    bytesOf: () => 0,
    ...more,
  };
}

/** The first move that one of the volcanos wants, asked in that order. */
export function firstMove(
  model: Model,
  order: readonly number[],
  rules?: Rules,
): { readonly self: number; readonly move: Move } | null {
  for (const self of order) {
    const decision = decide(situation(model, self), rules);
    if ('move' in decision) return { self, move: decision.move };
  }
  return null;
}
