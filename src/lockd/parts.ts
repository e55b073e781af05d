import type { Shares } from '../acl/shares.ts';
import type { Clock } from '../base/clock.ts';
import type { Eventually } from '../base/eventually.ts';
import type { Logger } from '../base/logger.ts';
import type { FlareService } from '../flare/service.ts';
import type { FlareId } from '../flare/types.ts';
import type { CallBack } from './call-back.ts';
import type { Hosts } from './nsm/hosts.ts';

/** What the lock manager works with. */
export interface LockdParts {
  readonly service: FlareService;
  readonly gate: Pick<Shares, 'access'>;
  /** The flare of a handle; throws STALE. The bytes are read before it returns or waits. */
  readonly open: (handle: Buffer) => Eventually<FlareId>;
  /** Whether this network made that handle: who has one was let in once. */
  readonly isOurs: (handle: Buffer) => boolean;
  /** Ends all that a holder has locked in the network. Rejects when some volcano did not answer. */
  readonly release: (holder: string) => Promise<number>;
  /** Whether records were lost just now: then only locks are given that clients say they had before. */
  readonly isGrace: () => boolean;
  readonly hosts: Hosts;
  readonly callBack: Pick<CallBack, 'call'>;
  readonly clock: Clock;
  readonly logger: Logger;
}
