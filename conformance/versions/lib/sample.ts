import { createHash } from 'node:crypto';
import type { Fattr, Nfs2Wire } from '../../lib/wire-nfs2.ts';

/* What the data directory of each released version holds (docs/upgrading.md): some of everything that its store keeps, made over NFSv2 and told in a list. */

/** One name of the tree. */
export interface Sampled extends Fattr {
  readonly path: string;
  /** As hexadecimal digits: clients have them from before the upgrade. */
  readonly handle: string;
  /** Of a symlink: what it says; of a file: the SHA-256 of its contents. */
  readonly contents?: string;
}

const DIRECTORY = 2;
const SYMLINK = 5;
const READ_BYTES = 8192;
/** Names of the largest directory. */
const NAMES = 40;

function bytes(seed: string, length: number): Buffer {
  const all: Buffer[] = [];
  for (let at = 0; at * 32 < length; at++) all.push(createHash('sha256').update(`${seed} ${at}`).digest());
  return Buffer.concat(all).subarray(0, length);
}

async function made(nfs: Nfs2Wire, directory: Buffer, name: string, mode = 0o644): Promise<Buffer> {
  return (await nfs.ok('CREATE', directory, name, { mode })).handle!;
}

async function write(nfs: Nfs2Wire, file: Buffer, offset: number, data: Buffer): Promise<void> {
  for (let at = 0; at < data.length; at += READ_BYTES)
    await nfs.ok('WRITE', file, offset + at, data.subarray(at, at + READ_BYTES));
}

/** What is made before the volcano is stopped in order, and started again. */
export async function makeFirst(nfs: Nfs2Wire, root: Buffer): Promise<void> {
  const top = (await nfs.ok('MKDIR', root, 'top', { mode: 0o755 })).handle!;
  const below = (await nfs.ok('MKDIR', top, 'below', { mode: 0o2775, gid: 100 })).handle!;
  await write(nfs, await made(nfs, below, 'written', 0o640), 0, bytes('written', 20_000));
  const sparse = await made(nfs, below, 'sparse');
  await write(nfs, sparse, 2 ** 31 - 1000, bytes('sparse', 900));
  await nfs.ok('SETATTR', sparse, { size: 2 ** 31 - 500, uid: 1000, gid: 1000, mode: 0o600 });
  await nfs.ok('SYMLINK', top, 'symlink', '../elsewhere/\xff');
  await nfs.ok('LINK', sparse, root, 'linked');
  const many = (await nfs.ok('MKDIR', root, 'many', { mode: 0o777 })).handle!;
  await Promise.all(Array.from({ length: NAMES }, (_, number) => made(nfs, many, `name ${number} \xe4`)));
}

/** What is made after that, before it is killed. */
export async function makeSecond(nfs: Nfs2Wire, root: Buffer): Promise<void> {
  const top = (await nfs.ok('LOOKUP', root, 'top')).handle!;
  const many = (await nfs.ok('LOOKUP', root, 'many')).handle!;
  const gone = Array.from({ length: Math.ceil(NAMES / 3) }, (_, third) => `name ${3 * third} \xe4`);
  await Promise.all(gone.map((name) => nfs.ok('REMOVE', many, name)));
  await nfs.ok('RENAME', top, 'below', root, 'moved');
  const written = (await nfs.ok('LOOKUP', (await nfs.ok('LOOKUP', root, 'moved')).handle!, 'written')).handle!;
  await write(nfs, written, 10_000, bytes('over', 5000));
  await nfs.ok('SETATTR', written, { size: 14_000 });
  // Born under the key that `below` has kept: a salted one.
  const again = (await nfs.ok('MKDIR', top, 'below', { mode: 0o755 })).handle!;
  await write(nfs, await made(nfs, again, 'file'), 0, bytes('file', 100));
  await nfs.ok('RENAME', many, `name 1 \xe4`, many, `name 2 \xe4`);
}

/** The whole tree below a directory, by path; what is in `/.dht/` is left out. */
export async function sampleOf(nfs: Nfs2Wire, directory: Buffer, above = ''): Promise<Sampled[]> {
  const found: Sampled[] = [];
  for (const name of [...(await nfs.list(directory)).keys()].sort()) {
    if (name === '.' || name === '..' || (above === '' && name === '.dht')) continue;
    const { handle, attributes } = await nfs.ok('LOOKUP', directory, name);
    const { type, size } = attributes!;
    const path = `${above}/${name}`;
    const facts = { path, handle: handle!.toString('hex'), ...attributes! };
    if (type === DIRECTORY) found.push(facts, ...(await sampleOf(nfs, handle!, path)));
    else if (type === SYMLINK)
      found.push({ ...facts, contents: (await nfs.ok('READLINK', handle!)).data!.toString('latin1') });
    else found.push({ ...facts, contents: await digestOf(nfs, handle!, size) });
  }
  return found;
}

/** Of what is at the start and at the end: sparse files are long. */
async function digestOf(nfs: Nfs2Wire, file: Buffer, size: number): Promise<string> {
  const hash = createHash('sha256');
  const end = Math.max(0, size - 2 * READ_BYTES);
  for (const from of end < 2 * READ_BYTES ? [0] : [0, end])
    for (let at = from; at < Math.min(size, from + 2 * READ_BYTES); at += READ_BYTES)
      hash.update((await nfs.ok('READ', file, at, READ_BYTES)).data!);
  return hash.digest('hex');
}
