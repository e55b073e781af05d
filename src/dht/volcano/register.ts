import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Random } from '../../base/random.ts';
import { BusyError } from '../../flare/joint.ts';
import type { NoteStore } from '../../flare/service.ts';
import { RetryError } from '../owners.ts';
import type { Peers } from '../peers.ts';
import type { Standing } from '../programs/node/handlers.ts';
import { DeniedError } from '../programs/result.ts';
import { electors, generationOf, movedRegister, witnessesOf } from '../projection/generation.ts';
import type { OwnProjectionStore } from '../projection/own-store.ts';
import { indexOf, memberOf } from '../projection/queries.ts';
import type { ProjectionStore } from '../projection/store.ts';
import type { MemberId, Projection } from '../projection/types.ts';
import { RemoteProjectionStore } from '../remote-projection-store.ts';
import { answers } from './farewell.ts';
import { keepPromise, loadPromise, type RegisterPromise } from './promise.ts';
import type { RingMap } from './ring-map.ts';

/** So many other volcanos are asked at a time whether they know of another register. */
const ASKED_MAX = 4;

/** What the register works with. */
export interface RegisterParts {
  readonly self: MemberId;
  readonly notes: NoteStore;
  /** What is kept here, be it in use or not. */
  readonly own: OwnProjectionStore;
  readonly peers: Peers;
  readonly map: () => RingMap;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/**
 * The register of the maps where a volcano keeps it: this one, or another one, and not always the same (docs/ring-failover.md, "Takeover"). Who keeps it is what the newest map says that is known here, unless a newer
 * one was promised to an operator.
 */
export class Register implements ProjectionStore {
  readonly #parts: RegisterParts;
  readonly #remote: RemoteProjectionStore;
  readonly #follows = new Set<() => void>();
  #promise: RegisterPromise | null;
  /** It has been heard, in this life, that the register here is still the network's. */
  #confirmed = false;

