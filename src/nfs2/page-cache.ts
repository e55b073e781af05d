import { takeOldest } from '../base/oldest.ts';
/** What the pages and their names may take, in bytes. */
export const PAGES_BYTES_MAX = 8 * 1024 * 1024;
/** What a page takes beside its bytes and its name, about. */
const PAGE_BYTES = 300;

interface Page {
  /** The directory's version that it shows. */
  readonly version: number;
  readonly bytes: Buffer;
}

/**
 * READDIR results as they were sent, by name: whatever tells one page from another, but for the directory's version. A page is
 * given only for the version that it shows. The pages that were not asked for longest go first.
 */
export class PageCache {
  readonly #pages = new Map<string, Page>();
  #bytes = 0;

  /** The page of that name, if it shows that version of the directory. The bytes must not be changed. */
  get(name: string, version: number): Buffer | undefined {
    const page = this.#pages.get(name);
    if (page === undefined || page.version !== version) return undefined;
    this.#pages.delete(name);
    this.#pages.set(name, page);
    return page.bytes;
  }

  /** Keeps a page; `bytes` are copied. Gives the copy. */
  keep(name: string, version: number, bytes: Uint8Array): Buffer {
    // Memory of its own: a slice of Node's pool would keep the pool.
    const own = Buffer.allocUnsafeSlow(bytes.length);
    own.set(bytes);
    this.#remove(name);
    this.#pages.set(name, { version, bytes: own });
    this.#bytes += weight(name, own);
    while (this.#bytes > PAGES_BYTES_MAX) {
      const [oldest, page] = takeOldest(this.#pages)!;
      this.#bytes -= weight(oldest, page.bytes);
    }
    return own;
  }

  /** What is kept, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  #remove(name: string): void {
    const page = this.#pages.get(name);
    if (page === undefined) return;
    this.#pages.delete(name);
    this.#bytes -= weight(name, page.bytes);
  }
}

function weight(name: string, bytes: Buffer): number {
  return name.length + bytes.length + PAGE_BYTES;
}
