import type { Eventually } from '../base/eventually.ts';
import { UnavailableError } from '../flare/errors.ts';
import type { CallContext } from '../rpc/program.ts';

/** Calls of clients with `bulk` that are worked on at a time, of all of them together. */
export const BULK_CALLS = 4;
/** The most that wait for their turn; who comes then is not answered, and asks again. */
export const BULK_WAITING_MAX = 4096;

/**
 * Turns of clients that can wait: few of their calls are worked on at a time, the others wait, first come, first served. So the calls of others meet a short queue at the disk and in the event loop, whatever
 * these send.
 */
export class Turns {
  readonly #having = new Set<CallContext>();
  /** In the order in which they came. */
  readonly #waiting = new Map<CallContext, () => void>();

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Waits for a turn; nothing to wait for when there is one, or the call has it already. It is kept until `end`. Throws `UnavailableError` when too many wait. */
  take(call: CallContext): Eventually<void> {
    if (this.#having.has(call)) return;
    if (this.#having.size < BULK_CALLS) {
      this.#having.add(call);
      return;
    }
    if (this.#waiting.size >= BULK_WAITING_MAX) throw new UnavailableError('too many calls of bulk clients wait');
    return new Promise((resolve) => this.#waiting.set(call, resolve));
  }

  /** The call is answered: the next one has its turn. Harmless for calls that have none. */
  end(call: CallContext): void {
    if (this.#having.size === 0 || !this.#having.delete(call)) return;
    for (const [next, begin] of this.#waiting) {
      this.#waiting.delete(next);
      this.#having.add(next);
      begin();
      return;
    }
  }
}
