import { FlareError } from '../../flare/errors.ts';
import { BusyError, type DirectoryView, type Named } from '../../flare/joint.ts';
import type { EntryState } from '../../flare/record/pack.ts';
import { checkSticky, need, WRITE } from '../../flare/store/access.ts';
import { type Attributes, type Caller, type FlareId, FlareType, type Name } from '../../flare/types.ts';
import type { Ring } from './ring.ts';

/** What the owner of a flare must know of a directory that holds a name of it. */
export function viewOf({ key, generation, mode, uid, gid, share }: Attributes): DirectoryView {
  return { key, generation, mode, uid, gid, share };
}

/** The flare that a name is to mean. */
export function named({ key, generation, fileid, type }: Attributes): Named {
  return { key, generation, fileid, type };
}

/** A flare that an entry names. It may have gone meanwhile: then all is looked at again (`BusyError`). */
export async function flareOf(ring: Ring, id: FlareId): Promise<Attributes> {
  try {
    return await ring.tree.getattr(id);
  } catch (error) {
    if (error instanceof FlareError && error.status === 'STALE') throw new BusyError();
    throw error;
  }
}

/** A name that is to be taken away, and what it means. */
export interface Taken {
  readonly parent: Attributes;
  readonly entry: EntryState;
  readonly flare: Attributes;
}

/** The flare of a name that the caller may take away from a directory of this volcano: STALE, NOTDIR, ACCES, NOENT, PERM. */
export async function toTakeAway(ring: Ring, caller: Caller, directory: FlareId, name: Name): Promise<Taken> {
  const entry = await ring.store.entry(caller, directory, name);
  const parent = await ring.store.getattr(directory);
  if (entry === null) throw FlareError.of('NOENT');
  need(caller, parent, WRITE);
  const flare = await flareOf(ring, entry.id);
  checkSticky(caller, parent, flare);
  return { parent, entry, flare };
}

/** What a name means in a directory of whichever owner; null: nothing. STALE, NOTDIR, ACCES. */
export async function meaning(ring: Ring, caller: Caller, directory: FlareId, name: Name): Promise<Attributes | null> {
  try {
    return await ring.tree.lookup(caller, directory, name);
  } catch (error) {
    if (error instanceof FlareError && error.status === 'NOENT') return null;
    throw error;
  }
}

/** A directory of whichever owner: STALE, NOTDIR. */
export async function directoryOf(ring: Ring, id: FlareId): Promise<Attributes> {
  const directory = await ring.tree.getattr(id);
  if (directory.type !== FlareType.directory) throw FlareError.of('NOTDIR');
  return directory;
}
