import type { ProcedureState, State } from '../api.ts';

/** How much of the past the graphs show, in milliseconds. */
export const WINDOW_MS = 5 * 60_000;
/** States further apart than this have a gap between them: nobody knows what was in it. In milliseconds. */
export const GAP_MS = 7000;
/** The most steps that are kept, however close they come. */
export const STEPS_MAX = 600;
/** A state that tells of so many procedures has left out some: who is new in it may have been called long before. */
export const TOLD_MAX = 1024;

/** What was called of one procedure between two states. */
export interface Calls {
  readonly calls: number;
  readonly buckets: readonly number[];
}

/** From one state to the next. */
export interface Step {
  /** By the clock of the volcano that answers, in milliseconds. */
  readonly from: number;
  readonly to: number;
  /** By volcano, then by procedure; who was not told of in both states is not in it. Null: too long a time, or somebody began to count anew. */
  readonly volcanos: ReadonlyMap<string, ReadonlyMap<string, Calls> | null>;
  /** The states were too far apart. */
  readonly gap: boolean;
}

/** By volcano that tells, then by procedure: only what was ever called is told. */
type Counted = ReadonlyMap<string, ReadonlyMap<string, ProcedureState>>;

/** The name of a procedure over all volcanos: `nfs GETATTR`; its version where it is not 2 of nfs. */
export function procedureName({ program, version, procedure }: ProcedureState): string {
  if (program === 'nfs' && version === 2) return procedure;
  return `${program} ${procedure}`;
}

/** Remembers what was called between states, for as long as the graphs show. Counters that go back have begun anew: no negative numbers come of them, but an unknown step. */
export class CallHistory {
  #steps: Step[] = [];
  #before: { readonly time: number; readonly counted: Counted } | null = null;

  /** Oldest first. */
  get steps(): readonly Step[] {
    return this.#steps;
  }

  /** Takes the next state. One that is not later than the one before begins a new history when it is earlier, and is nothing new when it is the same. */
  add(state: Pick<State, 'now' | 'procedures' | 'volcanos'>): void {
    const counted = byVolcano(state);
    const whole = state.procedures.length < TOLD_MAX;
    const before = this.#before;
    if (before !== null && state.now === before.time) return;
    this.#before = { time: state.now, counted };
    if (before === null) return;
    if (state.now < before.time) {
      this.#steps = [];
      return;
    }
    const gap = state.now - before.time > GAP_MS;
    const volcanos = new Map<string, ReadonlyMap<string, Calls> | null>();
    if (!gap)
      for (const [volcano, now] of counted) {
        const then = before.counted.get(volcano);
        if (then !== undefined) volcanos.set(volcano, difference(then, now, whole));
      }
    this.#steps.push({ from: before.time, to: state.now, volcanos, gap });
    const oldest = state.now - WINDOW_MS;
    this.#steps = this.#steps.filter(({ to }) => to >= oldest).slice(-STEPS_MAX);
  }
}

/** The calls of a step by procedure, of one volcano or of all (null); null when they are not known. */
export function callsOf(step: Step, volcano: string | null): ReadonlyMap<string, Calls> | null {
  if (volcano !== null) return step.volcanos.get(volcano) ?? null;
  if (step.gap || step.volcanos.size === 0) return null;
  const all = new Map<string, Calls>();
  for (const one of step.volcanos.values()) {
    if (one === null) return null;
    for (const [name, calls] of one) all.set(name, added(all.get(name), calls));
  }
  return all;
}

/** Two counts of the same procedure together. */
export function added(one: Calls | undefined, other: Calls): Calls {
  if (one === undefined) return other;
  return {
    calls: one.calls + other.calls,
    buckets: other.buckets.map((count, index) => count + (one.buckets[index] ?? 0)),
  };
}

function byVolcano({ procedures, volcanos }: Pick<State, 'procedures' | 'volcanos'>): Counted {
  const all = new Map<string, Map<string, ProcedureState>>();
  for (const { nickname, problem } of volcanos) if (problem === null) all.set(nickname, new Map());
  for (const procedure of procedures)
    all.get(procedure.volcano)?.set(`${procedureName(procedure)}\n${procedure.version}`, procedure);
  return all;
}

/** `whole`: no procedure was left out, so one that is new was first called just now. */
function difference(
  then: ReadonlyMap<string, ProcedureState>,
  now: ReadonlyMap<string, ProcedureState>,
  whole: boolean,
): ReadonlyMap<string, Calls> | null {
  if (now.size === 0 && then.size > 0) return null;
  const calls = new Map<string, Calls>();
  for (const [key, figures] of now) {
    const before = then.get(key);
    if (before === undefined && !whole) continue;
    const fresh = figures.calls - (before?.calls ?? 0);
    const buckets = figures.buckets.map((count, index) => count - (before?.buckets[index] ?? 0));
    if (fresh < 0 || buckets.some((count) => count < 0)) return null;
    const name = procedureName(figures);
    if (fresh > 0) calls.set(name, added(calls.get(name), { calls: fresh, buckets }));
  }
  return calls;
}
