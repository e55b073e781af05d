import type { AnySchema } from '@stellar/js-xdr';

/** The most elements of a linked list, read or written. */
export const LIST_MAX = 262_144;
/** How deep types that contain themselves may be nested in values. */
export const DEPTH_MAX = 100;

/** What the generated functions of one codec share: the code so far, and the objects that it refers to by number. */
export class SharedSource {
  readonly own: ReadonlySet<AnySchema>;
  readonly constants: unknown[] = [];
  readonly #numbers = new Map<AnySchema, number>();
  readonly pending: AnySchema[] = [];

  constructor(own: ReadonlySet<AnySchema>) {
    this.own = own;
  }

  /** The number of a schema's own function; it will be generated if it was not yet. */
  functionOf(schema: AnySchema): number {
    let number = this.#numbers.get(schema);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(schema, number);
      this.pending.push(schema);
    }
    return number;
  }

  /** An expression for an object that cannot be written as source. */
  constant(value: unknown): string {
    this.constants.push(value);
    return `k[${this.constants.length - 1}]`;
  }
}

/**
 * The body of one generated function. Reads and writes of fixed size that follow each other share one bounds check:
 * `take` adds to the current run, `flush` ends it.
 */
export class FunctionSource {
  readonly shared: SharedSource;
  readonly #lines: string[] = [];
  readonly #check: (bytes: number, path: string) => string;
  #names = 0;
  #runLine = -1;
  #runBytes = 0;
  #runPath = '';

  /** `check` makes the statement that a run of that many bytes begins with. */
  constructor(shared: SharedSource, check: (bytes: number, path: string) => string) {
    this.shared = shared;
    this.#check = check;
  }

  line(text: string): void {
    this.#lines.push(text);
  }

  /** A name that is not used yet. */
  name(): string {
    this.#names += 1;
    return `v${this.#names}`;
  }

  /** Adds bytes to the run; returns the expression of their offset. */
  take(bytes: number, path: string): string {
    if (this.#runLine < 0) {
      this.#runLine = this.#lines.push('') - 1;
      this.#runBytes = 0;
      this.#runPath = path;
    }
    const at = this.#runBytes;
    this.#runBytes += bytes;
    return at === 0 ? 'o' : `o+${at}`;
  }

  /** Ends the run: from here on `o` stands behind it. Due before and at the end of every branch. */
  flush(): void {
    if (this.#runLine < 0) return;
    this.#lines[this.#runLine] = this.#check(this.#runBytes, this.#runPath);
    if (this.#runBytes > 0) this.line(`o+=${this.#runBytes};`);
    this.#runLine = -1;
  }

  toString(): string {
    return this.#lines.join('\n');
  }
}

/** Text as a JavaScript literal. */
export function quote(text: string): string {
  return JSON.stringify(text);
}

/** The condition under which `value` is none of the numbers. */
export function noneOf(numbers: Iterable<number>, value: string, shared: SharedSource): string {
  const sorted = [...numbers].sort((a, b) => a - b);
  const [low, high] = [sorted[0] ?? 0, sorted.at(-1) ?? -1];
  if (high - low + 1 === sorted.length) return `${value}<${low}||${value}>${high}`;
  return `!${shared.constant(new Set(sorted))}.has(${value})`;
}
