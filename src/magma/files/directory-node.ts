/** A directory that is being copied: what is left to do with it is done when all that is in it is there. */
export class DirectoryNode {
  readonly #parent: DirectoryNode | null;
  readonly #finish: () => Promise<void>;
  #pending = 1;

  constructor(parent: DirectoryNode | null, finish: () => Promise<void>) {
    this.#parent = parent;
    this.#finish = finish;
    parent?.begin();
  }

  /** Something in it is under way. */
  begin(): void {
    this.#pending += 1;
  }

  /** Something in it, or the look through it, has ended. */
  async end(): Promise<void> {
    this.#pending -= 1;
    if (this.#pending > 0) return;
    try {
      await this.#finish();
    } finally {
      await this.#parent?.end();
    }
  }
}
