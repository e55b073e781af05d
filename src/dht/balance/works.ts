import type { Clock } from '../../base/clock.ts';
import type { Peers } from '../peers.ts';
import { indexOf } from '../projection/queries.ts';
import { LARGE, type MemberId } from '../projection/types.ts';
import { HEARD_SECONDS, HEARD_SECONDS_LARGE } from '../state-text.ts';
import { distances } from '../volcano/figures.ts';
import type { RingMap } from '../volcano/ring-map.ts';
import { WORKS_MAX, type Work, type WorkHeard } from './work.ts';

/** No age is told that is greater, in milliseconds. */
const AGE_MAX_MS = 2 ** 32 - 1;

/** What the exchange works with. */
export interface WorksParts {
  readonly self: MemberId;
  readonly clock: Clock;
  readonly map: Pick<RingMap, 'projection'>;
  readonly peers: Pick<Peers, 'peer'>;
  /** This volcano's, as of now. */
  readonly own: () => Work;
}

/** What is known of the work of each volcano: told now and then, in a large network by way of others, as figures are. */
export class Works {
  readonly #parts: WorksParts;
  readonly #others = new Map<MemberId, { readonly work: Work; readonly since: number }>();
  /** Where in `#others` the next exchange begins. */
  #turn = 0;

  constructor(parts: WorksParts) {
    this.#parts = parts;
  }

  /** The last that is known of a volcano; null when nothing is, or nothing of late. */
  of(id: MemberId): Work | null {
    const { self, clock, own, map } = this.#parts;
    if (id === self) return own();
    const known = this.#others.get(id);
    if (known === undefined) return null;
    const large = (map.projection?.volcanos.length ?? 0) >= LARGE;
    const seconds = large ? HEARD_SECONDS_LARGE : HEARD_SECONDS;
    return clock.monotonic() - known.since > seconds * 1000 ? null : known.work;
  }

  /** The own, and some of which it was heard, round and round. */
  tells(): WorkHeard[] {
    const { self, own, clock } = this.#parts;
    const all = [...this.#others];
    const count = Math.min(WORKS_MAX - 1, all.length);
    const now = clock.monotonic();
    const heard = Array.from({ length: count }, (_, at) => all[(this.#turn + at) % all.length]!);
    this.#turn += count;
    return [
      { id: self, ageMs: 0, work: own() },
      ...heard.map(([id, { work, since }]) => ({ id, ageMs: Math.min(Math.ceil(now - since), AGE_MAX_MS), work })),
    ];
  }

  /** What another one tells. What is older than what is known is ignored, and so is who is no member. */
  told(works: readonly WorkHeard[]): void {
    const { self, clock, map } = this.#parts;
    const { projection } = map;
    if (projection === null) return;
    for (const { id, ageMs, work } of works) {
      const since = clock.monotonic() - ageMs;
      if (id === self || indexOf(projection, id) === -1 || since < (this.#others.get(id)?.since ?? since)) continue;
      this.#others.set(id, { work, since });
    }
  }

  /** Tells those whose turn it is, and is told. Who does not answer is asked again the next time. */
  exchange(): void {
    const { self, map, peers } = this.#parts;
    const { projection } = map;
    if (projection === null) return;
    for (const id of this.#others.keys()) if (indexOf(projection, id) === -1) this.#others.delete(id);
    const { volcanos } = projection;
    const at = indexOf(projection, self);
    for (const distance of at === -1 ? [] : distances(volcanos.length)) {
      const { id } = volcanos[(at + distance) % volcanos.length]!;
      const asked = async (): Promise<void> => this.told(await peers.peer(id).node.work(this.tells()));
      asked().catch(() => {});
    }
  }
}
