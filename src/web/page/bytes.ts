/*
 * Names and paths are bytes. In the answers and in requests they are percent-encoded; here they are held as Latin-1 strings, one character a byte, as everywhere in magma.
 */

/** One character of UTF-8 (RFC 3629 §4), or one byte that is none. */
const CHARACTER =
  /[\0-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\s\S]/g;
/** Characters that are obeyed and not shown, such as those that turn the direction of writing. */
const UNSEEN = /^[\p{C}\p{Zl}\p{Zp}]$/u;
const UNRESERVED = /[A-Za-z0-9._~-]/;

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** The bytes that a percent-encoded text stands for; a `%` that begins no byte stands for itself. */
export function decoded(percent: string): string {
  const bytes = percent.replace(/[^\0-\xff]+/g, (text) => latin1(encoder.encode(text)));
  return bytes.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Bytes as they go into a request: all but letters, digits, `-._~` and `/` percent-encoded. */
export function encoded(bytes: string): string {
  return bytes.replace(/[\s\S]/g, (byte) => (byte === '/' || UNRESERVED.test(byte) ? byte : `%${hex(byte)}`));
}

/** The bytes of what somebody typed: its UTF-8. */
export function bytesOf(text: string): string {
  return latin1(encoder.encode(text));
}

/** Bytes as people see them, like on the console: `\xNN` for what is not seen or is no UTF-8, and for a backslash two. */
export function shown(bytes: string): string {
  return (bytes.match(CHARACTER) ?? []).map((character) => (character === '\\' ? '\\\\' : visible(character))).join('');
}

/** A percent-encoded path as people see it. */
export function shownPath(percent: string): string {
  return shown(decoded(percent));
}

/** What a path leads through, the root first, each with its own percent-encoded path. */
export function crumbs(path: string): { readonly name: string; readonly path: string }[] {
  const names = decoded(path)
    .split('/')
    .filter((name) => name !== '');
  const below = names.map((name, index) => ({
    name: shown(name),
    path: encoded(`/${names.slice(0, index + 1).join('/')}`),
  }));
  return [{ name: '/', path: '/' }, ...below];
}

/** The percent-encoded path of a name (bytes) in a directory. */
export function below(directory: string, name: string): string {
  return `${directory === '/' ? '' : directory}/${encoded(name)}`;
}

/** Why a typed name can be no name; null when it can. */
export function nameFault(name: string): string | null {
  const bytes = bytesOf(name);
  if (bytes === '') return 'Write a name.';
  if (bytes === '.' || bytes === '..') return 'This name is taken: it means the directory itself, or the one above.';
  if (bytes.includes('/') || bytes.includes('\0')) return 'A name cannot have a / in it.';
  return bytes.length > 255 ? 'This name is too long: 255 bytes is the most.' : null;
}

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
}

function hex(byte: string): string {
  return byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');
}

function escaped(bytes: string): string {
  return bytes.replace(/[\s\S]/g, (byte) => `\\x${hex(byte).toLowerCase()}`);
}

function visible(character: string): string {
  if (character.length === 1) return /[\x20-\x7e]/.test(character) ? character : escaped(character);
  const text = decoder.decode(Uint8Array.from(character, (byte) => byte.charCodeAt(0)));
  return UNSEEN.test(text) ? escaped(character) : text;
}
