import type { Logger } from '../../base/logger.ts';
import { FlareError } from '../../flare/errors.ts';
import type { JointPart, JointStore, OperationId } from '../../flare/joint.ts';
import type { Owners } from '../owners.ts';
import { isTransient, type Pace, pause } from '../retry.ts';

/** How often it is looked for operations whose outcome did not arrive, in milliseconds. */
export const ASK_MS = 1_000;
/** What outcomes are brought and asked for with. */
export interface OutcomesParts extends Pace {
  readonly joint: JointStore;
  readonly owners: Owners;
  readonly logger: Logger;
}

/** Brings outcomes to the participants of operations that were decided here, and asks for those of operations that are prepared here. */
export class Outcomes {
  readonly #parts: OutcomesParts;
  readonly #delivering = new Set<string>();
  /** Operations that were prepared when it was last looked. */
  #waiting = new Set<string>();
  #stopped = false;

  constructor(parts: OutcomesParts) {
    this.#parts = parts;
  }

  /** Takes up what a crash has left, and looks from now on every `ASK_MS`. */
  start(): void {
    for (const { operation, participants } of this.#parts.joint.undelivered()) this.deliver(operation, participants);
    this.#watch();
  }

  stop(): void {
    this.#stopped = true;
  }

  #partOf(slice: number): JointPart {
    return this.#parts.owners.isOwn(slice) ? this.#parts.joint : this.#parts.owners.of(slice).joint;
  }

  /** Tells the owners of these slices that the operation was committed, until each has it. */
  deliver(operation: OperationId, participants: readonly number[]): void {
    const name = operation.toString('hex');
    if (this.#delivering.has(name)) return;
    this.#delivering.add(name);
    Promise.all(participants.map((slice) => this.#bring(operation, slice)))
      .then((brought) => {
        if (brought.every(Boolean)) this.#parts.joint.delivered([operation]);
      })
      .catch((error: unknown) => {
        // Such as a failed disk there: it is brought again until whoever goes on has it.
        const level = error instanceof FlareError ? 'warn' : 'error';
        const text = 'the outcome of an operation could not be delivered: tried again';
        this.#parts.logger[level]({ err: error, operation: name }, text);
      })
      .finally(() => this.#delivering.delete(name));
  }

  /** False when it was stopped before. */
  async #bring(operation: OperationId, slice: number): Promise<boolean> {
    for (let tries = 0; !this.#stopped; tries++) {
      try {
        await this.#partOf(slice).resolve(operation, true);
        return true;
      } catch (error) {
        if (!isTransient(error)) throw error;
        await pause(this.#parts, tries);
      }
    }
    return false;
  }

  /** Tells the owners of these slices, once, that the operation does not happen. Who does not hear it will ask. */
  abandon(operation: OperationId, participants: readonly number[]): void {
    for (const slice of participants) {
      Promise.resolve()
        .then(() => this.#partOf(slice).resolve(operation, false))
        .catch(() => {});
    }
  }

  #watch(): void {
    this.#parts.clock.after(ASK_MS, () => {
      if (this.#stopped) return;
      this.#ask().finally(() => this.#watch());
    });
  }

  /** Asks for what was prepared at the last look already. */
  async #ask(): Promise<void> {
    const { joint, logger } = this.#parts;
    const undecided = joint.undecided();
    const before = this.#waiting;
    this.#waiting = new Set(undecided.map(({ operation }) => operation.toString('hex')));
    for (const { operation, participants } of joint.undelivered()) this.deliver(operation, participants);
    const late = undecided.filter(({ operation }) => before.has(operation.toString('hex')));
    await Promise.all(
      late.map(async ({ operation, coordinator }) => {
        try {
          const decision = await this.#partOf(coordinator).decision(operation);
          if (decision !== 'pending') await joint.resolve(operation, decision === 'committed');
        } catch (error) {
          if (isTransient(error)) return;
          const level = error instanceof FlareError ? 'warn' : 'error';
          logger[level]({ err: error }, 'the outcome of an operation could not be asked for: tried again');
        }
      }),
    );
  }
}
