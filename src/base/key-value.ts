/** A change of several keys at once, and what must hold for it. */
export interface Commit {
  /** Keys that must be there, and keys that must not. */
  readonly there: readonly string[];
  readonly absent: readonly string[];
  /** What is set then. */
  readonly set: ReadonlyMap<string, Buffer>;
}

/**
 * A small store of keys that a whole network shares, such as etcd. Keys are ASCII, ordered by their bytes. All that is answered is of one order that all who ask agree on (it is
 * linearizable), and what was committed is durable. Calls reject when the store cannot be reached, or does not answer in time.
 */
export interface KeyValue {
  /** The last key that begins so, and its value; null when there is none. */
  last(prefix: string): Promise<{ readonly key: string; readonly value: Buffer } | null>;
  /** Sets all, if all that must hold does; false when it does not. When it rejects it may have been done all the same. */
  commit(commit: Commit): Promise<boolean>;
  /** Removes the keys from `from` on and before `to`. */
  remove(from: string, to: string): Promise<void>;
  /**
   * Calls `changed` after keys that begin so have changed, and whenever that may have gone unseen: at the beginning, and when the store is reached again. Returns what ends it. `changed` must
   * not throw.
   */
  watch(prefix: string, changed: () => void): () => void;
  /** Lets go of connections; what is under way rejects. */
  close(): Promise<void>;
}
