/** Takes XDR (RFC 4506) off a reply by hand. */
export class Reads {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  number(): number {
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  numbers(count = this.number()): number[] {
    return Array.from({ length: count }, () => this.number());
  }

  text(): string {
    const length = this.number();
    const from = this.#at;
    this.#at += (length + 3) & ~3;
    return this.#bytes.toString('latin1', from, from + length);
  }

  list<T>(element: () => T): T[] {
    const items: T[] = [];
    while (this.number() === 1) items.push(element());
    return items;
  }

  /** Bytes that nobody has taken. */
  get rest(): number {
    return this.#bytes.length - this.#at;
  }
}
