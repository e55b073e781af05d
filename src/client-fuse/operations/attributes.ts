import { andThen } from '../../base/eventually.ts';
import { FlareError } from '../../flare/errors.ts';
import { need } from '../../flare/store/access.ts';
import type { AttributeChanges, TimeChange } from '../../flare/types.ts';
import type { Answer, Context } from '../files/context.ts';
import { GETATTR_FH, SetattrValid as Valid } from '../protocol/numbers.ts';
import type { Request } from '../protocol/request.ts';
import { attributesOf } from './entries.ts';

/** GETATTR: `fuse_getattr_in`. The kernel asks before it reads what it has cached, by an open file: one by which locks were lost fails. */
export function getattr(context: Context, request: Request): Answer | Promise<Answer> {
  const node = context.nodes.get(request.nodeid);
  const byHandle = (request.u32() & GETATTR_FH) !== 0;
  request.skip(4);
  const fh = request.u64();
  if (byHandle && context.handles.find(fh)?.lost === true) throw FlareError.of('IO');
  return andThen(context.service.getattr(node.id), (attributes) => attributesOf(context, node, attributes));
}

function timeChange(set: boolean, now: boolean, seconds: number, nanoseconds: number): TimeChange | undefined {
  if (!set) return undefined;
  if (now) return 'now';
  // The store knows no times before 1970.
  if (seconds < 0 || nanoseconds >= 1_000_000_000) throw FlareError.of('INVAL');
  return { seconds, nanoseconds };
}

/** SETATTR: `fuse_setattr_in`. A size that is set through an open file is set on behalf of who opened it. ctime is the store's own. */
export function setattr(context: Context, request: Request): Answer | Promise<Answer> {
  const node = context.nodes.get(request.nodeid);
  const valid = request.u32();
  request.skip(4);
  const fh = request.u64();
  const size = request.size();
  request.skip(8);
  const times = [request.i64(), request.i64(), request.i64()] as const;
  const nanoseconds = [request.u32(), request.u32(), request.u32()] as const;
  const mode = request.u32();
  request.skip(4);
  const uid = request.u32();
  const gid = request.u32();
  const has = (bit: number): boolean => (valid & bit) !== 0;
  const atime = timeChange(has(Valid.ATIME), has(Valid.ATIME_NOW), times[0], nanoseconds[0]);
  const mtime = timeChange(has(Valid.MTIME), has(Valid.MTIME_NOW), times[1], nanoseconds[1]);
  const changes: AttributeChanges = {
    ...(has(Valid.MODE) && { mode: mode & 0o7777 }),
    ...(has(Valid.UID) && { uid }),
    ...(has(Valid.GID) && { gid }),
    ...(has(Valid.SIZE) && { size: bounded(size) }),
    ...(atime !== undefined && { atime }),
    ...(mtime !== undefined && { mtime }),
  };
  const opened = has(Valid.FH) && has(Valid.SIZE);
  const handle = opened ? context.handles.get(fh, node.nodeid) : null;
  const caller = handle?.caller ?? context.caller(request);
  return andThen(handle === null ? undefined : context.locks.check(handle), () =>
    andThen(context.service.setattr(caller, node.id, changes), (attributes) => attributesOf(context, node, attributes)),
  );
}

function bounded(size: number): number {
  if (size === Number.POSITIVE_INFINITY) throw FlareError.of('FBIG');
  return size;
}

/** ACCESS: `fuse_access_in`. The kernel asks only when it does not check permissions itself. */
export function access(context: Context, request: Request): Answer | Promise<Answer> {
  const node = context.nodes.get(request.nodeid);
  const mask = request.u32() & 7;
  const caller = context.caller(request);
  return andThen(context.service.getattr(node.id), (attributes) => {
    for (const bit of [4, 2, 1]) if ((mask & bit) !== 0) need(caller, attributes, bit);
    return null;
  });
}
