import type { Logger } from '../base/logger.ts';
import { ExitError, ExitStatus } from './exit.ts';
import type { Tree } from './tree.ts';
import type { Vault } from './vault.ts';

/** The plain tree inside an encrypted one; the master key is wiped. */
export function decrypted(_tree: Tree, { master }: Vault, _logger: Logger): Pick<Tree, 'service' | 'top'> {
  master.wipe();
  throw new ExitError(ExitStatus.failed, 'encrypted mounts are not in this version. Cure: --plain');
}
