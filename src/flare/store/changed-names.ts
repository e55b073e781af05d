import type { DirectoryEntry, Name } from '../types.ts';

/** An entry in memory. */
export interface ChangedName {
  readonly name: Name;
  readonly value: { readonly cookie: number; readonly fileid: number } | null;
  /** The flush that its last change goes with. */
  readonly flush: number;
}

/** The entries that changed between two flushes and mean something, by cookie. */
interface Run {
  readonly flush: number;
  readonly cookies: number[];
  readonly names: ChangedName[];
}

/** The first place in `cookies`, which rise, whose cookie is not below that one. */
function placeOf(cookies: readonly number[], cookie: number): number {
  // Most new cookies are the highest so far.
  if (cookies.length === 0 || cookies[cookies.length - 1]! < cookie) return cookies.length;
  let low = 0;
  let high = cookies.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cookies[middle]! < cookie) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * What a directory's listing shows of names that the index does not know yet, or knows otherwise, in the order of their cookies: a page costs
 * what it shows, however many they are.
 */
export class ChangedNames {
  readonly #flushes: { readonly flush: number; readonly applied: number };
  /** One for each flush that is not applied, oldest first. */
  readonly #runs: Run[] = [];

  /** `flushes` says which flush changes of now go with, and which one is applied. */
  constructor(flushes: { readonly flush: number; readonly applied: number }) {
    this.#flushes = flushes;
  }

  /** To be told before an entry changes: what cookie it will have; null: it will mean nothing. */
  change(entry: ChangedName, cookie: number | null): void {
    const { flush } = this.#flushes;
    let run = this.#runs.at(-1);
    if (run?.flush !== flush) {
      run = { flush, cookies: [], names: [] };
      this.#runs.push(run);
    }
    if (entry.flush === flush && entry.value !== null) {
      if (entry.value.cookie === cookie) return;
      const place = placeOf(run.cookies, entry.value.cookie);
      run.cookies.splice(place, 1);
      run.names.splice(place, 1);
    }
    if (cookie === null) return;
    const place = placeOf(run.cookies, cookie);
    run.cookies.splice(place, 0, cookie);
    run.names.splice(place, 0, entry);
  }

  /** Forgets what is applied. */
  settle(): void {
    while (this.#runs.length > 0 && this.#runs[0]!.flush <= this.#flushes.applied) this.#runs.shift();
  }

  /** Whether one of them has that cookie. */
  taken(cookie: number): boolean {
    return this.after(cookie - 1, 1)[0]?.cookie === cookie;
  }

  /** Those whose cookies come after `cookie`, and not after `last`, in their order, at most `limit`. */
  after(cookie: number, limit: number, last = Number.POSITIVE_INFINITY): DirectoryEntry[] {
    this.settle();
    const found: DirectoryEntry[] = [];
    for (const { flush, cookies, names } of this.#runs) {
      const enough = found.length + limit;
      for (let place = placeOf(cookies, cookie + 1); place < names.length && found.length < enough; place++) {
        if (cookies[place]! > last) break;
        const { name, value, flush: newest } = names[place]!;
        // What has changed once more is in a later run, or means nothing.
        if (newest === flush && value !== null) found.push({ name, fileid: value.fileid, cookie: value.cookie });
      }
    }
    if (this.#runs.length > 1) found.sort((one, other) => one.cookie - other.cookie);
    return found.length > limit ? found.slice(0, limit) : found;
  }
}
