import type { VirtualTime } from '../../../src/base/virtual-clock.ts';
import type { MemberId, Projection } from '../../../src/dht/projection/types.ts';
import type { SimulatedOperator } from './operator.ts';
import type { WholeCounts } from './whole-counts.ts';

/** The operator looks again after so long, in milliseconds. */
const OPERATOR_MS = 5_000;

/** Deeds of operators, several at a time. */
export class Operators {
  readonly #time: VirtualTime;
  readonly #counts: Pick<WholeCounts, 'moved'>;
  readonly #come: () => SimulatedOperator;
  #operator: SimulatedOperator | null = null;
  /** Deeds that are under way. */
  #deeds = 0;
  /** Of these, takeovers that may be broken off. */
  #mayBreakOff = 0;

  /** `come`: makes the operator, when he is first needed. */
  constructor(time: VirtualTime, counts: Pick<WholeCounts, 'moved'>, come: () => SimulatedOperator) {
    this.#time = time;
    this.#counts = counts;
    this.#come = come;
  }

  /** Some deed is under way. */
  get busy(): boolean {
    return this.#deeds > 0;
  }

  /** `World.takeOver`. */
  takeOver(newest: () => Projection, breaksOff: boolean): void {
    this.#operator ??= this.#come();
    this.#deeds++;
    if (breaksOff) this.#mayBreakOff++;
    const over = (): void => {
      this.#deeds--;
      if (breaksOff) this.#mayBreakOff--;
    };
    void this.#operate(this.#operator, newest, breaksOff).finally(over);
  }

  /** `World.leave`. */
  leave(newest: Projection, member: MemberId, leaves: boolean): void {
    this.#operator ??= this.#come();
    this.#deeds++;
    void this.#operator.leave(newest, member, leaves).finally(() => this.#deeds--);
  }

  /** What was begun is brought to an end by an operator who does it once more until there is no need, and nobody is left who may begin it and break it off. */
  async #operate(operator: SimulatedOperator, newest: () => Projection, breaksOff: boolean): Promise<void> {
    for (;;) {
      const outcome = await operator.takeOver(newest, breaksOff);
      if (outcome === 'moved') this.#counts.moved++;
      if (breaksOff || (outcome === 'not needed' && this.#mayBreakOff === 0)) return;
      await new Promise<void>((resolve) => void this.#time.after(OPERATOR_MS * 1000, resolve));
    }
  }
}
