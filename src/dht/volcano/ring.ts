import type { FlareService, NoteStore } from '../../flare/service.ts';
import type { LocalStore } from '../../flare/store/local-store.ts';
import type { Usage } from '../../flare/types.ts';
import type { OperatorView } from '../operator-view.ts';
import type { Member, Projection } from '../projection/types.ts';

/** One volcano of a ring, that serves. */
export interface Ring {
  /** The whole network's tree, with `/.dht/`. */
  readonly tree: FlareService;
  /** The same without `/.dht/`. */
  readonly flares: FlareService;
  /** The network's notes; those of `volcano/` and `dht/` are this volcano's own. */
  readonly notes: NoteStore;
  /** What lies here: for figures, checks and tests. */
  readonly store: LocalStore;
  readonly self: Member;
  readonly networkId: string;
  /** Whether the network's key of that name (`NetworkSecrets.keyId`) is let in. */
  accepts(keyId: string): boolean;
  /** What a uid has in a share on the slices of others, as far as it was heard. Never waits. */
  readonly usageElsewhere: (share: number, uid: number) => Usage;
  /** What an operator is shown of the network. */
  readonly view: OperatorView;
  /** The newest that is known. */
  projection(): Projection;
  /** Leaves nothing half done, and lets go of the data directory. Harmless when called twice. */
  close(): Promise<void>;
}
