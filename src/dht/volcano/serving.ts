import { BusyError } from '../../flare/joint.ts';
import { SLICES, sliceOf } from '../../flare/keys.ts';
import type { LocalStore } from '../../flare/store/local-store.ts';
import type { Key } from '../../flare/types.ts';
import type { Failover } from '../failover/failover.ts';
import type { Owner, Owners } from '../owners.ts';
import type { Peers } from '../peers.ts';
import type { Admission } from '../programs/result.ts';
import { indexOf } from '../projection/queries.ts';
import type { MemberId } from '../projection/types.ts';
import type { Replication } from './replication.ts';
import type { RingMap } from './ring-map.ts';

/** What decides who answers for what. */
export interface ServingParts {
  readonly self: MemberId;
  readonly store: LocalStore;
  readonly map: RingMap;
  readonly peers: Peers;
  readonly failover: Pick<Failover, 'holds' | 'isFresh'>;
}

/**
 * Which slices this volcano answers for: those whose primary it is by a map that is current, as far as replication lets it. And where the others are.
 */
export class Serving implements Owners {
  readonly #parts: ServingParts;
  readonly #served = new Uint8Array(SLICES);
  #replication: Replication | null = null;
  /** By the newest map; who is none answers for nothing, and asks nobody. */
  #isMember = true;

  constructor(parts: ServingParts) {
    this.#parts = parts;
    this.settle();
  }

  /** Before this nothing is served. */
  begin(replication: Replication): void {
    this.#replication = replication;
    this.settle();
  }

  /** Looks again at what is served; to be called whenever the map or replication has changed. */
  settle(): void {
    const { map, store, self, failover } = this.#parts;
    const replication = this.#replication;
    const { projection } = map;
    const able = projection !== null && map.current && replication !== null && failover.isFresh(projection);
    const own = able ? indexOf(projection, self) : -1;
    this.#isMember = projection === null || indexOf(projection, self) !== -1;
    let count = 0;
    for (let slice = 0; slice < SLICES; slice++) {
      const mine = own !== -1 && projection!.map[slice]?.primary === own && replication!.mayServe(slice);
      this.#served[slice] = mine ? 1 : 0;
      if (mine) count += 1;
    }
    store.serve(count === SLICES ? null : (slice) => this.#served[slice] === 1);
  }

  /** Whether the slice is this volcano's to answer for, be it that it may not do so at the moment. */
  isMine(slice: number): boolean {
    return this.#served[slice] === 1;
  }

  /** As of this moment: what is answered for the slice is the newest, and nobody else answers for it. */
  isOwn(slice: number): boolean {
    return this.#served[slice] === 1 && this.#parts.failover.holds(slice);
  }

  /** Why not all slices are served of which this volcano is to be the primary, in words; null: they are. */
  unready(): string | null {
    const { map, store, self, failover } = this.#parts;
    const { projection } = map;
    if (!store.replica.sound) return 'its log has failed';
    if (projection === null || !map.current) return 'its map is not current: who keeps the maps does not answer';
    if (!this.#isMember) return 'it is no volcano of its network any more';
    const own = indexOf(projection, self);
    let unserved = 0;
    for (const [slice, { primary }] of projection.map.entries()) {
      if (primary !== own) continue;
      if (this.#served[slice] === 0) unserved += 1;
      else if (!failover.holds(slice)) return 'it has no lease: a mirror of its slices does not answer';
    }
    return unserved === 0 ? null : `${unserved} of its slices are not served: it waits for their mirrors`;
  }

  /** `BusyError` while the map is not current, or when the slice is this volcano's and is not served now. */
  of(slice: number): Owner {
    const { map, peers, self } = this.#parts;
    if (!map.current) throw new BusyError(map.whenCurrent());
    if (!this.#isMember) throw new BusyError();
    const { volcanos, map: assignments } = map.projection!;
    if (volcanos[assignments[slice]!.primary]!.id === self) throw new BusyError();
    return peers.of(slice);
  }

  /** Whether a volcano's call is served that was made by a map of that epoch. */
  admit(epoch: number): Admission {
    const { map } = this.#parts;
    if (epoch > map.epoch) map.learn(epoch);
    if (!map.current) return 'busy';
    return epoch < map.epoch ? { refresh: map.epoch } : 'serve';
  }

  /** Whether the call is served that was made by a map of that epoch, of the owner of that key. */
  admitKey(epoch: number, key: Key): Admission {
    const admitted = this.admit(epoch);
    return admitted === 'serve' ? this.#owned(key) : admitted;
  }

  /** As `admitKey`, of somebody who is no volcano: what he says of the map is a reason to look, and no more. */
  admitClient(epoch: number, key: Key): Admission {
    const { map } = this.#parts;
    if (epoch > map.epoch) map.look();
    if (!map.current || epoch > map.epoch) return 'busy';
    return epoch < map.epoch ? { refresh: map.epoch } : this.#owned(key);
  }

  #owned(key: Key): Admission {
    const slice = sliceOf(key);
    if (this.isOwn(slice)) return 'serve';
    const { projection, epoch } = this.#parts.map;
    const primary = projection!.volcanos[projection!.map[slice]!.primary]!;
    return primary.id === this.#parts.self ? 'busy' : { refresh: epoch };
  }
}
