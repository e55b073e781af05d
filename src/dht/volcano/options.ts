import type { Clock } from '../../base/clock.ts';
import type { Disk } from '../../base/disk.ts';
import type { Logger } from '../../base/logger.ts';
import type { Endpoint } from '../../base/net.ts';
import type { Random } from '../../base/random.ts';
import type { SecureNet, SecureOptions } from '../../base/secure-net.ts';
import type { LocalStore } from '../../flare/store/local-store.ts';
import type { StoreOptions } from '../../flare/store/open.ts';
import type { BalanceOptions } from '../balance/balancer.ts';
import type { Failover, FailoverParts } from '../failover/failover.ts';
import type { Observation, Observing } from '../observation.ts';
import type { FlareProgramParts } from '../programs/flare/program.ts';
import type { ProjectionStore } from '../projection/store.ts';
import type { Protocols } from '../protocols.ts';
import type { Keyring } from '../secrets.ts';
import type { Replication, ReplicationParts } from './replication.ts';

/** What a volcano of a ring is started with. */
export interface RingOptions {
  /** The data directory. */
  readonly disk: Disk;
  /** Opens the store on it. */
  readonly open: (how: Pick<StoreOptions, 'boot' | 'join'>) => Promise<LocalStore>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Makes networks whose streams are secure. */
  readonly secure: (options: SecureOptions) => SecureNet;
  readonly keyring: Keyring;
  /** Asked when the data directory is open: whether that is the key which it was last seen with; false: it was another one. */
  readonly isKeyKnown?: () => boolean;
  /** Begins a network when the data directory is empty. */
  readonly boot: boolean;
  /** Node programs of members, to join through; tried in this order. */
  readonly seeds: readonly Endpoint[];
  /** Null: the one that it has, or `hostNickname`. */
  readonly nickname: string | null;
  readonly hostNickname: string;
  readonly serverName: string;
  /** Numeric, under which others reach this volcano. None: who joins is reached where it reaches the network from, and at `hostAddresses`. */
  readonly addresses: readonly string[];
  /** Numeric: the host's own, for a volcano that was given none. */
  readonly hostAddresses?: readonly string[];
  /** Local ones to listen on; none: all. */
  readonly listen: readonly string[];
  /** 0: the one that the map says, or a free one. */
  readonly flarePort: number;
  readonly nodePort: number;
  /** Of the software. */
  readonly version: string;
  /** What it speaks; `PROTOCOLS` unless given. */
  readonly protocols?: Protocols;
  /** For a network that is begun. */
  readonly networkName: string | null;
  readonly replicas: number;
  /** The register of the maps of that network (its id), where it lies outside of the ring: in a store that all volcanos share. Null: on the first volcano. */
  readonly register?: ((networkId: string) => ProjectionStore) | null;
  /** What a client, who is no volcano, may do with flares (`FlareProgramParts`). */
  readonly gate: FlareProgramParts['gate'];
  /** Within how many milliseconds a volcano that does not answer is replaced; `FAILOVER_MS` unless given. */
  readonly failoverMs?: number;
  /** After so many milliseconds away a volcano that holds nothing any more is declared dead; not given: never. */
  readonly deadAfterMs?: number;
  /** Told when this volcano, which serves, is none of its network any more: it answers nothing from then on, and is to be closed. */
  readonly expelled?: (why: Error) => void;
  /** Told when this volcano has left in order: others have all that it had, and it is to be closed. */
  readonly left?: () => void;
  /** Calls answered a second, of late. */
  readonly load: () => number;
  /** What this volcano sees of its clients; not given: nothing. */
  readonly observe?: (ask: Observing) => Omit<Observation, 'nickname'>;
  /** It takes part in the balance: gives slices to its neighbours when they do less, and gets some. Null, or not given: neither. */
  readonly balance?: BalanceOptions | null;
  readonly replication: (parts: ReplicationParts) => Replication;
  /** `Failover` unless given. */
  readonly failover?: (parts: FailoverParts) => Failover;
  /** Ends a start that is under way. */
  readonly signal?: AbortSignal;
}
