import type { Shares } from '../acl/shares.ts';
import { systemClock } from '../base/clock.ts';
import type { Net } from '../base/net.ts';
import { systemRandom } from '../base/random.ts';
import { releaseEverywhere } from '../dht/release-holder.ts';
import { CallBack } from '../lockd/call-back.ts';
import { type Lockd, openLockd } from '../lockd/lockd.ts';
import { Hosts } from '../lockd/nsm/hosts.ts';
import type { Handles } from '../nfs2/handle.ts';
import type { Config } from './config.ts';
import type { Log } from './logging.ts';
import type { Network } from './network.ts';

/** What the lock manager is opened with. */
export interface LocksParts {
  readonly config: Pick<Config, 'serverName'>;
  readonly log: Log;
  readonly net: Net;
  readonly network: Pick<Network, 'tree' | 'notes' | 'view'>;
  readonly shares: Shares;
  readonly handles: Handles;
}

/** Opens the lock manager and the status monitor of this volcano, over the tree that clients see. */
export function openLocks({ config, log, net, network, shares, handles }: LocksParts): Lockd {
  const { tree, notes, view } = network;
  const logger = log.room('lockd');
  const host = { net, clock: systemClock, random: systemRandom };
  return openLockd({
    ...{ ...host, service: tree, gate: shares, notes, logger },
    name: () => view.projection().networkName ?? config.serverName,
    open: (handle) => handles.open(handle),
    isOurs: (handle) => handles.isOurs(handle),
    release: (holder) => releaseEverywhere(view, holder),
    hosts: new Hosts(notes, systemClock, logger),
    callBack: new CallBack(host),
  });
}
