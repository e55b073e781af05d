import type { Access } from '../acl/areas.ts';
import { splitPath } from '../acl/path.ts';
import type { Shares } from '../acl/shares.ts';
import { squash } from '../acl/squash.ts';
import { walk } from '../acl/walk.ts';
import type { Endpoint } from '../base/net.ts';
import { FlareError } from '../flare/errors.ts';
import type { FlareService } from '../flare/service.ts';
import { type Attributes, type Caller, FlareType } from '../flare/types.ts';

/** The most symlinks on the way to a file. */
export const LINKS_MAX = 8;

/** A file that a client may read, and as whom. */
export interface Found {
  readonly file: Attributes;
  readonly caller: Caller;
  readonly access: Access;
}

/** The way led out of the directory that is served, or over too many symlinks. */
export class AstrayError extends Error {}

/** What is served. */
export interface TftpTree {
  readonly service: FlareService;
  readonly shares: Pick<Shares, 'access' | 'list'>;
  /** The share's path, and the directory below it. */
  readonly share: string;
  readonly path: string;
}

/** The directory that is served. Rejects with `FlareError`: NOENT, NOTDIR when it is not there, or the share is none any more. */
async function rootOf({ service, shares, share, path }: TftpTree): Promise<Attributes> {
  const names = splitPath(share + path);
  if (typeof names === 'string' || !shares.list().some((one) => one.path === share)) throw FlareError.of('NOENT');
  const { directory, stopped } = await walk(service, names);
  if (stopped !== null) throw FlareError.of(stopped);
  return directory;
}

/** One way from the root that is served to a file. */
class Way {
  readonly #tree: TftpTree;
  readonly #client: Endpoint;
  /** The directories passed, the root first: `..` in a symlink goes back among these, and no further. */
  readonly #passed: Attributes[];
  #links = 0;

  constructor(tree: TftpTree, client: Endpoint, root: Attributes) {
    this.#tree = tree;
    this.#client = client;
    this.#passed = [root];
  }

  async judge(flare: Attributes): Promise<{ access: Access; caller: Caller }> {
    const access = await this.#tree.shares.access(this.#client, flare);
    if (access.permission === 'n') throw FlareError.of('ACCES');
    // TFTP says nothing of who asks.
    return { access, caller: squash({ flavor: 'none' }, access.options) };
  }

  async find(names: readonly string[]): Promise<Attributes> {
    const left = [...names];
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      const found = await this.#step(name);
      if (found === null) continue;
      if (found.type === FlareType.symlink) left.unshift(...(await this.#follow(found)));
      else if (found.type === FlareType.directory) this.#passed.push(found);
      else if (left.length > 0) throw FlareError.of('NOTDIR');
      else return found;
    }
    throw FlareError.of('ISDIR');
  }

  /** Null: it is a step back, or none. */
  async #step(name: string): Promise<Attributes | null> {
    if (name === '' || name === '.') return null;
    if (name === '..') {
      if (this.#passed.length === 1) throw new AstrayError('a symlink leads out of what is served');
      this.#passed.pop();
      return null;
    }
    const directory = this.#passed.at(-1)!;
    const { caller } = await this.judge(directory);
    return this.#tree.service.lookup(caller, directory, name);
  }

  /** The names of a symlink's target; an absolute one begins at what is served. */
  async #follow(link: Attributes): Promise<string[]> {
    if (++this.#links > LINKS_MAX) throw new AstrayError('too many symlinks');
    const { caller } = await this.judge(link);
    const target = (await this.#tree.service.readlink(caller, link)).toString('latin1');
    if (target.startsWith('/')) this.#passed.length = 1;
    return target.split('/');
  }
}

/**
 * The file of that name. Names begin at the directory that is served, with or without a slash, and none leads out of it: `..` is refused, symlinks are
 * followed as if there were nothing above. The rules of shares hold. Rejects with `FlareError` and `AstrayError`.
 */
export async function findFile(tree: TftpTree, name: string, client: Endpoint): Promise<Found> {
  const names = splitPath(name.startsWith('/') ? name : `/${name}`);
  if (names === 'dotdot') throw new AstrayError('a name with .. in it');
  if (typeof names === 'string') throw FlareError.of('NOENT');
  const way = new Way(tree, client, await rootOf(tree));
  const file = await way.find(names);
  if (file.type !== FlareType.file) throw FlareError.of('INVAL');
  return { file, ...(await way.judge(file)) };
}
