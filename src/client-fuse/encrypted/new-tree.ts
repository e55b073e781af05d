import type { Random } from '../../base/random.ts';
import type { FlareService } from '../../flare/service.ts';
import { type Caller, type FlareId, FlareType, type Name } from '../../flare/types.ts';
import { CONF_MODE, CONF_NAME, type Conf, formatConf } from '../crypto/conf.ts';
import { CipherError } from '../crypto/errors.ts';
import {
  DIRIV_BYTES,
  DIRIV_MODE,
  DIRIV_NAME,
  ENCRYPTED_NAME_BYTES_MAX,
  type NameCipher,
  newDirectoryIv,
  parseDirectoryIv,
} from '../crypto/names.ts';
import { lookup } from './conf-file.ts';
import { isRefusal, unless } from './refusals.ts';
import { TreeError } from './tree-error.ts';

/** What a new tree is made in. */
export interface NewTreeParts {
  /** Where the ciphertext goes. */
  readonly service: FlareService;
  readonly caller: Caller;
  readonly top: FlareId;
  readonly random: Random;
  /** Names that do not count: what the network itself shows in its root. */
  readonly ignored: readonly Name[];
}

/** Entries of one page of a listing. */
const PAGE = 256;
/** Names that are tried with a key. */
const SAMPLE = 1000;
/** Bytes of chance in a temporary name. */
const TEMPORARY_BYTES = 8;
/** A file that is not finished yet; no name of the format, so it is never taken for a file of the tree. */
const TEMPORARY = /^gocryptfs\.conf\.[0-9a-f]{16}\.tmp$/;

/**
 * Refuses, with TreeError `tree-there` or `not-empty`, a directory that no new tree can be made in. What is left over from an attempt that broke off does not count; where there is a tree it
 * is removed.
 */
export async function checkEmpty(parts: NewTreeParts): Promise<void> {
  const { service, caller, top } = parts;
  if ((await lookup(service, caller, top, CONF_NAME)) !== null) {
    await removeTemporary(parts);
    throw treeThere();
  }
  for await (const name of entries(parts)) {
    if (name === CONF_NAME) throw treeThere();
    if (name !== DIRIV_NAME && !TEMPORARY.test(name)) throw await notEmpty(parts);
  }
}

/**
 * Makes an encrypted tree of an empty directory: `gocryptfs.diriv`, then `gocryptfs.conf`, each made under a temporary name and linked to its own. The second link is what
 * makes the tree: of several at once one succeeds, the others are refused with TreeError `tree-there`. After a crash before it there is no tree, and another call makes one; after it the tree is
 * whole. TreeError as `checkEmpty`.
 */
export async function makeTree(parts: NewTreeParts, conf: Conf): Promise<void> {
  const { service, caller, top, random } = parts;
  await checkEmpty(parts);
  // One that is there already is as good as ours, whoever made it, if it is whole.
  await publish(parts, DIRIV_NAME, DIRIV_MODE, newDirectoryIv(random));
  await checkRootIv(service, caller, top);
  if (!(await publish(parts, CONF_NAME, CONF_MODE, formatConf(conf)))) throw treeThere();
  await removeTemporary(parts);
}

/**
 * Gives a tree that has lost it a `gocryptfs.conf`; TreeError `tree-there` when it has one. TreeError `damaged` as `checkRootIv`.
 */
export async function restoreConf(parts: NewTreeParts, conf: Conf): Promise<void> {
  await checkRootIv(parts.service, parts.caller, parts.top);
  if (!(await publish(parts, CONF_NAME, CONF_MODE, formatConf(conf)))) throw treeThere();
  await removeTemporary(parts);
}

/** The IV of the root directory; TreeError `damaged` when there is no whole `gocryptfs.diriv`. */
export async function checkRootIv(service: FlareService, caller: Caller, top: FlareId): Promise<Buffer> {
  const found = await lookup(service, caller, top, DIRIV_NAME);
  if (found === null || found.type !== FlareType.file) throw damaged(`there is no ${DIRIV_NAME}`);
  const { data } = await service.read(caller, found, 0, DIRIV_BYTES + 1);
  try {
    return parseDirectoryIv(data);
  } catch (error) {
    if (error instanceof CipherError) throw damaged(`${DIRIV_NAME} is no directory IV`);
    throw error;
  }
}

