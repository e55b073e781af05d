/** What is the matter with a directory that is, or is to be, an encrypted tree. */
export type TreeFault =
  /** There is no `gocryptfs.conf`. */
  | 'no-tree'
  /** There is one already. */
  | 'tree-there'
  /** A new tree needs an empty directory. */
  | 'not-empty'
  /** One of the two files that make a tree is missing or no file, or the master key is another tree's. */
  | 'damaged'
  /** Somebody else has changed `gocryptfs.conf` in between. */
  | 'changed';

/** Why an encrypted tree was not made, opened or given another passphrase; the message names the thing and the cure. */
export class TreeError extends Error {
  override readonly name = 'TreeError';
  readonly fault: TreeFault;

  constructor(fault: TreeFault, message: string) {
    super(message);
    this.fault = fault;
  }
}
