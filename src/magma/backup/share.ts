import type { BackupHeader, BackupShare } from '../../dht/backup/format.ts';
import { FlareError } from '../../flare/errors.ts';
import type { FlareService } from '../../flare/service.ts';
import { type Attributes, type FlareId, FlareType, type Name } from '../../flare/types.ts';
import { find, need, pathText, remotePath } from '../files/paths.ts';
import { FileProblem } from '../files/problem.ts';

/** The directory at a path. Rejects with `FileProblem`. */
export async function directoryAt(tree: FlareService, names: readonly Name[]): Promise<Attributes> {
  return checked(await need(tree, names), names);
}

/** The directory of that path in a backup of one directory, wherever that lay at the moment that it shows. Rejects with `FileProblem`. */
export async function directoryIn(
  tree: FlareService,
  { path, top }: BackupShare,
  names: readonly Name[],
): Promise<Attributes> {
  const depth = remotePath(path).names.length;
  const found = await find(tree, names, { id: top, depth }).catch((error: unknown) => {
    if (error instanceof FlareError && error.status === 'STALE') return null;
    throw error;
  });
  if (found === null) throw FileProblem.of(pathText(names), FlareError.of('NOENT'));
  return checked(found, names);
}

function checked(found: Attributes, names: readonly Name[]): Attributes {
  if (found.type !== FlareType.directory) throw FileProblem.of(pathText(names), FlareError.of('NOTDIR'));
  return found;
}

/** What a backup is of, for people. */
export function whatOf(share: BackupShare | null): string {
  return share === null ? 'the whole network' : pathText(remotePath(share.path).names);
}

/** Whether two backups are of the same. */
export function sameShare(one: BackupShare | null, other: BackupShare | null): boolean {
  const same = (one: FlareId, other: FlareId): boolean => one.key === other.key && one.generation === other.generation;
  return one === null || other === null ? one === other : same(one.top, other.top);
}

/** Why a backup has not all of the directory at that path (null: of the network); null: it has. */
export function lacks({ share }: Pick<BackupHeader, 'share'>, wanted: string | null): string | null {
  if (share === null) return null;
  const of = whatOf(share);
  if (wanted === null)
    return `it is a backup of ${of} alone, and no network can be made of it: --share ${of} --into PATH puts it into one that runs`;
  const { names } = remotePath(wanted);
  const inside = remotePath(share.path).names.every((name, at) => names[at] === name);
  return inside ? null : `it is a backup of ${of} alone, and has not what ${pathText(names)} holds`;
}
