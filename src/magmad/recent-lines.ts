/** Lines of the log that are kept in memory, and the longest that is kept whole, in bytes. */
export const LINES_KEPT = 1000;
export const LINE_KEPT_MAX = 4096;

/** The last lines of the log. */
export class RecentLines {
  readonly #lines: string[] = [];
  #next = 0;
  #added = 0;

  /** How many there were since the start. */
  get added(): number {
    return this.#added;
  }

  /** Keeps a line; of a longer one than `LINE_KEPT_MAX` the beginning. */
  add(line: string): void {
    this.#added += 1;
    // A slice alone would keep the whole line in memory.
    this.#lines[this.#next] = line.length > LINE_KEPT_MAX ? Buffer.from(line.slice(0, LINE_KEPT_MAX)).toString() : line;
    this.#next = (this.#next + 1) % LINES_KEPT;
  }

  /** The last ones, oldest first. */
  last(count: number): string[] {
    const all = [...this.#lines.slice(this.#next), ...this.#lines.slice(0, this.#next)];
    return all.slice(-Math.max(1, count));
  }
}
