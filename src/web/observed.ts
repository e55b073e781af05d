import type { Clock } from '../base/clock.ts';
import { CLIENTS_OBSERVED_MAX, type Observation } from '../dht/observation.ts';
import type { OperatorView } from '../dht/operator-view.ts';
import type { MemberId } from '../dht/projection/types.ts';

/** How long another volcano may take to tell what it sees, in milliseconds: the page waits no longer for it. */
export const OBSERVE_MS = 1_500;
/** The most volcanos that are asked; the others of a larger network tell on pages of their own. */
export const OBSERVED_MAX = 64;

/** What a volcano sees; or why it is not told, and whether it was asked. */
export type Observed = Observation | { readonly problem: string; readonly asked: boolean };

/** Asks all volcanos what they see of their clients, each for a while. One that has not answered yet is not asked again. */
export class Observer {
  readonly #ring: OperatorView;
  readonly #clock: Clock;
  readonly #asked = new Map<MemberId, Promise<Observed>>();

  constructor(ring: OperatorView, clock: Clock) {
    this.#ring = ring;
    this.#clock = clock;
  }

  /** What each sees, by its id. Never rejects. */
  async all(): Promise<ReadonlyMap<MemberId, Observed>> {
    const { volcanos } = this.#ring.projection();
    const own = volcanos.filter(({ id }) => id === this.#ring.self);
    const ids = [...own, ...volcanos.filter(({ id }) => id !== this.#ring.self)].map(({ id }) => id);
    const clients = Math.ceil(CLIENTS_OBSERVED_MAX / Math.min(ids.length, OBSERVED_MAX)) + 20;
    const answers = ids.map(async (id, at): Promise<[MemberId, Observed]> => {
      if (at >= OBSERVED_MAX)
        return [id, { problem: 'in a network this large it tells on its own page only', asked: false }];
      return [id, await this.#one(id, clients)];
    });
    return new Map(await Promise.all(answers));
  }

  async #one(id: MemberId, clients: number): Promise<Observed> {
    const { promise: late, resolve } = Promise.withResolvers<Observed>();
    const timer = this.#clock.after(OBSERVE_MS, () =>
      resolve({ problem: `no answer within ${OBSERVE_MS / 1000} s`, asked: true }),
    );
    const answer = this.#asked.get(id) ?? this.#ask(id, clients);
    try {
      return await Promise.race([answer, late]);
    } finally {
      timer.cancel();
    }
  }

  #ask(id: MemberId, clients: number): Promise<Observed> {
    const answer = (async (): Promise<Observed> => {
      try {
        return await this.#ring.observe(id, { clients, lines: 0 });
      } catch (error) {
        return { problem: error instanceof Error ? error.message : String(error), asked: true };
      } finally {
        this.#asked.delete(id);
      }
    })();
    this.#asked.set(id, answer);
    return answer;
  }
}
