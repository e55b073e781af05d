import type { Random } from '../../base/random.ts';
import type { FlareService } from '../../flare/service.ts';
import type { FlareId, Name } from '../../flare/types.ts';
import type { CipherTree } from '../crypto/tree.ts';
import type { Complaints } from './complaints.ts';
import type { DirectoryIvs } from './directory-ivs.ts';
import type { LongNames } from './long-names.ts';

/** What the operations on an encrypted tree work with. */
export interface Parts {
  /** Where the ciphertext is. */
  readonly service: FlareService;
  readonly tree: CipherTree;
  readonly random: Random;
  readonly root: FlareId;
  /** Names in the root that are none of the tree's. */
  readonly ignored: readonly Name[];
  readonly ivs: DirectoryIvs;
  readonly longNames: LongNames;
  readonly complaints: Complaints;
}
