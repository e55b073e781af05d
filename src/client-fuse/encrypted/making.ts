import { FlareError } from '../../flare/errors.ts';
import { checkAttributes } from '../../flare/store/access.ts';
import { type Attributes, type Birth, type Caller, type FlareId, FlareType, type Name } from '../../flare/types.ts';
import { DIRIV_MODE, DIRIV_NAME, newDirectoryIv, type StoredName } from '../crypto/names.ts';
import { removeHalfMade } from './ending.ts';
import type { Parts } from './parts.ts';
import { isRefusal, TRIES_MAX, unless } from './refusals.ts';
import { makingName } from './temporary.ts';

/** What its maker has to be allowed while the IV goes in. */
const OWNER_WRITES = 0o300;

/** Somebody has made that name meanwhile, or has taken what was half made for a leftover, or the parent is gone: looking again tells which. */
const AGAIN = ['NOTEMPTY', 'NOTDIR', 'NOENT', 'STALE'] as const;

/** Makes a directory: under a name that nobody is shown, with its IV; then it gets its own. So nobody meets one without an IV. */
export async function makeDirectory(
  parts: Parts,
  caller: Caller,
  parent: FlareId,
  stored: StoredName,
  birth: Birth,
): Promise<Attributes> {
  checkAttributes(birth);
  const { service, longNames } = parts;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    // Looked at first, so that nothing changes when it is there.
    const taken = await unless(['NOENT'], () => service.lookup(caller, parent, stored.entry), null);
    if (taken !== null) throw FlareError.of('EXIST');
    const name = makingName(parts.random);
    const mode = birth.mode | OWNER_WRITES;
    const made = await service.create(caller, parent, name, { ...birth, mode });
    const rename = () => service.rename(caller, parent, name, parent, stored.entry);
    try {
      await fill(parts, caller, made, birth);
      await longNames.naming(caller, parent, stored, rename);
    } catch (error) {
      // Without an answer it may have its name by now; what that is not, who removes the parent takes away.
      if (!(error instanceof FlareError)) throw error;
      await discard(parts, caller, parent, name);
      if (!isRefusal(error, ...AGAIN)) throw error;
      continue;
    }
    // It may be gone again.
    return unless(['STALE'], () => service.getattr(made), made);
  }
  throw FlareError.of('IO');
}

/** Puts in the IV, and makes all else of it what it is to be. */
async function fill({ service, random, ivs }: Parts, caller: Caller, made: Attributes, birth: Birth): Promise<void> {
  const { uid, gid } = made;
  const iv = newDirectoryIv(random);
  const file = await service.create(caller, made, DIRIV_NAME, { type: FlareType.file, mode: DIRIV_MODE, uid, gid });
  await service.write(caller, file, 0, iv);
  const { atime, mtime } = birth;
  const closed = (birth.mode & OWNER_WRITES) !== OWNER_WRITES;
  if (closed || atime !== undefined || mtime !== undefined) {
    const mode = closed ? { mode: made.mode & (birth.mode | ~OWNER_WRITES) } : {};
    await service.setattr(caller, made, { ...mode, ...(atime && { atime }), ...(mtime && { mtime }) });
  }
  ivs.remember(made, iv);
}

async function discard(parts: Parts, caller: Caller, parent: FlareId, name: Name): Promise<void> {
  try {
    await removeHalfMade(parts, caller, parent, name);
  } catch (error) {
    parts.complaints.leftBehind(parent, name, error);
  }
}
