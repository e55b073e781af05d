import { FlareError } from '../../errors.ts';
import type { DirectoryView } from '../../joint.ts';
import { type Flare, NO_BYTES } from '../../record/pack.ts';
import { type Attributes, type Birth, type Caller, FlareType, type Key, TARGET_MAX } from '../../types.ts';
import { checkAttributes, checkRange, inGroup } from '../access.ts';
import { directorySize } from '../figures.ts';
import { COOKIE_FIRST } from '../limits.ts';
import { timeOf } from '../times.ts';
import type { Transaction } from '../transaction.ts';

/** Whether it has device numbers. */
export function isDevice(type: FlareType): boolean {
  return type === FlareType.block || type === FlareType.character;
}

/** INVAL, NAMETOOLONG, FBIG for what nothing can be born as. */
export function checkBirth(birth: Birth): void {
  checkAttributes(birth);
  if (!Object.values(FlareType).includes(birth.type)) throw FlareError.of('INVAL');
  if (isDevice(birth.type)) checkAttributes({ uid: birth.major ?? 0, gid: birth.minor ?? 0 });
  if (birth.size !== undefined) checkRange(birth.size, 0);
  if (birth.type !== FlareType.symlink) return;
  const { target } = birth;
  if (target === undefined || target.length === 0 || target.includes(0)) throw FlareError.of('INVAL');
  if (target.length > TARGET_MAX) throw FlareError.of('NAMETOOLONG');
}

/** Who owns a newborn, and its mode: setgid directories pass their group on. */
function ownership(caller: Caller, parent: DirectoryView, birth: Birth): Pick<Attributes, 'uid' | 'gid' | 'mode'> {
  const inherits = (parent.mode & 0o2000) !== 0;
  const mayGive = birth.gid !== undefined && (caller.uid === 0 || inGroup(caller, birth.gid));
  const gid = inherits ? parent.gid : mayGive ? birth.gid! : caller.gid;
  let mode = birth.mode & 0o7777;
  if (birth.type === FlareType.directory) {
    if (inherits) mode |= 0o2000;
  } else if (caller.uid !== 0 && !inGroup(caller, gid)) {
    mode &= ~0o2000;
  }
  return { uid: caller.uid === 0 ? (birth.uid ?? 0) : caller.uid, gid, mode };
}

/** A flare that is born in that directory, under a key that is free. */
export function newborn(
  transaction: Transaction,
  caller: Caller,
  parent: DirectoryView,
  { key, salt }: { readonly key: Key; readonly salt: Buffer },
  birth: Birth,
): Flare {
  const generation = transaction.number(key);
  const now = timeOf(transaction.now);
  const { type } = birth;
  const target = type === FlareType.symlink ? Buffer.from(birth.target!) : NO_BYTES;
  const fixed = type === FlareType.directory ? directorySize(0) : target.length;
  return {
    attributes: {
      key,
      generation,
      type,
      ...ownership(caller, parent, birth),
      nlink: type === FlareType.directory ? 2 : 1,
      size: type === FlareType.file ? (birth.size ?? 0) : fixed,
      used: fixed,
      major: isDevice(type) ? (birth.major ?? 0) : 0,
      minor: isDevice(type) ? (birth.minor ?? 0) : 0,
      fileid: transaction.fileid(key),
      atime: birth.atime === undefined || birth.atime === 'now' ? now : birth.atime,
      mtime: birth.mtime === undefined || birth.mtime === 'now' ? now : birth.mtime,
      ctime: now,
      version: generation,
      parent: { key: parent.key, generation: parent.generation },
      share: parent.share,
    },
    target,
    salt,
    entries: 0,
    nextCookie: COOKIE_FIRST,
    cookiesWrapped: false,
  };
}
