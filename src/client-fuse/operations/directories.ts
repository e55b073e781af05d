import { andThen } from '../../base/eventually.ts';
import { FlareError } from '../../flare/errors.ts';
import type { FlareService } from '../../flare/service.ts';
import { type Attributes, type Caller, type DirectoryEntry, FlareType, type Name } from '../../flare/types.ts';
import type { Answer, Context } from '../files/context.ts';
import type { Handle, Page } from '../files/handles.ts';
import type { Node } from '../files/nodes.ts';
import { direntType } from '../protocol/attributes.ts';
import { IO_MAX } from '../protocol/init.ts';
import { DIRENT_BYTES, ENTRY_OUT_BYTES, OPEN_OUT_BYTES } from '../protocol/numbers.ts';
import { ProtocolError } from '../protocol/refusal.ts';
import { Reply } from '../protocol/reply.ts';
import type { Request } from '../protocol/request.ts';
import { putEntry } from './entries.ts';

/** Entries that are read at once, whatever the kernel has room for. */
const PAGE_ENTRIES = 1024;
/** Names that are looked up at once for one READDIRPLUS. */
export const LOOKUPS_MAX = 64;
/** Where `.` and `..` stand in every listing; the service's cookies come after them. */
const DOT = 1;
const DOT_DOT = 2;

/** OPENDIR: `fuse_open_in`. */
export function opendir(context: Context, request: Request): Answer | Promise<Answer> {
  const node = context.nodes.get(request.nodeid);
  const caller = context.caller(request);
  // Said now, rather than when it is read.
  return andThen(context.service.getattr(node.id), () => {
    const { handles } = context;
    const number = handles.add(node, caller, { directory: true });
    const reply = new Reply(OPEN_OUT_BYTES).u64(number).u32(0).u32(0);
    return reply.whenLost(() => void handles.remove(number, node.nodeid, true));
  });
}

/** RELEASEDIR: `fuse_release_in`. */
export function releasedir({ handles }: Context, request: Request): Answer {
  handles.remove(request.u64(), request.nodeid, true);
  return null;
}

interface Listing {
  readonly handle: Handle;
  readonly offset: number;
  readonly reply: Reply;
}

/** `fuse_read_in`. */
function listingOf(context: Context, request: Request): Listing {
  const handle = context.handles.get(request.u64(), request.nodeid, true);
  const offset = request.u64();
  const room = request.u32();
  if (room > IO_MAX) throw new ProtocolError(`a READDIR of ${room} bytes`);
  return { handle, offset, reply: new Reply(room) };
}

/** READDIR: entries behind an offset, as many as fit. */
export function readdir(context: Context, request: Request): Promise<Answer> {
  return list(context, listingOf(context, request), false);
}

/** READDIRPLUS: as READDIR, with what LOOKUP would give for each name. */
export function readdirplus(context: Context, request: Request): Promise<Answer> {
  return list(context, listingOf(context, request), true);
}

async function list(context: Context, listing: Listing, plus: boolean): Promise<Answer> {
  const { handle, reply } = listing;
  const extra = plus ? ENTRY_OUT_BYTES : 0;
  if (listing.offset === 0) handle.page = null;
  let offset = putDots(context, listing, extra);
  if (offset < DOT_DOT) return reply;
  try {
    for (;;) {
      const page = await pageAfter(context, handle, offset);
      const rest = page.entries.slice(placeBehind(page, offset));
      const fit = fitting(rest, extra, reply.room);
      const found = plus ? await lookUp(context, handle, fit) : null;
      for (const [at, entry] of fit.entries()) {
        const what = found?.[at];
        if (found === null) putDirent(reply, entry.fileid, entry.cookie, 0, entry.name);
        else if (what !== 'gone') putPlus(context, reply, entry, what!);
        offset = entry.cookie;
      }
      if (page.end || fit.length < rest.length || rest.length === 0) return reply;
    }
  } catch (error) {
    reply.lose();
    throw error;
  }
}

/** Entries behind an offset, from what was read ahead if they are there. */
async function pageAfter(context: Context, handle: Handle, offset: number): Promise<Page> {
  const { page, node, caller } = handle;
  if (page !== null) {
    const last = page.entries.at(-1)?.cookie ?? page.after;
    if (offset >= page.after && (offset < last || page.end)) return page;
  }
  const cookie = offset === DOT_DOT ? 0 : offset;
  const { entries, end } = await context.service.readdir(caller, node.id, cookie, PAGE_ENTRIES);
  handle.page = { after: offset, entries, end };
  return handle.page;
}

/** Where in a page the entries behind an offset begin. */
function placeBehind({ entries }: Page, offset: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entries[middle]!.cookie <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** As many from the beginning as fit, each behind `extra` bytes. */
function fitting(entries: readonly DirectoryEntry[], extra: number, room: number): readonly DirectoryEntry[] {
  let left = room;
  const end = entries.findIndex(({ name }) => {
    left -= extra + bytesOf(name);
    return left < 0;
  });
  return end < 0 ? entries : entries.slice(0, end);
}

/** What is under a name now: null when that may not be known. */
type Found = Attributes | 'gone' | null;

async function lookUp(
  { service }: Context,
  { node, caller }: Handle,
  entries: readonly DirectoryEntry[],
): Promise<readonly Found[]> {
  const all: Found[] = [];
  for (let at = 0; at < entries.length; at += LOOKUPS_MAX) {
    const some = entries.slice(at, at + LOOKUPS_MAX);
    all.push(...(await Promise.all(some.map(({ name }) => lookUpOne(service, caller, node, name)))));
  }
  return all;
}

async function lookUpOne(service: FlareService, caller: Caller, node: Node, name: Name): Promise<Found> {
  try {
    return await service.lookup(caller, node.id, name);
  } catch (error) {
    if (!(error instanceof FlareError)) throw error;
    return error.status === 'NOENT' ? 'gone' : null;
  }
}

/** Puts one entry with what was found under its name. Without that the kernel takes the name, and asks for the rest. */
function putPlus(context: Context, reply: Reply, entry: DirectoryEntry, found: Attributes | null): void {
  if (found === null) reply.zeros(ENTRY_OUT_BYTES);
  else putEntry(context, reply, found);
  putDirent(reply, entry.fileid, entry.cookie, found === null ? 0 : direntType(found.type), entry.name);
}

/**
 * Puts `.` and `..` as far as they come after the offset and fit, behind `extra` zeros each: the kernel knows them already. Returns the offset that was reached.
 */
function putDots({ nodes }: Context, { handle, offset, reply }: Listing, extra: number): number {
  const { known } = handle.node;
  const parent = nodes.find(known.parent)?.known ?? known;
  let reached = offset;
  for (const [name, at, { fileid }] of [['.', DOT, known] as const, ['..', DOT_DOT, parent] as const]) {
    if (reached !== at - 1 || extra + bytesOf(name) > reply.room) continue;
    reply.zeros(extra);
    putDirent(reply, fileid, at, direntType(FlareType.directory), name);
    reached = at;
  }
  return reached;
}

/** What a `fuse_dirent` takes. */
function bytesOf(name: Name): number {
  return (DIRENT_BYTES + name.length + 7) & ~7;
}

function putDirent(reply: Reply, fileid: number, offset: number, type: number, name: Name): void {
  reply.u64(fileid).u64(offset).u32(name.length).u32(type).text(name);
  reply.zeros(bytesOf(name) - DIRENT_BYTES - name.length);
}
