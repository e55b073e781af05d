import { PASSPHRASE_BYTES_MAX } from '../client-fuse/crypto/stretch.ts';

/** What the keys that were pressed have come to. */
export type Typed = 'more' | 'done' | 'broken off';

const BACKSPACE = new Set([0x08, 0x7f]);
const ENTER = new Set([0x0a, 0x0d]);
const [CTRL_C, CTRL_D, CTRL_U] = [0x03, 0x04, 0x15] as const;

/** One line as it is typed on a terminal in raw mode, where nothing is shown. What goes beyond `PASSPHRASE_BYTES_MAX` makes one byte too many, which is refused later. */
export class LineEditor {
  readonly #bytes = Buffer.alloc(PASSPHRASE_BYTES_MAX + 1);
  #length = 0;

  /** Takes what was typed, up to the end of the line. */
  type(keys: Uint8Array): Typed {
    for (const key of keys) {
      if (ENTER.has(key)) return 'done';
      if (key === CTRL_C || (key === CTRL_D && this.#length === 0)) return 'broken off';
      if (key === CTRL_D) return 'done';
      if (key === CTRL_U) this.wipe();
      else if (BACKSPACE.has(key)) this.#backspace();
      else if (this.#length < this.#bytes.length) this.#bytes[this.#length++] = key;
    }
    return 'more';
  }

  /** A copy of the line, for the caller to wipe. */
  line(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }

  wipe(): void {
    this.#bytes.fill(0);
    this.#length = 0;
  }

  /** Takes a whole character away: in UTF-8 all bytes but the first are 10xxxxxx. */
  #backspace(): void {
    while (this.#length > 0) {
      const byte = this.#bytes[--this.#length]!;
      this.#bytes[this.#length] = 0;
      if ((byte & 0xc0) !== 0x80) return;
    }
  }
}
