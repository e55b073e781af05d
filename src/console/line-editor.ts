import { charactersOf, shown, unfinished } from '../operator/text.ts';
import { type Key, KeyReader } from './keys.ts';

/** The longest line, in bytes. */
export const LINE_MAX = 4096;
/** Lines that are remembered of one session. */
export const HISTORY_MAX = 100;
/** How wide a terminal is that does not say so, in columns, and the least that is believed. */
const COLUMNS = 80;
const COLUMNS_MIN = 20;

const BELL = '\x07';
const ERASE_TO_END = '\x1b[K';
const CLEAR = '\x1b[H\x1b[2J';

/** What the keys have come to. */
export type Pressed =
  | 'more'
  | 'interrupt'
  /** ^D on an empty line: nothing more comes. */
  | 'end'
  | 'complete'
  | { readonly line: string };

/** Edits lines as they are typed, character by character. All that the terminal is to show is in `output`, until it is taken. */
export class LineEditor {
  readonly #keys = new KeyReader();
  readonly #history: string[] = [];
  #prompt = '';
  #hidden = false;
  /** The line, before and after the cursor; a character each. */
  #before: string[] = [];
  #after: string[] = [];
  /** In bytes. */
  #length = 0;
  #bytes = '';
  /** Where in the history the line is; as many as there are: it is a new one, which is kept meanwhile. */
  #place = 0;
  #kept = '';
  #output = '';
  columns = COLUMNS;

  /** Begins a line. `hidden`: nothing of it is shown or remembered. */
  begin(prompt: string, hidden = false): void {
    this.#prompt = prompt;
    this.#hidden = hidden;
    this.#before = [];
    this.#after = [];
    this.#length = 0;
    this.#bytes = '';
    this.#place = this.#history.length;
    this.#output += prompt;
  }

  /** What is to be shown since it was last asked for. */
  output(): string {
    const output = this.#output;
    this.#output = '';
    return output;
  }

  get line(): string {
    return [...this.#before, ...this.#after].join('');
  }

  /** What stands before the cursor. */
  get beforeCursor(): string {
    return this.#before.join('');
  }

  /** Takes one byte. */
  type(byte: string): Pressed {
    const key = this.#keys.take(byte);
    if (key === null) return 'more';
    if (typeof key === 'string') return this.#press(key);
    this.#bytes += key.byte;
    if (unfinished(this.#bytes) > 0) return 'more';
    const typed = charactersOf(this.#bytes);
    this.#bytes = '';
    this.insert(typed.join(''));
    return 'more';
  }

  /** Puts bytes where the cursor is; what does not fit into the line is left out, with a bell. */
  insert(bytes: string): void {
    if (this.#length + bytes.length > LINE_MAX) {
      this.#output += BELL;
      return;
    }
    this.#length += bytes.length;
    const more = charactersOf(bytes);
    this.#before.push(...more);
    if (this.#hidden) return;
    const room = this.#room();
    if (this.#after.length === 0 && fitting(this.#before.toReversed(), room).length === this.#before.length)
      this.#output += more.map(shownOnLine).join('');
    else this.redraw();
  }

  /** Puts other bytes in place of those from `start` to the cursor, if there is room for them in the line. */
  replace(start: number, bytes: string): void {
    const kept = this.beforeCursor.slice(0, start);
    const length = this.#length - (this.beforeCursor.length - start) + bytes.length;
    if (length > LINE_MAX) {
      this.bell();
      return;
    }
    this.#before = [...charactersOf(kept), ...charactersOf(bytes)];
    this.#length = length;
    this.redraw();
  }

  bell(): void {
    this.#output += BELL;
  }

  /** Shows prompt and line anew: as much of it around the cursor as there is room for. */
  redraw(): void {
    if (this.#hidden) return;
    const room = this.#room();
    const before = fitting(this.#before.toReversed(), room).reverse();
    const after = fitting(this.#after, room - widthOf(before));
    this.#output += `\r${this.#prompt}${before.join('')}${after.join('')}${ERASE_TO_END}${'\b'.repeat(widthOf(after))}`;
  }

  /** Columns for the line. */
  #room(): number {
    return Math.max(COLUMNS_MIN, this.columns - charactersOf(this.#prompt).length - 1);
  }

  #press(key: Key): Pressed {
    switch (key) {
      case 'enter':
        return this.#enter();
      case 'interrupt':
        this.#output += '^C\n';
        return 'interrupt';
      case 'complete':
        return this.#hidden ? 'more' : 'complete';
      case 'endOrDelete':
        if (this.#before.length + this.#after.length === 0) {
          this.#output += '\n';
          return 'end';
        }
        this.#after.shift();
        break;
      case 'delete':
        this.#after.shift();
        break;
      case 'backspace':
        this.#before.pop();
        break;
      case 'left':
        if (this.#before.length > 0) this.#after.unshift(this.#before.pop()!);
        break;
      case 'right':
        if (this.#after.length > 0) this.#before.push(this.#after.shift()!);
        break;
      case 'home':
        this.#after.unshift(...this.#before.splice(0));
        break;
      case 'end':
        this.#before.push(...this.#after.splice(0));
        break;
      case 'killBefore':
        this.#before = [];
        break;
      case 'killAfter':
        this.#after = [];
        break;
      case 'killWord':
        while (this.#before.at(-1) === ' ') this.#before.pop();
        while (this.#before.length > 0 && this.#before.at(-1) !== ' ') this.#before.pop();
        break;
      case 'up':
        this.#recall(this.#place - 1);
        break;
      case 'down':
        this.#recall(this.#place + 1);
        break;
      case 'redraw':
        this.#output += CLEAR;
        break;
    }
    this.#length = this.line.length;
    this.redraw();
    return 'more';
  }

  #enter(): Pressed {
    const { line } = this;
    this.#output += '\n';
    if (!this.#hidden && line.trim() !== '' && line !== this.#history.at(-1)) {
      this.#history.push(line);
      if (this.#history.length > HISTORY_MAX) this.#history.shift();
    }
    return { line };
  }

  #recall(place: number): void {
    if (this.#hidden || place < 0 || place > this.#history.length) return;
    if (this.#place === this.#history.length) this.#kept = this.line;
    this.#place = place;
    this.#before = charactersOf(this.#history[place] ?? this.#kept);
    this.#after = [];
  }
}

/** A character of the line as it stands there: what is typed as a backslash stays one. */
function shownOnLine(character: string): string {
  return character === '\\' ? character : shown(character);
}

/** The first characters, as they are shown, for which there is room. */
function fitting(characters: readonly string[], room: number): string[] {
  const found: string[] = [];
  let left = room;
  for (const character of characters) {
    const shownAs = shownOnLine(character);
    left -= charactersOf(shownAs).length;
    if (left < 0) break;
    found.push(shownAs);
  }
  return found;
}

/** Columns, one for each character. */
function widthOf(characters: readonly string[]): number {
  return charactersOf(characters.join('')).length;
}
