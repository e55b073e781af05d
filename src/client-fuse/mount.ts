import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { FlareService } from '../flare/service.ts';
import type { FlareId } from '../flare/types.ts';
import { PolledDevice } from './device/polled-device.ts';
import { Context, type Timeouts } from './files/context.ts';
import { mountAsRoot } from './mount/as-root.ts';
import { mountAsUser } from './mount/as-user.ts';
import type { MountOptions } from './mount/options.ts';
import { readFurtherAhead } from './mount/read-ahead.ts';
import { mountTarget } from './mount/target.ts';
import { unmount } from './mount/unmount.ts';
import { Session } from './session.ts';

/** What a mount is made of. */
export interface MountParts extends MountOptions {
  /** The tree that is shown. */
  readonly service: FlareService;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly timeouts?: Partial<Timeouts>;
  /** What this machine is called, and how long volcanos keep its locks: `ContextOptions`. */
  readonly host?: string;
  readonly leaseMs?: number;
  /** The directory of the tree that is mounted; its root if it is not given. */
  readonly top?: FlareId;
  /** Mounts by mount(8), which only root may; else by fusermount3. */
  readonly root: boolean;
}

/** A tree that is mounted. */
export interface Mounted {
  /** Where, without symlinks. */
  readonly target: string;
  /** Resolves when it is no more: unmounted by whomever, or with the error that ended it. */
  readonly ended: Promise<Error | null>;
  /** Unmounts, and ends. Users who still have files open get ENOTCONN from then on. */
  close(): Promise<void>;
}

/**
 * Mounts the tree of a service. Resolves when it can be used. Rejects with `MountError`, and with what the service's root is refused with.
 */
export async function mount(parts: MountParts): Promise<Mounted> {
  const { clock, logger, root } = parts;
  const target = await mountTarget(parts.target);
  const context = await Context.open(parts);
  const fd = await (root ? mountAsRoot : mountAsUser)({ ...parts, target });
  const session = new Session({ device: new PolledDevice(fd), context, clock, logger });
  try {
    session.start();
    await session.ready;
    if (root) await readFurtherAhead(target);
  } catch (error) {
    await unmount(target, root).catch(() => {});
    await session.close();
    throw error;
  }
  const close = async (): Promise<void> => {
    try {
      await unmount(target, root);
    } finally {
      await session.close();
    }
  };
  return { target, ended: session.ended, close };
}
