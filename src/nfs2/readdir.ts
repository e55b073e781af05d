import { andThen, type Eventually, isPending } from '../base/eventually.ts';
import { FlareError } from '../flare/errors.ts';
import type { DirectoryEntry, FlareId, Name } from '../flare/types.ts';
import type { Codec } from '../rpc/xdr.ts';
import { OK, type Status } from './errors.ts';
import { shownEntries } from './find-name.ts';
import { type Page, pageOf } from './page.ts';
import { procedure } from './procedure.ts';
import { codecs, DATA_MAX, type Entry } from './schema.ts';
import { type Entered, latin1, type Nfs2Server } from './server.ts';

/** The cookies of `.` and `..`; those of entries follow. */
const SELF_COOKIE = 1;
const PARENT_COOKIE = 2;

/** `.` and `..`, as far as they come after the cookie. */
function dots(server: Nfs2Server, directory: Entered, cookie: number): Eventually<DirectoryEntry[]> {
  if (cookie >= PARENT_COOKIE) return [];
  const { fileid, parent } = directory.attributes;
  const self = { name: '.', fileid, cookie: SELF_COOKIE };
  const withParent = (parentId: number): DirectoryEntry[] => {
    const above = { name: '..', fileid: parentId, cookie: PARENT_COOKIE };
    return cookie === 0 ? [self, above] : [above];
  };
  if (server.isTop(directory)) return withParent(fileid);
  return andThen(server.service.getattr(parent), (found) => withParent(found.fileid));
}

/** The list as the protocol has it. */
function listing({ entries, end }: Page): { entries: Entry | null; eof: boolean } {
  let list: Entry | null = null;
  for (let at = entries.length - 1; at >= 0; at--) {
    const { name, fileid, cookie } = entries[at]!;
    list = { fileid, name: Buffer.from(name, 'latin1'), cookie, next: list };
  }
  return { entries: list, eof: end };
}

/** A result whose bytes are known already. */
interface Encoded extends Status {
  readonly bytes: Buffer;
}

/** The result's codec, which takes ready bytes too. */
const resultCodec: Codec<any> = {
  ...codecs.readdirres,
  write(writer, value: Encoded) {
    if (value.bytes === undefined) codecs.readdirres.write(writer, value);
    else writer.append(value.bytes);
  },
  encode: (value: Encoded) => (value.bytes === undefined ? codecs.readdirres.encode(value) : Buffer.from(value.bytes)),
};

/** What a page depends on beside the directory's version: the handle, whom it was listed for, and what was asked for. */
function pageName(server: Nfs2Server, directory: Entered, cookie: number, count: number): string {
  const { uid, gid, gids } = directory.caller;
  const { dosNames, foldCase } = directory.options;
  const shown = dosNames ? (foldCase ? 'D' : 'd') : '';
  return `${directory.handle.text}${server.isTop(directory) ? 1 : 0}${shown}/${cookie}/${count}/${uid}/${gid}/${gids}`;
}

function encoded(bytes: Buffer): Encoded {
  return { status: OK, bytes };
}

/**
 * Lists a page. It is kept only if the directory has the same version before and after: then that is the version that the page shows, because a
 * version never comes back. What is kept has been answered, so no crash takes it back.
 */
function list(
  server: Nfs2Server,
  directory: Entered,
  name: string,
  cookie: number,
  count: number,
): Eventually<Encoded> {
  const { version } = directory.attributes;
  const { handle, caller } = directory;
  const ask = (after: number, limit: number): Eventually<Page> =>
    andThen(server.service.readdir(caller, handle, after, limit), ({ entries, end }) => {
      return { entries: shownEntries(entries, directory.options), end };
    });
  return andThen(dots(server, directory, cookie), (first) =>
    andThen(pageOf(count, cookie, first, ask), (page) => {
      const bytes = codecs.readdirres.encode({ status: OK, value: listing(page) });
      return encoded(versionNow(server, handle) === version ? server.pages.keep(name, version, bytes) : bytes);
    }),
  );
}

/** The directory's version, if it is there and known without waiting. */
function versionNow(server: Nfs2Server, handle: FlareId): number | undefined {
  try {
    const attributes = server.service.glance(handle);
    if (!isPending(attributes)) return attributes.version;
    attributes.catch(() => {});
  } catch (error) {
    if (!(error instanceof FlareError)) throw error;
  }
  return undefined;
}

/**
 * READDIR (RFC 1094 §2.2.17). `count` bounds the whole result, status and XDR words included (FIELD.md row 1), as do 8,192 bytes and the rule's
 * `tsize`; one entry is always there, so that no client asks for ever (row 2). Cookies stay below 2^31 and live as long as their entries (row 3).
 */
export const readdir = procedure('READDIR', codecs.readdir, resultCodec, (server, args, call) => {
  const { cookie } = args;
  return andThen(server.enter(args.directory, call), (directory) => {
    const count = Math.min(args.count, DATA_MAX, directory.options.tsize);
    const name = pageName(server, directory, cookie, count);
    const known = server.pages.get(name, directory.attributes.version);
    return known === undefined ? list(server, directory, name, cookie, count) : encoded(known);
  });
});

/** The names of a listing, in its order, for tests and tools. */
export function namesOf(entries: Entry | null): Name[] {
  const names: Name[] = [];
  for (let at = entries; at !== null; at = at.next) names.push(latin1(at.name));
  return names;
}
