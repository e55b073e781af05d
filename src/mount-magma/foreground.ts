import { openSync } from 'node:fs';
import { hostname } from 'node:os';
import { systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { systemRandom } from '../base/random.ts';
import { checkFuse } from '../client-fuse/mount/as-root.ts';
import { mountTarget } from '../client-fuse/mount/target.ts';
import { type Mounted, mount } from '../client-fuse/mount.ts';
import { openLog } from '../magmad/logging.ts';
import { Throttle } from '../rpc/throttle.ts';
import { decrypted } from './decrypted.ts';
import { ExitError, ExitStatus } from './exit.ts';
import { exiting } from './failures.ts';
import { standardInput } from './input.ts';
import { type MountRequest, treeText } from './request.ts';
import { openTree, type Tree } from './tree.ts';
import { openVault, type Vault } from './vault.ts';

/** The signals that unmount. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

function descriptorOf(log: string | null): number {
  if (log === null) return 2;
  try {
    return openSync(log, 'a', 0o600);
  } catch (error) {
    throw new ExitError(ExitStatus.usage, `log ${log}: ${(error as Error).message}`);
  }
}

/**
 * Finds out whether what is asked for can be mounted, and asks for the passphrase: the vault of an encrypted tree, null for a plain one. The network is let go of again. Rejects
 * with `ExitError`.
 */
export function unlockFirst(request: MountRequest): Promise<Vault | null> {
  return exiting(treeText(request), async () => {
    await checkMachine(request);
    if (request.plain) return null;
    const tree = await openTree(request, process.env);
    try {
      return await askForVault(tree, request);
    } finally {
      await tree.close();
    }
  });
}

/** What is cheap to find out comes first: nobody is asked for a passphrase in vain. */
async function checkMachine({ target, fake }: MountRequest): Promise<void> {
  await mountTarget(target);
  if (!fake) checkFuse(isRoot());
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

async function askForVault(tree: Tree, request: MountRequest): Promise<Vault> {
  const input = standardInput();
  try {
    return await openVault(tree, request, input);
  } finally {
    input.close();
  }
}

/**
 * Mounts, tells `mounted`, and serves until it is unmounted or ended by a signal; `vault` is what opened an encrypted tree already. Resolves with the exit status. Rejects with `ExitError` when nothing
 * could be mounted.
 */
export function serve(request: MountRequest, vault: Vault | null, mounted: () => void): Promise<number> {
  return exiting(treeText(request), () => serveTree(request, vault, mounted));
}

async function serveTree(request: MountRequest, given: Vault | null, mounted: () => void): Promise<number> {
  const { target, hosts, allowOther, generic, attributes, entries, negative, lockLease } = request;
  const logger = openLog({ level: 'info', format: 'pretty', debug: '', descriptor: descriptorOf(request.log) }).room(
    'fuse',
  );
  await checkMachine(request);
  const complaints = new Throttle(systemClock);
  const tree = await openTree(request, process.env, (why) => complaints.run(() => logger.error({}, why)));
  let point: Mounted | null;
  try {
    const vault = request.plain ? null : (given ?? (await askForVault(tree, request)));
    const shown = vault === null ? tree : decrypted(tree, vault, logger);
    const timeouts = { attributes: attributes * 1000, entries: entries * 1000, negative: negative * 1000 };
    const locks = { host: hostname(), leaseMs: Math.round(lockLease * 1000) };
    const parts = { target, allowOther, generic, timeouts, logger, clock: systemClock, random: systemRandom, ...locks };
    const { service, top } = shown;
    const how = { source: treeText(request), root: isRoot() };
    point = request.fake ? null : await mount({ ...parts, service, top, ...how });
  } catch (error) {
    await tree.close();
    throw error;
  }
  if (point === null) {
    mounted();
    await tree.close();
    return ExitStatus.success;
  }
  return untilUnmounted(point, tree, { hosts, logger, mounted });
}

async function untilUnmounted(
  point: Mounted,
  tree: Tree,
  { hosts, logger, mounted }: { hosts: readonly string[]; logger: Logger; mounted: () => void },
): Promise<number> {
  const { target } = point;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      logger.info({ signal }, 'unmounting');
      point.close().catch((error: unknown) => logger.error({ err: error }, 'it could not be unmounted'));
    });
  }
  logger.info({ target, hosts }, 'mounted');
  mounted();
  const error = await point.ended;
  if (error === null) logger.info({ target }, 'unmounted');
  else logger.error({ err: error, target }, 'the connection to the kernel is broken');
  await tree.close();
  return error === null ? ExitStatus.success : ExitStatus.system;
}
