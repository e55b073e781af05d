import type { Clock } from '../base/clock.ts';
import type { FlareService } from '../flare/service.ts';
import type { LocalStore } from '../flare/store/local-store.ts';
import { DhtDirectory } from './dht-directory.ts';
import type { Observation, Observing } from './observation.ts';
import type { OperatorView } from './operator-view.ts';
import { type Member, type Projection, SLICES_MIN } from './projection/types.ts';
import { PROTOCOLS } from './protocols.ts';
import { stateFiles } from './state-text.ts';
import { Tree } from './tree.ts';
import { figuresOf } from './volcano/figures.ts';
import { digestOf } from './volcano/slice-digest.ts';

/** A volcano that has no network key, and so no others. */
export interface AloneParts {
  readonly store: LocalStore;
  readonly clock: Clock;
  readonly networkId: string;
  /** Its ports are 0: it serves neither program. */
  readonly self: Member;
  /** Calls answered a second, of late. */
  readonly load: () => number;
  /** What this volcano sees of its clients. */
  readonly observe: (ask: Observing) => Observation;
}

/** The tree of a volcano that is alone, with `/.dht/`, and what an operator is shown: its map is of epoch 0, which none is that is written. */
export function treeAlone({ store, clock, networkId, self, load, observe }: AloneParts): {
  readonly tree: FlareService;
  readonly view: OperatorView;
} {
  const all = { primary: 0, inSync: [], filling: [] };
  const projection: Projection = {
    ...{ epoch: 0, networkId, networkName: null, replicas: 1, arbiter: self.id },
    ...{
      slices: SLICES_MIN,
      protocol: PROTOCOLS.most,
      volcanos: [self],
      map: Array.from({ length: SLICES_MIN }, () => all),
    },
  };
  const started = clock.monotonic();
  const space = () => store.statfs();
  const disk = () => store.diskFigures();
  const figures = () => ({ figures: figuresOf({ space, disk, load, lag: () => 0, clock }, started), heardSeconds: 0 });
  const view: OperatorView = {
    self: self.id,
    projection: () => projection,
    figures,
    held: (_member, from) => store.locks.held(from),
    releaseHolder: (_member, holder) => store.locks.releaseHolder(holder),
    digest: (_member, slice) => digestOf(store, slice),
    observe: (_member, ask) => observe(ask),
    unready: () => (store.replica.sound ? null : 'its log has failed'),
  };
  const files = () => stateFiles(projection, figures);
  return { tree: new Tree(store, new DhtDirectory(clock, store.root().generation, files)), view };
}
