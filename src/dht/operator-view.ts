import type { Eventually } from '../base/eventually.ts';
import type { LocalStore } from '../flare/store/local-store.ts';
import type { HeldPage } from '../flare/store/locks/keeper.ts';
import type { Observation, Observing } from './observation.ts';
import type { Peers } from './peers.ts';
import type { SliceDigest } from './programs/node/handlers.ts';
import type { MemberId, Projection } from './projection/types.ts';
import type { KnownFigures } from './state-text.ts';
import type { NetworkFigures } from './volcano/figures.ts';
import { digestOf } from './volcano/slice-digest.ts';

/** The network as one of its volcanos shows it to an operator. */
export interface OperatorView {
  readonly self: MemberId;
  /** The newest map that is known. */
  projection(): Projection;
  /** What was last heard of a volcano, without asking; null: nothing yet. */
  figures(member: MemberId): KnownFigures | null;
  /** Locks of slices that a volcano serves: `LockKeeper.held`. Rejects when it does not answer. */
  held(member: MemberId, from: string): Eventually<HeldPage>;
  /** Ends all that a holder has locked of slices that a volcano serves: `LockKeeper.releaseHolder`. Rejects when it does not answer. */
  releaseHolder(member: MemberId, holder: string): Eventually<number>;
  /** What a volcano holds of a slice: `NodeHandlers.digest`. Rejects when it does not answer. */
  digest(member: MemberId, slice: number): Promise<SliceDigest>;
  /** What a volcano sees of its clients, and serves. Rejects when it does not answer. */
  observe(member: MemberId, ask: Observing): Eventually<Observation>;
  /** Why this volcano does not serve all that it should at this moment, in words; null: it does. */
  unready(): string | null;
}

/** What a view is made of. */
export interface ViewParts {
  readonly self: MemberId;
  readonly store: LocalStore;
  readonly map: { readonly projection: Projection | null };
  readonly peers: Peers;
  readonly figures: NetworkFigures;
  /** What this volcano sees. */
  readonly observe: (ask: Observing) => Observation;
  readonly serving: { unready(): string | null };
}

/** The view of one volcano of a ring. */
export function operatorView({ self, store, map, peers, figures, observe, serving }: ViewParts): OperatorView {
  return {
    self,
    projection: () => map.projection!,
    figures: (member) => figures.known(member),
    held: (member, from) => (member === self ? store.locks.held(from) : peers.peer(member).node.held(from)),
    releaseHolder: (member, holder) =>
      member === self ? store.locks.releaseHolder(holder) : peers.peer(member).node.releaseHolder(holder),
    digest: (member, slice) => (member === self ? digestOf(store, slice) : peers.peer(member).node.digest(slice)),
    observe: (member, ask) => (member === self ? observe(ask) : peers.peer(member).node.observe(ask)),
    unready: () => serving.unready(),
  };
}
