/** Tells turns of the event loop apart, for those who hand out what is valid in one turn only. */
export class Turn {
  #number = 1;
  #asked = false;
  readonly #next = (): void => {
    this.#number = this.#number === 0xffff_ffff ? 1 : this.#number + 1;
    this.#asked = false;
  };

  /** This turn's number, 1 to 2^32 - 1; another one when all promises that settle in this one have been noticed. */
  get number(): number {
    if (!this.#asked) {
      this.#asked = true;
      setImmediate(this.#next);
    }
    return this.#number;
  }
}
