import { openSync } from 'node:fs';
import { systemClock } from '../base/clock.ts';
import { systemRandom } from '../base/random.ts';
import { MountError } from '../client-fuse/mount/options.ts';
import { mountTarget } from '../client-fuse/mount/target.ts';
import { type Mounted, mount } from '../client-fuse/mount.ts';
import { FlareError } from '../flare/errors.ts';
import { openLog } from '../magmad/logging.ts';
import { ExitError, ExitStatus } from './exit.ts';
import type { MountRequest } from './request.ts';
import { openTree } from './tree.ts';

/** The signals that unmount. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

function exitOf(error: unknown): unknown {
  if (error instanceof MountError) {
    return new ExitError(error.kind === 'fuse' ? ExitStatus.system : ExitStatus.failed, error.message, {
      cause: error,
    });
  }
  if (error instanceof FlareError) {
    const why = error.status === 'ACCES' ? 'its rules do not let this machine in' : error.status;
    return new ExitError(ExitStatus.failed, `the volcano refuses its tree: ${why}`, { cause: error });
  }
  return error;
}

function descriptorOf(log: string | null): number {
  if (log === null) return 2;
  try {
    return openSync(log, 'a', 0o600);
  } catch (error) {
    throw new ExitError(ExitStatus.usage, `log ${log}: ${(error as Error).message}`);
  }
}

/**
 * Mounts, tells `mounted`, and serves until it is unmounted or ended by a signal. Resolves with the exit status. Rejects with `ExitError` when nothing could be mounted.
 */
export async function serve(request: MountRequest, mounted: () => void): Promise<number> {
  const { target, hosts, path, allowOther, generic, attributes, entries, negative } = request;
  const logger = openLog({ level: 'info', format: 'pretty', debug: '', descriptor: descriptorOf(request.log) }).room(
    'fuse',
  );
  // First what is cheap to find out.
  await mountTarget(target).catch((error: unknown) => {
    throw exitOf(error);
  });
  const { service, top, close } = await openTree(request, process.env);
  if (request.fake) {
    mounted();
    await close();
    return ExitStatus.success;
  }
  let tree: Mounted;
  try {
    tree = await mount({
      ...{ service, top, target, allowOther, generic, logger, clock: systemClock, random: systemRandom },
      source: `${hosts.map((host) => (host.includes(':') ? `[${host}]` : host)).join('+')}:${path}`,
      root: process.getuid?.() === 0,
      timeouts: { attributes: attributes * 1000, entries: entries * 1000, negative: negative * 1000 },
    });
  } catch (error) {
    await close();
    throw exitOf(error);
  }
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      logger.info({ signal }, 'unmounting');
      tree.close().catch((error: unknown) => logger.error({ err: error }, 'it could not be unmounted'));
    });
  }
  logger.info({ target: tree.target, hosts }, 'mounted');
  mounted();
  const error = await tree.ended;
  if (error === null) logger.info({ target: tree.target }, 'unmounted');
  else logger.error({ err: error, target: tree.target }, 'the connection to the kernel is broken');
  await close();
  return error === null ? ExitStatus.success : ExitStatus.system;
}
