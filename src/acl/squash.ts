import type { Caller } from '../flare/types.ts';
import type { IdRange, RuleOptions } from './options.ts';

/** Who says that he calls: the part of an RPC credential that counts here. */
export type Credential =
  | { readonly flavor: 'none' }
  | { readonly flavor: 'unix'; readonly uid: number; readonly gid: number; readonly gids: readonly number[] };

const NO_GROUPS: readonly number[] = Object.freeze([]);

function within(ranges: readonly IdRange[] | null, id: number): boolean {
  if (ranges === null) return true;
  for (const range of ranges) if (id >= range.low && id <= range.high) return true;
  return false;
}

/**
 * Whom a caller is served as under a rule. Callers without a credential (FIELD.md row 17), all under `all_squash`, uid 0 under
 * `root_squash` and uids outside the rule's ranges become `anonuid` and `anongid`, without further groups. Of the
 * others, a gid that is squashed (0 under `root_squash`, outside the ranges: row 29) becomes `anongid`; among the supplementary ones it is left out.
 */
export function squash(credential: Credential, options: RuleOptions, replay?: string): Caller {
  const root = options.squash === 'root';
  if (
    credential.flavor === 'none' ||
    options.squash === 'all' ||
    (root && credential.uid === 0) ||
    !within(options.uids, credential.uid)
  )
    return caller(options.anonuid, options.anongid, NO_GROUPS, replay);
  const served = (gid: number): boolean => !(root && gid === 0) && within(options.gids, gid);
  const gids = credential.gids.every(served) ? credential.gids : credential.gids.filter(served);
  return caller(credential.uid, served(credential.gid) ? credential.gid : options.anongid, gids, replay);
}

function caller(uid: number, gid: number, gids: readonly number[], replay: string | undefined): Caller {
  return replay === undefined ? { uid, gid, gids } : { uid, gid, gids, replay };
}
