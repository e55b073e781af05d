import type { Random } from '../../base/random.ts';
import type { Conf } from './conf.ts';
import { ContentCipher } from './contents.ts';
import { deriveKey, type MasterKey } from './keys.ts';
import { NameCipher } from './names.ts';
import { fastestSealer } from './openssl.ts';
import { TargetCipher } from './targets.ts';

/** All that is needed to read and write an encrypted tree. */
export interface CipherTree {
  readonly names: NameCipher;
  readonly contents: ContentCipher;
  readonly targets: TargetCipher;
}

/**
 * The ciphers of the tree with this master key, which can be wiped afterwards. `random` is what IVs and file ids come from: nothing but
 * `systemRandom` keeps a secret.
 */
export function cipherTree(master: MasterKey, { longNameMax }: Pick<Conf, 'longNameMax'>, random: Random): CipherTree {
  const contents = master.expose((bytes) => deriveKey(bytes, 'contents'));
  const names = master.expose((bytes) => deriveKey(bytes, 'names'));
  return {
    names: new NameCipher(names, longNameMax),
    contents: new ContentCipher(fastestSealer(contents), random),
    targets: new TargetCipher(contents, random),
  };
}
