import type { Event, Id } from './history.ts';
import { textOf } from './history.ts';
import { Model } from './model.ts';

/** What the search for an order of a history's calls found. */
export type Verdict =
  | { readonly kind: 'linearizable'; readonly states: number }
  /** There is no order. `why` shows how far any got. */
  | { readonly kind: 'not'; readonly states: number; readonly why: string }
  /** More states than were to be looked at. */
  | { readonly kind: 'unknown'; readonly states: number };

/** States that are looked at before the search is given up. */
const STATES_MAX = 150_000;

interface Frame {
  readonly model: Model;
  /** Calls that may come next. */
  readonly next: readonly number[];
  at: number;
  /** The call that led here; -1: none. */
  readonly by: number;
}

/**
 * Looks for an order of all calls, each at a moment between its beginning and its answer, in which the model gives the same answers: Wing and Gong's
 * search, which never takes the same set of calls and the same state twice. A call without an answer comes at any later place, or nowhere. Sound and complete: "not" means that there is no such order.
 */
export function linearize(history: readonly Event[], root: Id): Verdict {
  const events = [...history].sort((one, other) => one.invoked - other.invoked);
  const done = new Array<boolean>(events.length).fill(false);
  const wanted = events.filter(({ answer }) => answer !== null).length;
  const seen = new Set<string>();
  let answered = 0;
  /** All answered calls below this are done. */
  let base = 0;
  let best = { count: -1, text: '' };

  const open = (): number[] => {
    let limit = Number.POSITIVE_INFINITY;
    const found: number[] = [];
    for (let at = base; at < events.length && events[at]!.invoked < limit; at++) {
      if (done[at]) continue;
      found.push(at);
      limit = Math.min(limit, events[at]!.answered);
    }
    for (let at = 0; at < base; at++) if (!done[at]) found.push(at);
    return found.filter((at) => events[at]!.invoked < limit);
  };
  /**
   * What may come next. A call that changes nothing and fits now may as well come now: where it fits later, so does what comes between. But a RENAME of one name of a flare to another one of it
   * changes nothing, and with the same answer moves the name later, when the other one has gone.
   */
  const choices = (model: Model): readonly number[] => {
    const all = open();
    const free = all.find((at) => {
      const { call, answer } = events[at]!;
      if (answer === null || (call.kind === 'rename' && answer.refused === undefined)) return false;
      return model.after(call, answer, at) === model;
    });
    return free === undefined ? all : [free];
  };
  const rebase = (): void => {
    while (base < events.length && (done[base] || events[base]!.answer === null)) base++;
  };
  const keyOf = (model: Model): string => {
    let key = `${base}`;
    for (let at = 0; at < events.length; at++) {
      if (at < base ? events[at]!.answer === null && done[at] : done[at]) key += `,${at}`;
    }
    return `${key}|${model.text}`;
  };
  const note = (frame: Frame): void => {
    if (answered <= best.count) return;
    const stuck = frame.next.map((at) => textOf(events[at]!)).join('\n    ');
    best = { count: answered, text: `  state:\n${frame.model.text}\n  none of these fits:\n    ${stuck}` };
  };

  rebase();
  const first = Model.of(root);
  const stack: Frame[] = [{ model: first, next: choices(first), at: 0, by: -1 }];
  while (stack.length > 0) {
    if (answered === wanted) return { kind: 'linearizable', states: seen.size };
    const frame = stack.at(-1)!;
    if (frame.at === frame.next.length) {
      note(frame);
      stack.pop();
      if (frame.by === -1) break;
      done[frame.by] = false;
      if (events[frame.by]!.answer !== null) answered--;
      base = Math.min(base, frame.by);
      rebase();
      continue;
    }
    const at = frame.next[frame.at++]!;
    const { call, answer } = events[at]!;
    const model = frame.model.after(call, answer, at);
    if (model === null) continue;
    done[at] = true;
    if (answer !== null) answered++;
    const before = base;
    rebase();
    const key = keyOf(model);
    if (seen.has(key)) {
      done[at] = false;
      if (answer !== null) answered--;
      base = before;
      continue;
    }
    if (seen.size >= STATES_MAX) return { kind: 'unknown', states: seen.size };
    seen.add(key);
    stack.push({ model, next: choices(model), at: 0, by: at });
  }
  return { kind: 'not', states: seen.size, why: best.text };
}
