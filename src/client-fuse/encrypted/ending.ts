import { FlareError } from '../../flare/errors.ts';
import { type Attributes, type Caller, type FlareId, FlareType, type Name } from '../../flare/types.ts';
import { DIRIV_NAME, LONG_NAME_PREFIX, LONG_NAME_SUFFIX } from '../crypto/names.ts';
import type { Parts } from './parts.ts';
import { asNeeded, isRefusal, TRIES_MAX, unless } from './refusals.ts';
import { temporary } from './temporary.ts';

/** Entries that are read at once to see whether a directory is empty. */
const PAGE_ENTRIES = 256;
const OWNER_ALL = 0o700;

/** What ends a directory that has no entries at all; anything else is refused with NOTEMPTY, or with what comes before that. */
export type End = () => void | Promise<void>;

/**
 * Ends what is empty in the plain tree by `end`, an `rmdir` or a `rename` on the ciphertext over the directory that has that entry there. It is asked first, so that all refusals but NOTEMPTY are its own. Then the
 * IV is taken out of the directory, and `end` ends it if nobody has made a name in it; if somebody has, it has its IV back. `gone`: it is enough that this directory has ended, by whatever came
 * into its place.
 */
export async function endEmpty(
  parts: Parts,
  caller: Caller,
  parent: FlareId,
  entry: Name,
  end: End,
  { gone }: { readonly gone: boolean },
): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    if (await ended(end)) return;
    const directory = await unless(['NOENT'], () => parts.service.lookup(caller, parent, entry), null);
    // Whatever there is now, `end` says so.
    if (directory?.type !== FlareType.directory) continue;
    if (await opened(parts, caller, directory, () => endOnce(parts, caller, parent, directory, end, gone))) return;
  }
  throw FlareError.of('IO');
}

/** False when it is to be tried again. NOTEMPTY when it holds names. */
async function endOnce(
  parts: Parts,
  caller: Caller,
  parent: FlareId,
  directory: Attributes,
  end: End,
  gone: boolean,
): Promise<boolean> {
  const { ivs, service } = parts;
  try {
    if (!(await clear(parts, caller, directory))) {
      // Something else may be wrong by now, and is said first.
      if (await ended(end)) return true;
      throw FlareError.of('NOTEMPTY');
    }
    if (!(await ivs.take(caller, directory, parent))) {
      // Somebody else is at it, or was.
      await ivs.settle(caller, parent, directory);
      return false;
    }
  } catch (error) {
    if (isRefusal(error, 'STALE')) return false;
    throw error;
  }
  let done = false;
  try {
    done = await ended(end);
  } finally {
    await settled(parts, caller, parent, directory);
  }
  if (done || !gone) return done;
  // Without its IV it could be replaced by a directory that was made just then.
  return (await unless(['STALE'], () => service.getattr(directory), null)) === null;
}

async function ended(end: End): Promise<boolean> {
  const work = async (): Promise<true> => {
    await end();
    return true;
  };
  return unless(['NOTEMPTY'], work, false);
}

/** What cannot be put right now is put right by whoever needs the directory next. */
async function settled({ ivs, complaints }: Parts, caller: Caller, parent: FlareId, directory: FlareId): Promise<void> {
  try {
    await ivs.settle(caller, parent, directory);
  } catch (error) {
    complaints.leftBehind(directory, DIRIV_NAME, error);
  }
}

/** Its owner may end a directory that he may not write to: it gets those permissions for as long as that takes. */
async function opened<T>(
  { service }: Parts,
  caller: Caller,
  directory: Attributes,
  work: () => Promise<T>,
): Promise<T> {
  const { mode, uid } = directory;
  if (caller.uid === 0 || caller.uid !== uid || (mode & OWNER_ALL) === OWNER_ALL) return work();
  await service.setattr(caller, directory, { mode: mode | OWNER_ALL });
  try {
    return await work();
  } finally {
    await unless(['STALE'], () => service.setattr(caller, directory, { mode }), null);
  }
}

/** Takes out of a directory what is there for no name; false when it holds anything else but its IV. */
async function clear(parts: Parts, caller: Caller, directory: FlareId): Promise<boolean> {
  let leftovers = 0;
  for await (const name of namesIn(parts, caller, directory)) {
    if (name === DIRIV_NAME) continue;
    if (!isLongNameFile(name) && temporary(name) === null) return false;
    leftovers++;
  }
  if (leftovers > 0) {
    for await (const name of namesIn(parts, caller, directory)) await clearOne(parts, caller, directory, name);
  }
  return true;
}

async function clearOne(parts: Parts, caller: Caller, directory: FlareId, name: Name): Promise<void> {
  const { ivs, longNames } = parts;
  const what = temporary(name);
  if (what?.kind === 'ending') await ivs.settle(caller, directory, what.directory);
  else if (what?.kind === 'making') await removeHalfMade(parts, caller, directory, name);
  else if (isLongNameFile(name)) {
    const contents = await longNames.contents(caller, directory, name);
    if (contents === null) return;
    const stored = { entry: name.slice(0, -LONG_NAME_SUFFIX.length), long: { entry: name, contents } };
    await longNames.unnamed(caller, directory, stored, true);
  }
}

/** Removes a directory that was made under that temporary name and did not get its own; whoever is about to give it that begins anew. */
export async function removeHalfMade({ service }: Parts, caller: Caller, parent: FlareId, name: Name): Promise<void> {
  const gone = ['NOENT', 'STALE'] as const;
  const made = await unless(gone, () => asNeeded(caller, (who) => service.lookup(who, parent, name)), null);
  if (made === null) return;
  await unless(gone, () => asNeeded(caller, (who) => service.remove(who, made, DIRIV_NAME)), null);
  await unless(gone, () => asNeeded(caller, (who) => service.rmdir(who, parent, name)), null);
}

async function* namesIn({ service }: Parts, caller: Caller, directory: FlareId): AsyncGenerator<Name> {
  for (let cookie = 0; ; ) {
    const after = cookie;
    const read = (who: Caller) => service.readdir(who, directory, after, PAGE_ENTRIES);
    const { entries, end } = await asNeeded(caller, read);
    for (const { name } of entries) yield name;
    if (end || entries.length === 0) return;
    cookie = entries.at(-1)!.cookie;
  }
}

/** Whether it could be the file of a long name, whatever it holds. */
function isLongNameFile(name: Name): boolean {
  return name.startsWith(LONG_NAME_PREFIX) && name.endsWith(LONG_NAME_SUFFIX);
}
