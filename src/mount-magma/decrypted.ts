import type { Logger } from '../base/logger.ts';
import { cipherTree } from '../client-fuse/crypto/tree.ts';
import { EncryptedService } from '../client-fuse/encrypted/service.ts';
import type { Tree } from './tree.ts';
import { cipherDirectory, type Vault } from './vault.ts';

/** The plain tree inside an encrypted one; the master key is wiped. */
export function decrypted(cipher: Tree, { master, longNameMax }: Vault, logger: Logger): Pick<Tree, 'service' | 'top'> {
  const { service, top: root, random, ignored } = cipherDirectory(cipher);
  const tree = cipherTree(master, { longNameMax }, random);
  master.wipe();
  const plain = new EncryptedService({ service, root, tree, random, logger, ignored });
  return { service: plain, top: plain.root() };
}
