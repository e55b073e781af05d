/** Reads XDR off a reply or a call, by hand: nothing of the code under test (RFC 4506). */
export class Words {
  readonly bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  number(): number {
    this.#at += 4;
    return this.bytes.readUInt32BE(this.#at - 4);
  }

  text(): string {
    const length = this.number();
    const from = this.#at;
    this.#at += (length + 3) & ~3;
    return this.bytes.toString('latin1', from, from + length);
  }

  /** A list in which each element says whether one more comes. */
  list<T>(element: () => T): T[] {
    const items: T[] = [];
    while (this.number() === 1) items.push(element());
    return items;
  }

  /** An offset in that version of NLM. */
  offset(version: number): bigint {
    if (version !== 4) return BigInt(this.number());
    this.#at += 8;
    return this.bytes.readBigUInt64BE(this.#at - 8);
  }

  /** Bytes that were not read. */
  get rest(): number {
    return this.bytes.length - this.#at;
  }
}
