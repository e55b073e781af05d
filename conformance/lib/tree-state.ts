/*
 * What a client knows of its own part of the tree: a plain value, so that "before the call" and "after the call" are two of them.
 * Paths are `a/name` and `b/name`: two directories, so that names move between them.
 */

/** One flare. Never changed in place. */
export interface Inode {
  readonly kind: 'file' | 'directory' | 'symlink';
  /** A file's contents or a symlink's target. */
  readonly data: Buffer;
  readonly mode: number;
}

export interface TreeState {
  /** Path to the inode's number; several paths may have the same. */
  readonly names: ReadonlyMap<string, number>;
  readonly inodes: ReadonlyMap<number, Inode>;
}

export const EMPTY: TreeState = { names: new Map(), inodes: new Map() };

/** How many names the inode has. */
export function linksOf(state: TreeState, id: number): number {
  let count = 0;
  for (const other of state.names.values()) if (other === id) count++;
  return count;
}

/** With a name more, or another inode under that name; an inode that no name is left of goes. */
export function withName(state: TreeState, path: string, id: number | undefined): TreeState {
  const names = new Map(state.names);
  const before = names.get(path);
  if (id === undefined) names.delete(path);
  else names.set(path, id);
  const after = { names, inodes: state.inodes };
  if (before === undefined || before === id || linksOf(after, before) > 0) return after;
  const inodes = new Map(state.inodes);
  inodes.delete(before);
  return { names, inodes };
}

/** With that inode new or changed. */
export function withInode(state: TreeState, id: number, inode: Inode): TreeState {
  return { names: state.names, inodes: new Map(state.inodes).set(id, inode) };
}

/** A file's contents after a write. */
export function written(before: Buffer, offset: number, data: Buffer): Buffer {
  const after = Buffer.alloc(Math.max(before.length, offset + data.length));
  before.copy(after);
  data.copy(after, offset);
  return after;
}

/** A file's contents after a change of its size. */
export function resized(before: Buffer, size: number): Buffer {
  const after = Buffer.alloc(size);
  before.copy(after);
  return after;
}
