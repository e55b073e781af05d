import { NAME_MAX } from '../flare/types.ts';
import { DEPTH_MAX } from '../operator/paths.ts';
import { Refused } from './refusal.ts';

/** The longest path of a request, as it is written, in bytes. */
export const PATH_TEXT_MAX = 12 * 1024;

/** Bytes (Latin-1) as they stand in a path of a URL (RFC 3986 §2.3): all but unreserved characters as `%NN`. */
export function encoded(bytes: string): string {
  return bytes.replace(
    /[^A-Za-z0-9._~-]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

/** A path of bytes likewise; slashes stay. */
export function encodedPath(path: string): string {
  return path.split('/').map(encoded).join('/');
}

/** The bytes that a text with `%NN` means. Throws `Refused` for what is no such text. */
export function decoded(text: string): string {
  if (!/^(?:[\x21-\x24\x26-\x7e]|%[0-9A-Fa-f]{2})*$/.test(text))
    throw new Refused(400, 'A path is printable ASCII, and all else in it is written as %NN.');
  return text.replace(/%(..)/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

/**
 * The names along a path as requests have it: absolute, encoded once. What could mean anything else than it says, such as `..`, is refused and not
 * resolved. Throws `Refused`.
 */
export function namesOf(path: string | undefined): string[] {
  if (path === undefined) throw new Refused(400, 'The request says no path.');
  if (path.length > PATH_TEXT_MAX) throw new Refused(414, `A path has at most ${PATH_TEXT_MAX} bytes here.`);
  if (!path.startsWith('/')) throw new Refused(400, 'A path begins with /.');
  if (path === '/') return [];
  const names = path.slice(1).split('/').map(decoded);
  if (names.length > DEPTH_MAX) throw new Refused(400, `A path has at most ${DEPTH_MAX} names.`);
  for (const name of names) {
    if (name === '' || name === '.' || name === '..')
      throw new Refused(400, 'A path has no empty names in it, and no "." or "..".');
    if (/[/\0]/.test(name)) throw new Refused(400, 'A name has no slash and no NUL in it.');
    if (name.length > NAME_MAX) throw new Refused(400, `A name has at most ${NAME_MAX} bytes.`);
  }
  return names;
}

/** The values of a query as they are written: `+` is a plus. Each name stands once, and is one of `known`. Throws `Refused`. */
export function queryOf(text: string, known: readonly string[]): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const part of text === '' ? [] : text.split('&')) {
    const at = part.indexOf('=');
    const name = at < 0 ? part : part.slice(0, at);
    if (!known.includes(name) || values.has(name))
      throw new Refused(400, `The query has ${known.join(', ') || 'nothing'} in it, each at most once.`);
    values.set(name, at < 0 ? '' : part.slice(at + 1));
  }
  return values;
}
