import type { DirectoryEntry, Name } from '../flare/types.ts';

/*
 * Names for DOS, which has 8.3 and one case. A name that does not fit is shown under another one, made of its first letters and of its cookie. The cookie is the entry's
 * own for as long as it lives, so the name is unique, stays the same whatever comes and goes around it, and says by itself which entry it means.
 */

/** What DOS takes in a name. Lower case: its clients show that as upper case, and send it so. */
const FITS = /^[a-z0-9!#$%&'()@^_`{}~-]{1,8}(?:\.[a-z0-9!#$%&'()@^_`{}~-]{1,3})?$/;
const ALIAS = /^[a-z0-9_]{0,6}~([0-9a-z]{1,6})(?:\.[a-z0-9_]{1,3})?$/;
const BASE_MAX = 8;
const COOKIE_MAX = 2 ** 31 - 1;

function lower(name: Name): Name {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** The letters and digits of a text, in lower case, others as `_`. */
function plain(text: string, length: number): string {
  return lower(text)
    .replace(/[ .]/g, '')
    .replace(/[^a-z0-9_]/g, '_')
    .slice(0, length);
}

/** The name that DOS is shown for an entry. `folded`: upper case is not told from lower case, so either fits. */
export function dosName({ name, cookie }: Pick<DirectoryEntry, 'name' | 'cookie'>, folded: boolean): Name {
  if (name === '.' || name === '..' || FITS.test(folded ? lower(name) : name)) return name;
  const number = cookie.toString(36);
  const dot = name.lastIndexOf('.');
  const [base, extension] = dot > 0 ? [name.slice(0, dot), plain(name.slice(dot + 1), 3)] : [name, ''];
  return `${plain(base, BASE_MAX - 1 - number.length)}~${number}${extension === '' ? '' : `.${extension}`}`;
}

/** The cookie of the entry that would be shown under that name; null when none would. Whether it is, `dosName` tells. */
export function cookieOfDosName(name: Name): number | null {
  const [, number] = ALIAS.exec(lower(name)) ?? [];
  const cookie = number === undefined ? Number.NaN : Number.parseInt(number, 36);
  return cookie >= 1 && cookie <= COOKIE_MAX ? cookie : null;
}

/** A name without the case of its ASCII letters. */
export { lower as foldedName };
