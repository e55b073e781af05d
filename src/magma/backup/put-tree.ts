import { randomBytes } from 'node:crypto';
import { boundBefore } from '../../acl/bindings.ts';
import type { BackupShare } from '../../dht/backup/format.ts';
import { FlareError } from '../../flare/errors.ts';
import { keyText } from '../../flare/keys.ts';
import type { FlareService, NoteStore } from '../../flare/service.ts';
import { type Attributes, type FlareId, FlareType, type Name } from '../../flare/types.ts';
import { pathOf, ROOT } from '../../operator/paths.ts';
import { PIECE_BYTES } from '../files/content.ts';
import { find, need, pathText, remotePath } from '../files/paths.ts';
import { FileProblem } from '../files/problem.ts';
import { goOn } from '../files/run.ts';
import type { Progress } from '../progress.ts';
import { directoryAt, directoryIn } from './share.ts';

/** Entries of a directory that are asked for at once. */
const PAGE = 256;

/** What was put. */
export interface PutTree {
  files: number;
  directories: number;
  /** Symbolic links, devices, fifos, sockets, and further names of files. */
  others: number;
  bytes: number;
}

/** What of the one tree has become what in the other one: files with several names are one there, too. */
interface Copying {
  readonly from: FlareService;
  readonly to: FlareService;
  readonly signal: AbortSignal;
  readonly bar: Progress;
  readonly made: Map<string, FlareId>;
  readonly put: PutTree;
}

/**
 * Puts a directory of one tree, of which that is a backup (`of`), into another one, as a new directory at a path where nothing is; under a temporary name until all of it is there. Rejects with `FileProblem` that names the path, and `Interrupted`; then
 * what was put is removed again.
 */
export async function putTree(
  from: FlareService & NoteStore,
  share: string,
  of: BackupShare | null,
  to: FlareService,
  into: string,
  { signal, bar }: { readonly signal: AbortSignal; readonly bar: Progress },
): Promise<PutTree> {
  const source = await sourceOf(from, share, of);
  const { names } = remotePath(into);
  const name = names.at(-1);
  if (name === undefined) throw new FileProblem('/', 'is there already: name a path where nothing is');
  const parent = await need(to, names.slice(0, -1));
  if ((await find(to, names)) !== null)
    throw new FileProblem(pathText(names), 'is there already: nothing is replaced; name a path where nothing is');
  const put: PutTree = { files: 0, directories: 0, others: 0, bytes: 0 };
  const copying: Copying = { from, to, signal, bar, made: new Map(), put };
  const temporary = `.magma-restore-${randomBytes(6).toString('hex')}`;
  try {
    const { uid, gid } = source;
    const made = await to.create(ROOT, parent, temporary, { type: FlareType.directory, mode: 0o700, uid, gid });
    await putEntries(copying, source, made, names);
    await to.rename(ROOT, parent, temporary, parent, name);
    await keepAttributes(to, made, source);
    put.directories += 1;
    return put;
  } catch (error) {
    await takeAway(to, parent, temporary).catch(() => {});
    throw error;
  }
}

/** What a path of the backup means: the directory that the rules of such a share were bound to, else what lies at that path. */
async function sourceOf(from: FlareService & NoteStore, share: string, of: BackupShare | null): Promise<Attributes> {
  const { names } = remotePath(share);
  if (of !== null) return directoryIn(from, of, names);
  const [bound] = await boundBefore(from, from, pathOf(names));
  return bound ?? directoryAt(from, names);
}

async function putEntries(copying: Copying, from: FlareId, to: FlareId, path: readonly Name[]): Promise<void> {
  for (let cookie = 0; ; ) {
    const { entries, end } = await copying.from.readdir(ROOT, from, cookie, PAGE);
    for (const { name } of entries) {
      goOn(copying.signal);
      if (name !== '.' && name !== '..') await putEntry(copying, from, name, to, [...path, name]);
    }
    if (end || entries.length === 0) return;
    ({ cookie } = entries.at(-1)!);
  }
}

async function putEntry(
  copying: Copying,
  from: FlareId,
  name: Name,
  to: FlareId,
  path: readonly Name[],
): Promise<void> {
  const { from: source, to: tree, made, put } = copying;
  try {
    const flare = await source.lookup(ROOT, from, name);
    const known = made.get(keyText(flare.key));
    if (known !== undefined) {
      await tree.link(ROOT, known, to, name);
      put.others += 1;
      return;
    }
    const { type, mode, uid, gid, major, minor } = flare;
    const target = type === FlareType.symlink ? { target: Buffer.from(await source.readlink(ROOT, flare)) } : {};
    const isDevice = type === FlareType.character || type === FlareType.block;
    const birth = { type, mode, uid, gid, ...target, ...(isDevice ? { major, minor } : {}) };
    const there = await tree.create(ROOT, to, name, birth);
    if (flare.nlink > 1 && type !== FlareType.directory) made.set(keyText(flare.key), there);
    if (type === FlareType.directory) {
      await putEntries(copying, flare, there, path);
      put.directories += 1;
    } else if (type === FlareType.file) {
      await putContents(copying, flare, there);
      put.files += 1;
    } else put.others += 1;
    await keepAttributes(tree, there, flare);
  } catch (error) {
    throw error instanceof FlareError ? FileProblem.of(pathText(path), error) : error;
  }
}

async function putContents({ from, to, signal, bar, put }: Copying, file: Attributes, there: FlareId): Promise<void> {
  for (let offset = 0; offset < file.size; offset += PIECE_BYTES) {
    goOn(signal);
    const { data } = await from.read(ROOT, file, offset, Math.min(PIECE_BYTES, file.size - offset));
    // What is read is there for one turn only.
    const piece = Buffer.from(data);
    if (piece.every((byte) => byte === 0)) continue;
    await to.write(ROOT, there, offset, piece);
    put.bytes += piece.length;
    bar.add(piece.length);
  }
}

async function keepAttributes(tree: FlareService, there: FlareId, of: Attributes): Promise<void> {
  const { type, mode, mtime, size } = of;
  // What a file ends with may be a hole.
  const length = type === FlareType.file ? { size } : {};
  await tree.setattr(ROOT, there, { ...length, ...(type === FlareType.symlink ? {} : { mode }), mtime });
}

async function takeAway(tree: FlareService, directory: FlareId, name: Name): Promise<void> {
  const flare = await tree.lookup(ROOT, directory, name);
  if (flare.type !== FlareType.directory) {
    await tree.remove(ROOT, directory, name);
    return;
  }
  for (;;) {
    const { entries } = await tree.readdir(ROOT, flare, 0, PAGE);
    const names = entries.map((entry) => entry.name).filter((one) => one !== '.' && one !== '..');
    if (names.length === 0) break;
    for (const one of names) await takeAway(tree, flare, one);
  }
  await tree.rmdir(ROOT, directory, name);
}
