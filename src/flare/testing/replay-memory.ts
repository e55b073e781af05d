import type { Clock } from '../../base/clock.ts';
import { FlareError } from '../errors.ts';
import type { Attributes, Caller } from '../types.ts';

/** How many outcomes are remembered; the oldest go first. */
export const REPLAYS_MAX = 10_000;
/** How long an outcome is remembered, in milliseconds: a client that starts again may use its xids again (quirk 15). */
export const REPLAY_MS = 120_000;

type Outcome = { readonly at: number } & ({ readonly value: unknown } | { readonly error: FlareError });

/** Answers a change that was asked before as it was answered first, refusals too. */
export class ReplayMemory {
  readonly #outcomes = new Map<string, Outcome>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The first answer, null where there is nothing in it; undefined when none is remembered. A refusal is thrown. */
  recall(replay: string): Attributes | null | undefined {
    const known = this.#find(replay);
    return known === undefined ? undefined : ((outcomeOf(known) ?? null) as Attributes | null);
  }

  once<T>(caller: Caller, run: () => T): T {
    if (caller.replay === undefined) return run();
    const known = this.#find(caller.replay);
    if (known !== undefined) return outcomeOf(known) as T;
    try {
      const value = run();
      this.#keep(caller.replay, { at: this.#clock.monotonic(), value });
      return value;
    } catch (error) {
      if (error instanceof FlareError) this.#keep(caller.replay, { at: this.#clock.monotonic(), error });
      throw error;
    }
  }

  #find(replay: string): Outcome | undefined {
    const known = this.#outcomes.get(replay);
    return known !== undefined && this.#clock.monotonic() - known.at <= REPLAY_MS ? known : undefined;
  }

  #keep(replay: string, outcome: Outcome): void {
    this.#outcomes.delete(replay);
    this.#outcomes.set(replay, outcome);
    if (this.#outcomes.size > REPLAYS_MAX) this.#outcomes.delete(this.#outcomes.keys().next().value!);
  }
}

function outcomeOf(outcome: Outcome): unknown {
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}
