import { FlareError } from '../../errors.ts';
import { checkName, sliceOf } from '../../keys.ts';
import { type Flare, NO_BYTES } from '../../record/pack.ts';
import { OperationSchema } from '../../record/schema.ts';
import {
  type Attributes,
  type Birth,
  type Caller,
  type FlareId,
  FlareType,
  type Name,
  TARGET_MAX,
} from '../../types.ts';
import { checkAttributes, checkRange, inGroup, need, SEARCH, WRITE } from '../access.ts';
import type { Core } from '../core.ts';
import { directorySize } from '../figures.ts';
import { COOKIE_FIRST } from '../limits.ts';
import { nameIt, touchDirectory } from '../names.ts';
import { timeOf } from '../times.ts';
import { Transaction } from '../transaction.ts';
import { setattr } from './setattr.ts';

function isDevice(type: FlareType): boolean {
  return type === FlareType.block || type === FlareType.character;
}

function checkBirth(birth: Birth): void {
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
function ownership(caller: Caller, parent: Attributes, birth: Birth): Pick<Attributes, 'uid' | 'gid' | 'mode'> {
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

function newborn(core: Core, transaction: Transaction, caller: Caller, parent: Flare, name: Name, birth: Birth): Flare {
  const { key, salt } = core.state.freeKey(parent.attributes.key, name);
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
      ...ownership(caller, parent.attributes, birth),
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
      parent: { key: parent.attributes.key, generation: parent.attributes.generation },
    },
    target,
    salt,
    entries: 0,
    nextCookie: COOKIE_FIRST,
    cookiesWrapped: false,
  };
}

/** `FlareService.create`. */
export function create(
  core: Core,
  caller: Caller,
  directory: FlareId,
  name: Name,
  birth: Birth,
  existing: 'refuse' | 'open' | undefined,
): Attributes {
  checkName(name);
  checkBirth(birth);
  const parent = core.state.directory(directory);
  need(caller, parent.attributes, SEARCH);
  const taken = core.state.entry(directory.key, name);
  if (taken !== null) {
    const { attributes } = core.state.flare(taken.id);
    if (existing !== 'open' || attributes.type === FlareType.directory) throw FlareError.of('EXIST');
    if (attributes.type !== FlareType.file || birth.size === undefined) return attributes;
    return setattr(core, caller, attributes, { size: birth.size }, undefined);
  }
  need(caller, parent.attributes, WRITE);
  if (caller.uid !== 0 && isDevice(birth.type)) throw FlareError.of('PERM');
  if (parent.entries >= core.limits.entriesMax) throw FlareError.of('NOSPC');

  const transaction = new Transaction(core, OperationSchema.create, caller, sliceOf(directory.key));
  const born = newborn(core, transaction, caller, parent, name, birth);
  transaction.birth(born);
  const counters = nameIt(core, transaction, parent.attributes, name, born.attributes, null);
  const directories = birth.type === FlareType.directory ? 1 : 0;
  touchDirectory(transaction, parent.attributes, { entries: 1, directories }, counters);
  return transaction.commit(born.attributes.key)!;
}
