import { andThen } from '../../base/eventually.ts';
import { FlareError } from '../../flare/errors.ts';
import { type Attributes, type Caller, FlareType } from '../../flare/types.ts';
import type { Answer, Context } from '../files/context.ts';
import type { Handle } from '../files/handles.ts';
import type { Node } from '../files/nodes.ts';
import * as numbers from '../protocol/numbers.ts';
import { Refusal } from '../protocol/refusal.ts';
import { Reply } from '../protocol/reply.ts';
import type { Request } from '../protocol/request.ts';
import { putEntry } from './entries.ts';
import { removeHidden } from './hide.ts';

const { O_ACCMODE, O_APPEND, O_EXCL, O_TRUNC, O_WRONLY, OpenFlag } = numbers;

/**
 * Puts `fuse_open_out` for a file that the caller has just opened. The kernel keeps the pages that it has cached when nobody has changed the file since: what is read after an
 * open is what was written before it, by whomever. Appending bypasses the cache, because the kernel does not know where the end is.
 */
function putOpened(context: Context, reply: Reply, node: Node, caller: Caller, flags: number, now: Attributes): void {
  const { handles } = context;
  const writesOnly = (flags & O_ACCMODE) === O_WRONLY;
  const appends = (flags & O_APPEND) !== 0 && (writesOnly || context.mapsDirect);
  // OPEN's answer has no attributes in it: without this a file that others have made longer would end where it did.
  if (node.told !== now.version) context.attributesChanged(node.nodeid);
  const keeps = node.cached === now.version;
  node.cached = now.version;
  node.known = now;
  const number = handles.add(node, caller, { appends });
  reply.whenLost(() => void releaseFile(context, handles.remove(number, node.nodeid)));
  reply.u64(number).u32((keeps ? OpenFlag.KEEP_CACHE : 0) | (appends ? OpenFlag.DIRECT_IO : 0));
  reply.u32(0);
}

/** OPEN: `fuse_open_in`. */
export function open(context: Context, request: Request): Answer | Promise<Answer> {
  const node = context.nodes.get(request.nodeid);
  const flags = request.u32();
  const caller = context.caller(request);
  const { service } = context;
  const truncates = (flags & O_TRUNC) !== 0;
  return andThen(truncates ? service.setattr(caller, node.id, { size: 0 }) : service.getattr(node.id), (now) => {
    const reply = new Reply(numbers.OPEN_OUT_BYTES);
    putOpened(context, reply, node, caller, flags, now);
    return reply;
  });
}

/** CREATE: `fuse_create_in` and a name that the kernel believes to be free: the file is made and opened. */
export function create(context: Context, request: Request): Answer | Promise<Answer> {
  const directory = context.nodes.get(request.nodeid);
  const flags = request.u32();
  const mode = request.u32() & 0o7777;
  request.skip(8);
  const name = request.name();
  request.finish();
  const caller = context.caller(request);
  const birth = { type: FlareType.file, mode } as const;
  const done = (born: Attributes): Answer => {
    const reply = new Reply(numbers.ENTRY_OUT_BYTES + numbers.OPEN_OUT_BYTES);
    try {
      putOpened(context, reply, putEntry(context, reply, born), caller, flags, born);
    } catch (error) {
      reply.lose();
      throw error;
    }
    return reply;
  };
  const refused = (error: unknown): never => {
    // Somebody else has made it just now. The kernel looks again, and opens what is there as what it is, with the checks that belong to that.
    const taken = error instanceof FlareError && error.status === 'EXIST';
    throw taken && (flags & O_EXCL) === 0 ? Refusal.of('ESTALE') : error;
  };
  try {
    const born = context.service.create(caller, directory.id, name, birth);
    return born instanceof Promise ? born.then(done, refused) : done(born);
  } catch (error) {
    return refused(error);
  }
}

/** What is left to do when the last open file of a node goes. */
export async function releaseFile(context: Context, { node }: Handle): Promise<void> {
  if (node.opens === 0 && node.hidden !== null) await removeHidden(context, node);
}

/** FSYNC: an open file. Whatever was answered is on stable storage, so there is nothing to do. */
export function sync(context: Context, request: Request): Answer {
  context.handles.get(request.u64(), request.nodeid);
  return null;
}

/** FSYNCDIR. */
export function syncDirectory(context: Context, request: Request): Answer {
  context.handles.get(request.u64(), request.nodeid, true);
  return null;
}
