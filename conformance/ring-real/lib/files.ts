import type { Test } from 'tap';
import type { Nfs2Wire } from '../../lib/wire-nfs2.ts';
import type { Client } from './client.ts';

/** Files `f0`, `f1` and so on in one directory, each with contents that tell it from all others. */
export class NumberedFiles {
  readonly #nfs: Nfs2Wire;
  readonly #directory: Buffer;
  #made = 0;
  #over = false;
  #writing: Promise<void> | null = null;

  constructor(nfs: Nfs2Wire, directory: Buffer) {
    this.#nfs = nfs;
    this.#directory = directory;
  }

  /** How many there are. */
  get made(): number {
    return this.#made;
  }

  /** What file `n` holds. */
  static data(n: number): Buffer {
    return Buffer.alloc(3000, `file ${n} `);
  }

  /** Makes so many more. Rejects with the first call that fails. */
  async make(count = 1): Promise<void> {
    for (const end = this.#made + count; this.#made < end; this.#made++) {
      const { handle } = await this.#nfs.ok('CREATE', this.#directory, `f${this.#made}`, { mode: 0o644 });
      await this.#nfs.ok('WRITE', handle!, 0, NumberedFiles.data(this.#made));
    }
  }

  /** Makes one after the other from now on, until `end`. */
  begin(): this {
    this.#writing = (async () => {
      while (!this.#over) await this.make();
    })();
    return this;
  }

  /** Resolves when `begin` has made so many. */
  async reach(count: number): Promise<void> {
    while (this.#made < count) await new Promise((resolve) => setImmediate(resolve));
  }

  /** No more are made. Rejects with the first call that failed; resolves with how many there are. */
  async end(): Promise<number> {
    this.#over = true;
    await this.#writing;
    return this.#made;
  }

  /** Holds all of them to what was written, through some client of the directory. */
  async check(t: Test, { nfs, root }: Client): Promise<void> {
    for (let n = 0; n < this.#made; n++) {
      const { handle } = await nfs.ok('LOOKUP', root, `f${n}`);
      const { data } = await nfs.ok('READ', handle!, 0, 8192);
      if (!data!.equals(NumberedFiles.data(n))) t.fail(`f${n} is another one`);
    }
  }
}
