/** Keys that are more than one byte, or that have a name here. */
export type Key =
  | 'up'
  | 'down'
  | 'left'
  | 'right'
  | 'home'
  | 'end'
  | 'delete'
  | 'backspace'
  | 'enter'
  | 'complete'
  | 'interrupt'
  | 'endOrDelete'
  | 'killBefore'
  | 'killAfter'
  | 'killWord'
  | 'redraw';

/** The longest sequence of a key that is looked at, in bytes. */
export const SEQUENCE_MAX = 16;

const CONTROL: ReadonlyMap<string, Key> = new Map([
  ['\x01', 'home'],
  ['\x02', 'left'],
  ['\x03', 'interrupt'],
  ['\x04', 'endOrDelete'],
  ['\x05', 'end'],
  ['\x06', 'right'],
  ['\x08', 'backspace'],
  ['\x09', 'complete'],
  ['\x0a', 'enter'],
  ['\x0b', 'killAfter'],
  ['\x0c', 'redraw'],
  ['\x0e', 'down'],
  ['\x10', 'up'],
  ['\x15', 'killBefore'],
  ['\x17', 'killWord'],
  ['\x7f', 'backspace'],
]);

/** What follows ESC [ or ESC O (ECMA-48, xterm). */
const SEQUENCES: ReadonlyMap<string, Key> = new Map([
  ['A', 'up'],
  ['B', 'down'],
  ['C', 'right'],
  ['D', 'left'],
  ['H', 'home'],
  ['F', 'end'],
  ['1~', 'home'],
  ['3~', 'delete'],
  ['4~', 'end'],
  ['7~', 'home'],
  ['8~', 'end'],
]);

/** Makes keys of what a terminal sends, byte by byte. */
export class KeyReader {
  #sequence: string | null = null;

  /** The key that this byte ends; a byte that stands for itself; null when there is nothing (yet). */
  take(byte: string): Key | { readonly byte: string } | null {
    const before = this.#sequence;
    if (before === null) {
      if (byte === '\x1b') {
        this.#sequence = '';
        return null;
      }
      const key = CONTROL.get(byte);
      if (key !== undefined) return key;
      return byte < ' ' ? null : { byte };
    }
    // What ends a line or breaks off does so in the middle of a sequence too.
    if (byte < ' ') {
      this.#sequence = null;
      return this.take(byte);
    }
    if (before === '') {
      this.#sequence = byte === '[' || byte === 'O' ? byte : null;
      return null;
    }
    if (/[0-9;]/.test(byte) && before.length < SEQUENCE_MAX) {
      this.#sequence = before + byte;
      return null;
    }
    this.#sequence = null;
    return SEQUENCES.get(before.slice(1) + byte) ?? null;
  }
}
