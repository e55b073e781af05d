import { shown } from '../operator/text.ts';

/** A line that was typed, cut into words, whose quotes and escapes are taken away. */
export interface CutLine {
  readonly words: readonly string[];
  /** Where the last word begins; the line's length when there is none that could go on. */
  readonly last: number;
  /** The quote that was not closed; empty when all were. */
  readonly open: string;
}

const ESCAPE = /\\(?:x([0-9a-f]{2})|([\s\S]))/iy;

/**
 * Cuts a line (bytes as a Latin-1 string) at its spaces. `\xNN` stands for that byte, a backslash before anything else for that itself, and what is between quotes, single or double, is one word; escapes count there too. A backslash at the end stands for
 * itself.
 */
export function cutLine(line: string): CutLine {
  const words: string[] = [];
  let word: string | null = null;
  let open = '';
  let last = line.length;
  for (let at = 0; at < line.length; ) {
    const character = line[at]!;
    if (open === '' && (character === ' ' || character === '\t')) {
      if (word !== null) words.push(word);
      word = null;
      at += 1;
      continue;
    }
    if (word === null) {
      word = '';
      last = at;
    }
    ESCAPE.lastIndex = at;
    const found = character === '\\' ? ESCAPE.exec(line) : null;
    if (found !== null) {
      word += found[1] === undefined ? found[2]! : String.fromCharCode(Number.parseInt(found[1], 16));
      at += found[0].length;
      continue;
    }
    if (open === '' && (character === '"' || character === "'")) open = character;
    else if (character === open) open = '';
    else word += character;
    at += 1;
  }
  if (word === null) return { words, last: line.length, open };
  return { words: [...words, word], last, open };
}

/** Bytes as one word of a line: what `cutLine` makes them of again. */
export function asWord(bytes: string): string {
  return bytes === '' ? '""' : shown(bytes).replace(/[ "']/g, '\\$&');
}
