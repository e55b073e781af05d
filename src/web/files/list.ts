import { FlareError } from '../../flare/errors.ts';
import { type Attributes, type DirectoryEntry, FlareType } from '../../flare/types.ts';
import { ROOT } from '../../operator/paths.ts';
import type { FileState, Listing } from '../api.ts';
import { type Answer, type Asked, json } from '../asked.ts';
import { encoded } from '../percent.ts';
import { Refused } from '../refusal.ts';
import { find, wait } from './find.ts';

/** Entries of one page of a directory. */
export const PAGE_ENTRIES = 200;
/** Up to so many entries are listed by name; those of a larger directory come in its own order. */
export const SORTED_MAX = 5_000;
/** Files that are asked for at a time. */
const AT_ONCE = 16;

const KINDS: Readonly<Record<FlareType, FileState['kind']>> = {
  [FlareType.file]: 'file',
  [FlareType.directory]: 'directory',
  [FlareType.block]: 'block',
  [FlareType.character]: 'char',
  [FlareType.symlink]: 'symlink',
  [FlareType.socket]: 'socket',
  [FlareType.fifo]: 'fifo',
};

/** Where a listing goes on: behind a name, or behind a cookie. Its text is made of unreserved characters, so it is the same however often it is encoded. */
type Place = { readonly name: string } | { readonly cookie: number };

function placeText(place: Place): string {
  return 'name' in place ? `n-${Buffer.from(place.name, 'latin1').toString('base64url')}` : `c-${place.cookie}`;
}

function placeOf(text: string | undefined): Place | null {
  if (text === undefined || text === '') return null;
  const [, kind, rest = ''] = /^([nc])-([A-Za-z0-9_-]*)$/.exec(text) ?? [];
  if (kind === 'n') return { name: Buffer.from(rest, 'base64url').toString('latin1') };
  if (kind === 'c' && /^\d{1,10}$/.test(rest)) return { cookie: Number(rest) };
  throw new Refused(400, 'The listing cannot go on there: begin it again.');
}

/** All entries of a directory by name; null when there are too many. */
async function sorted(asked: Asked, directory: Attributes): Promise<readonly DirectoryEntry[] | null> {
  const { entries, end } = await wait(asked, asked.parts.tree.readdir(ROOT, directory, 0, SORTED_MAX));
  if (!end) return null;
  return entries.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

async function pageOf(
  asked: Asked,
  directory: Attributes,
): Promise<{ page: readonly DirectoryEntry[]; next: Place | null }> {
  const after = placeOf(asked.query.get('after'));
  if (after === null || 'name' in after) {
    const all = await sorted(asked, directory);
    if (all !== null) {
      const rest = after === null ? all : all.filter(({ name }) => name > after.name);
      const page = rest.slice(0, PAGE_ENTRIES);
      return { page, next: rest.length > PAGE_ENTRIES ? { name: page.at(-1)!.name } : null };
    }
    // It has become too large to be sorted while it was listed by name.
    if (after !== null) throw new Refused(409, 'The directory has grown a lot meanwhile: list it again.');
  }
  const from = after === null ? 0 : after.cookie;
  const { entries, end } = await wait(asked, asked.parts.tree.readdir(ROOT, directory, from, PAGE_ENTRIES));
  const last = entries.at(-1);
  return { page: entries, next: end || last === undefined ? null : { cookie: last.cookie } };
}

/** What is told of an entry; null: it is gone by now. */
async function fileOf(asked: Asked, directory: Attributes, name: string): Promise<FileState | null> {
  try {
    const { type, size, mode, uid, gid, mtime } = await wait(asked, asked.parts.tree.lookup(ROOT, directory, name));
    const modified = mtime.seconds * 1000 + Math.floor(mtime.nanoseconds / 1_000_000);
    return { name: encoded(name), kind: KINDS[type], size, mode, uid, gid, modified };
  } catch (error) {
    if (error instanceof FlareError && (error.status === 'NOENT' || error.status === 'STALE')) return null;
    throw error;
  }
}

/** `GET /api/list`. */
export async function list(asked: Asked): Promise<Answer> {
  const { attributes } = await find(asked);
  if (attributes.type !== FlareType.directory) throw new Refused(409, 'That is no directory.');
  const { page, next } = await pageOf(asked, attributes);
  const entries: FileState[] = [];
  for (let at = 0; at < page.length; at += AT_ONCE) {
    const some = page.slice(at, at + AT_ONCE).map(({ name }) => fileOf(asked, attributes, name));
    for (const file of await Promise.all(some)) if (file !== null) entries.push(file);
  }
  return json({ entries, next: next === null ? null : placeText(next) } satisfies Listing);
}
