/*
 * Names and contents are bytes, held as Latin-1 strings. What goes to a terminal from here is UTF-8 without anything that a terminal would obey.
 */

/** One character of UTF-8 (RFC 3629 §4), or one byte that is none. */
const CHARACTER =
  /[\0-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\s\S]/g;
/** Characters that are obeyed and not shown: controls, formats such as those that turn the direction of writing, separators of lines, what is not assigned. */
const UNSEEN = /^[\p{C}\p{Zl}\p{Zp}]$/u;

/** The characters of UTF-8 that bytes are; bytes that are none stand alone. */
export function charactersOf(bytes: string): string[] {
  return bytes.match(CHARACTER) ?? [];
}

/** How many bytes at the end begin a character of UTF-8 that is not there yet as a whole, 0 to 3. */
export function unfinished(bytes: string): number {
  for (let count = 1; count <= Math.min(3, bytes.length); count++) {
    const code = bytes.charCodeAt(bytes.length - count);
    if ((code & 0xc0) === 0x80) continue;
    const wanted = code >= 0xf0 ? 4 : code >= 0xe0 ? 3 : code >= 0xc2 ? 2 : 1;
    return wanted > count ? count : 0;
  }
  return 0;
}

function escaped(bytes: string): string {
  return Array.from(bytes, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');
}

function visible(character: string): string {
  if (character.length === 1) return /[\x20-\x7e]/.test(character) ? character : escaped(character);
  return UNSEEN.test(Buffer.from(character, 'latin1').toString('utf8')) ? escaped(character) : character;
}

/** Bytes of a name as they are shown, and can be typed: `\xNN` for what is not seen or is no UTF-8, and for a backslash two. */
export function shown(bytes: string): string {
  return charactersOf(bytes)
    .map((character) => (character === '\\' ? '\\\\' : visible(character)))
    .join('');
}

/** Bytes of a text without anything that a terminal obeys but ends of lines and tabs. Backslashes stay as they are. */
export function harmless(bytes: string): string {
  return charactersOf(bytes)
    .map((character) => (character === '\n' || character === '\t' ? character : visible(character)))
    .join('');
}

/** A text of this program or of an error, in bytes, made harmless, on one line. */
export function told(text: string): string {
  return harmless(Buffer.from(text, 'utf8').toString('latin1').replaceAll('\n', ' '));
}
