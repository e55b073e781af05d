import type { LocalStore } from '../../flare/store/local-store.ts';
import type { Balancer } from '../balance/balancer.ts';
import type { Outcomes } from '../coordinate/outcomes.ts';
import type { Failover } from '../failover/failover.ts';
import type { Peers } from '../peers.ts';
import type { ProjectionStore } from '../projection/store.ts';
import type { MemberId } from '../projection/types.ts';
import type { Protocols } from '../protocols.ts';
import { Absence } from './absence.ts';
import { Carrier } from './carrier.ts';
import { farewell } from './farewell.ts';
import type { NetworkFigures } from './figures.ts';
import type { RingOptions } from './options.ts';
import type { Replication } from './replication.ts';
import type { RingMap } from './ring-map.ts';
import { Upgrade } from './upgrade.ts';

/** What a volcano's duties are done with. */
export interface DutiesParts {
  readonly options: RingOptions;
  readonly self: MemberId;
  readonly store: LocalStore;
  readonly protocols: Protocols;
  readonly map: RingMap;
  readonly projections: ProjectionStore;
  readonly peers: Peers;
  readonly failover: Failover;
  readonly figures: NetworkFigures;
  readonly outcomes: Outcomes;
  /** Null: it takes no part in it. */
  readonly balance: Balancer | null;
  /** Which slices may be served has changed. */
  readonly settleServed: () => void;
}

/** What a volcano does unasked as long as it is one of its network and its map has been read: keeps mirrors, carries out the plan, counts absences, has the network's protocol raised. */
export class Duties {
  readonly #parts: DutiesParts;
  /** By a map of that epoch. */
  #taken = 0;
  readonly replication: Replication;
  readonly carrier: Carrier;
  readonly upgrade: Upgrade;
  readonly #absence: Absence | null;

  constructor(parts: DutiesParts) {
    this.#parts = parts;
    const { options, self, store, protocols, map, projections, peers, failover, figures, balance } = parts;
    const { clock, random, logger, replication, deadAfterMs } = options;
    this.replication = replication({
      ...{ self, store, clock, random, logger, peers },
      silent: (member) => failover.isSilent(member),
      changed: () => {
        parts.settleServed();
        this.carrier.settle();
      },
    });
    this.carrier = new Carrier({
      ...{ self, clock, random, logger, map, projections, failover, balance },
      replication: this.replication,
      hint: (member) => void figures.tell(member),
    });
    const leaving = { self, register: projections, peers, clock, logger };
    this.#absence =
      deadAfterMs === undefined
        ? null
        : new Absence({
            ...{ self, clock, logger, deadAfterMs, map, figures },
            farewell: (member) => farewell(leaving, member),
          });
    this.upgrade = new Upgrade({ self, logger, map, figures, protocols, register: projections });
  }

  /** Has replication go by the map, when that is newer than the last one. */
  take(): void {
    const { epoch, projection } = this.#parts.map;
    if (epoch <= this.#taken) return;
    this.#taken = epoch;
    this.replication.update(projection!);
  }

  start(): void {
    const { outcomes, figures, balance } = this.#parts;
    this.carrier.start();
    outcomes.start();
    figures.start();
    balance?.start();
    this.#absence?.start();
    this.upgrade.settle();
  }

  /** Begins nothing any more; replication is for `close`. */
  stop(): void {
    this.carrier.stop();
    this.#absence?.stop();
    this.upgrade.stop();
  }
}