/**
 * Whether a tree is this key's, as far as the names in its root directory tell: false when there are some and none of `SAMPLE` comes out. TreeError `damaged` as `checkRootIv`.
 */
export async function keyFits(parts: NewTreeParts, names: NameCipher): Promise<boolean> {
  const { service, caller, top } = parts;
  const iv = await checkRootIv(service, caller, top);
  let wrong = 0;
  for await (const name of entries(parts)) {
    const bytes = Buffer.from(name, 'latin1');
    const entry = names.entry(bytes, iv, true);
    if (entry.kind === 'hidden' || TEMPORARY.test(name)) continue;
    if (entry.kind === 'name') return true;
    if (entry.kind === 'long') {
      const file = await lookup(service, caller, top, entry.nameEntry);
      const { data } =
        file === null ? { data: Buffer.alloc(0) } : await service.read(caller, file, 0, ENCRYPTED_NAME_BYTES_MAX + 1);
      if ('name' in names.longName(bytes, data, iv)) return true;
    }
    wrong += 1;
    if (wrong === SAMPLE) return false;
  }
  return wrong === 0;
}

/** Whether it was this call that gave the file its name; false when it had one already. */
async function publish(parts: NewTreeParts, name: Name, mode: number, contents: Buffer): Promise<boolean> {
  const { service, caller, top, random } = parts;
  const temporary = `${CONF_NAME}.${random.bytes(TEMPORARY_BYTES).toString('hex')}.tmp`;
  const made = await service.create(caller, top, temporary, { type: FlareType.file, mode });
  try {
    await service.write(caller, made, 0, contents);
    await service.link(caller, made, top, name);
    return true;
  } catch (error) {
    // Gone when who won has cleaned up.
    if (!isRefusal(error, 'EXIST', 'STALE')) throw error;
    return false;
  } finally {
    await removeOne(parts, temporary);
  }
}

async function removeTemporary(parts: NewTreeParts): Promise<void> {
  const found: Name[] = [];
  for await (const name of entries(parts)) if (TEMPORARY.test(name)) found.push(name);
  for (const name of found) await removeOne(parts, name);
}

async function removeOne({ service, caller, top }: NewTreeParts, name: Name): Promise<void> {
  await unless(['NOENT', 'ACCES', 'PERM'], () => service.remove(caller, top, name), undefined);
}

async function* entries({ service, caller, top, ignored }: NewTreeParts): AsyncGenerator<Name> {
  let cookie = 0;
  for (;;) {
    const { entries: page, end } = await service.readdir(caller, top, cookie, PAGE);
    for (const entry of page) {
      if (!ignored.includes(entry.name)) yield entry.name;
      cookie = entry.cookie;
    }
    if (end || page.length === 0) return;
  }
}

function treeThere(): TreeError {
  return new TreeError('tree-there', 'there is an encrypted tree already. Cure: mount it, or take another directory');
}

async function notEmpty({ service, caller, top }: NewTreeParts): Promise<TreeError> {
  const hint =
    (await lookup(service, caller, top, DIRIV_NAME)) === null
      ? ''
      : `; it looks like an encrypted tree that has lost its ${CONF_NAME}: put a copy of that back`;
  const cure = 'make an empty directory, through a --plain mount, and name it: HOST:/DIRECTORY';
  return new TreeError('not-empty', `the directory is not empty${hint}. Cure: ${cure}`);
}

function damaged(what: string): TreeError {
  const anew = `if nothing but ${CONF_NAME} and ${DIRIV_NAME} is there, remove them through a --plain mount and make the tree anew`;
  return new TreeError('damaged', `${what}. Cure: put a copy of it back; or, ${anew}`);
}
