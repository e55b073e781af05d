import type { Logger } from '../../base/logger.ts';
import { raised } from '../projection/steps.ts';
import type { ProjectionStore } from '../projection/store.ts';
import type { MemberId, Projection } from '../projection/types.ts';
import type { Protocols } from '../protocols.ts';
import { isTransient } from '../retry.ts';
import { writesMaps } from './absence.ts';
import { changeMap } from './change-map.ts';
import type { NetworkFigures } from './figures.ts';
import type { RingMap } from './ring-map.ts';

/** What the raising of a network's protocol works with. */
export interface UpgradeParts {
  readonly self: MemberId;
  readonly protocols: Protocols;
  readonly logger: Logger;
  readonly map: RingMap;
  readonly register: ProjectionStore;
  readonly figures: Pick<NetworkFigures, 'of'>;
}

/**
 * Has the network keep to the highest protocol that all its volcanos speak, once each of them has said so. Whoever may write maps does so: with that map all others know. It is never lowered.
 */
export class Upgrade {
  readonly #parts: UpgradeParts;
  #writing = false;
  #stopped = false;

  constructor(parts: UpgradeParts) {
    this.#parts = parts;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** The map has changed, or something was heard of another volcano. */
  settle(): void {
    const { self, protocols, map } = this.#parts;
    const { projection, current } = map;
    if (this.#writing || this.#stopped || projection === null || !current) return;
    if (protocols.most <= projection.protocol || !writesMaps(projection, self) || this.#spoken(projection) === null)
      return;
    this.#writing = true;
    void this.#raise().finally(() => {
      this.#writing = false;
    });
  }

  /** What all speak, if that is more than the network is at. */
  #spoken({ volcanos, protocol }: Projection): number | null {
    const { self, protocols, figures } = this.#parts;
    let lowest = protocols.most;
    for (const { id } of volcanos) if (id !== self) lowest = Math.min(lowest, figures.of(id)?.protocol ?? protocol);
    return lowest > protocol ? lowest : null;
  }

  async #raise(): Promise<void> {
    const { register, map, logger } = this.#parts;
    try {
      const written = await changeMap(
        register,
        (next) => register.write(next),
        (newest) => {
          const spoken = this.#spoken(newest);
          return spoken === null ? null : raised(newest, spoken);
        },
      );
      if (written === null) return;
      const { epoch, protocol } = written.after;
      map.learn(epoch);
      logger.info({ epoch, protocol }, 'all volcanos speak a newer protocol: the network keeps to it from now on');
    } catch (error) {
      // It is tried again with what is heard next.
      if (!isTransient(error) && !this.#stopped)
        logger.warn({ err: error }, 'the protocol of the network cannot be raised');
    }
  }
}