  constructor(parts: RegisterParts) {
    const { notes, clock, random, map } = parts;
    this.#parts = parts;
    this.#promise = loadPromise(notes);
    this.#remote = new RemoteProjectionStore({
      arbiter: () => this.#keeperNode(),
      known: () => map().projection,
      ...{ clock, random },
    });
  }

  /** The epoch that was promised to be waited for; 0: none. */
  get promised(): number {
    return this.#pending()?.epoch ?? 0;
  }

  /** The register, when it is kept here and may be used. `BusyError` when that is not known yet, `DeniedError` when it is kept elsewhere. */
  get kept(): OwnProjectionStore {
    const { own, map } = this.#parts;
    if (this.#keeper() !== this.#parts.self) throw new DeniedError('the maps of this network are not kept here');
    if (!this.#confirmed || this.#pending() !== null || map().heard > (own.known?.epoch ?? 0)) throw new BusyError();
    return own;
  }

  /** As `kept`; null when it is not to be used now. */
  get keptOrNull(): OwnProjectionStore | null {
    try {
      return this.kept;
    } catch {
      return null;
    }
  }

  /** The network begins with this volcano: there is nobody who could know of another register. */
  begin(): OwnProjectionStore {
    this.#confirmed = true;
    return this.#parts.own;
  }

  async newest(): Promise<Projection | null> {
    const { own, self, map } = this.#parts;
    if (this.#keeper() !== self) {
      let found: Projection | null;
      try {
        found = await this.#remote.newest();
      } catch (error) {
        await this.#lookAround();
        throw error;
      }
      if (found !== null && found.epoch < map().heard) await this.#lookAround();
      return found;
    }
    if (this.#pending() !== null) {
      await this.#lookAround();
      throw new RetryError('a takeover was begun and has not ended. Cure: magma takeover, once more');
    }
    if (!this.#confirmed) await this.#confirm();
    const newest = await own.newest();
    if (newest !== null && newest.epoch < map().heard) await this.#lookAround();
    return newest;
  }

  async write(projection: Projection): Promise<'written' | 'taken'> {
    return this.#keeper() === this.#parts.self ? this.kept.write(projection) : this.#remote.write(projection);
  }

  async force(projection: Projection): Promise<'written' | 'taken'> {
    return this.kept.force(projection);
  }

  watch(changed: (projection: Projection) => void): () => void {
    const stopOwn = this.#parts.own.watch(changed);
    let stopRemote: (() => void) | null = null;
    const follow = (): void => {
      if (this.#keeper() !== this.#parts.self) stopRemote ??= this.#remote.watch(changed);
      else {
        stopRemote?.();
        stopRemote = null;
      }
    };
    this.#follows.add(follow);
    follow();
    return () => {
      this.#follows.delete(follow);
      stopOwn();
      stopRemote?.();
    };
  }

  /** The map has changed. */
  settle(): void {
    if (this.#promise !== null && this.#pending() === null) {
      this.#promise = null;
      // What cannot be removed is found out of date again.
      keepPromise(this.#parts.notes, null).catch(() => {});
    }
    for (const follow of this.#follows) follow();
  }

  /** How this volcano stands to the register, for who would move it. */
  async standing(look: boolean): Promise<Standing> {
    const { map } = this.#parts;
    const keeper = map().projection?.arbiter ?? null;
    const reaches = look ? keeper !== null && (await this.#isThere(keeper)) : this.keptOrNull !== null;
    return { epoch: map().epoch, heard: map().heard, current: map().current, promised: this.promised, reaches };
  }

  /**
   * The operator moves the register to `candidate`: from now on, and after a restart too, this volcano goes by no map below that epoch. Returns the newest that it knows. `DeniedError` when
   * there is no need, or something newer was promised.
   */
  async promise(promise: RegisterPromise): Promise<Projection> {
    const { map, notes, logger } = this.#parts;
    const keeper = this.#agreeable(promise);
    if (this.#pending() === null && promise.candidate !== keeper) {
      const reached = await this.#isThere(keeper);
      const { nickname } = memberOf(map().projection!, keeper)!;
      if (reached)
        throw new DeniedError(`${nickname}, which keeps the register, is there: nothing is to be taken over`);
      // Somebody else may have been promised something meanwhile.
      this.#agreeable(promise);
    }
    const { epoch } = promise;
    this.#promise = promise;
    // From here on nothing is served, or granted, by the old register's maps, and nothing older is promised.
    map().learn(epoch);
    this.settle();
    await keepPromise(notes, promise);
    logger.warn(
      { epoch },
      'the register of the maps is being moved by an operator: nothing is served until that is done',
    );
    return map().projection!;
  }

  /** Who keeps the register now, when that can be promised; throws `DeniedError` when it cannot. */
  #agreeable({ epoch, candidate }: RegisterPromise): MemberId {
    const { map } = this.#parts;
    const { projection } = map();
    if (projection === null || projection.arbiter === null)
      throw new DeniedError('no register to be moved is known here');
    if (memberOf(projection, candidate) === null)
      throw new DeniedError('who is to keep the register is not known here');
    const pending = this.#pending();
    const same = pending?.epoch === epoch && pending.candidate === candidate;
    if (!same && (epoch <= map().heard || generationOf(epoch) <= generationOf(projection.epoch)))
      throw new DeniedError(`epoch ${map().heard} was heard of here, and ${epoch} is not after that`);
    return projection.arbiter;
  }

  /** The register is moved here, with that map. `DeniedError` when it was not promised so. */
  async crown(projection: Projection): Promise<void> {
    const { self, own, map, logger } = this.#parts;
    if (own.known?.epoch === projection.epoch) return;
    const pending = this.#pending();
    if (pending?.epoch !== projection.epoch || pending.candidate !== self || projection.arbiter !== self)
      throw new DeniedError('that was not promised to this volcano. Cure: magma takeover, once more');
    const before = map().projection!;
    if (before.networkId !== projection.networkId) throw new DeniedError('a map of another network');
    // Sound by itself, and of a later generation than what is known here.
    movedRegister(before, self, projection.epoch);
    if ((await own.begin(projection)) === 'taken') throw new BusyError();
    this.#confirmed = true;
    map().know(projection);
    this.settle();
    logger.warn({ epoch: projection.epoch }, 'this volcano keeps the register of the maps from now on');
  }

  /** Whether that volcano answers, and may use the register that it keeps. */
  async #isThere(keeper: MemberId): Promise<boolean> {
    const { self, peers } = this.#parts;
    if (keeper === self) return this.keptOrNull !== null;
    let reaches = false;
    await answers(this.#parts, async () => {
      reaches = (await peers.peer(keeper).node.standing(false)).reaches;
    });
    return reaches;
  }

  #pending(): RegisterPromise | null {
    const promise = this.#promise;
    return promise !== null && promise.epoch > this.#parts.map().epoch ? promise : null;
  }

  #keeper(): MemberId | null {
    return this.#pending()?.candidate ?? this.#parts.map().projection?.arbiter ?? null;
  }

  #keeperNode() {
    const keeper = this.#keeper();
    if (keeper === null || keeper === this.#parts.self) throw new RetryError('it is not known who keeps the register');
    return this.#parts.peers.peer(keeper).node;
  }

  /** Resolves when so many others were heard that one of them would know if the register had been moved while this volcano was away. Rejects with `RetryError` when they were not. */
  async #confirm(): Promise<void> {
    const { own, peers, map } = this.#parts;
    const projection = own.known;
    if (projection === null) return;
    const asked = electors(projection);
    const needed = witnessesOf(asked.length);
    let heard = 0;
    await Promise.all(
      asked.map(async (id) => {
        try {
          const { heard: epoch, promised } = await peers.peer(id).node.standing(false);
          // Within one register nobody knows more than who keeps it, unless that has an older copy of it.
          if (Math.max(epoch, promised) <= projection.epoch) heard += 1;
          else map().learn(Math.max(epoch, promised));
        } catch {
          // Who does not answer says nothing.
        }
      }),
    );
    if (map().heard > projection.epoch) {
      await this.#lookAround();
      throw new RetryError(
        'others know newer maps than the register here: it has been moved while this volcano was away, or this is an older copy of its disk',
      );
    }
    if (heard < needed) {
      const names = asked.map((id) => memberOf(projection, id)!.nickname).join(', ');
      throw new RetryError(
        `${needed} of ${names} must be heard first: the register may have been moved there while this volcano was away. Cure: start them; or, if nobody has moved it: magma takeover`,
      );
    }
    this.#confirmed = true;
  }

  /** Asks some others whether they know a map of a later register. */
  async #lookAround(): Promise<void> {
    const { self, map, peers, random } = this.#parts;
    const { projection, epoch } = map();
    if (projection === null) return;
    const others = projection.volcanos.map(({ id }) => id).filter((id) => id !== self);
    const first = random.below(Math.max(1, others.length));
    const asked = [...others.slice(first), ...others.slice(0, first)].slice(0, ASKED_MAX);
    const known = await Promise.all(
      asked.map((id) =>
        peers
          .peer(id)
          .node.known()
          .catch(() => null),
      ),
    );
    for (const found of known) {
      if (found === null || found.networkId !== projection.networkId) continue;
      if (generationOf(found.epoch) > generationOf(epoch) && indexOf(found, found.arbiter ?? '') !== -1)
        map().know(found);
    }
  }
}
