import { LockKind, type LockMode } from '../../flare/locks/types.ts';
import type { Answer, Context } from '../files/context.ts';
import type { Handle } from '../files/handles.ts';
import type { Wanted } from '../files/locks.ts';
import { F_RDLCK, F_UNLCK, F_WRLCK, LK_FLOCK, LK_OUT_BYTES, RELEASE_FLOCK_UNLOCK } from '../protocol/numbers.ts';
import { ProtocolError } from '../protocol/refusal.ts';
import { Reply } from '../protocol/reply.ts';
import type { Request } from '../protocol/request.ts';
import { releaseFile } from './open.ts';

const MODES = new Map<number, LockMode | 'none'>([
  [F_RDLCK, 'shared'],
  [F_WRLCK, 'exclusive'],
  [F_UNLCK, 'none'],
]);

/** `fuse_lk_in`. */
function lockOf(context: Context, request: Request): { readonly handle: Handle; readonly wanted: Wanted } {
  const handle = context.handles.get(request.u64(), request.nodeid);
  const owner = request.text(8);
  const start = request.large();
  const last = request.large();
  const mode = MODES.get(request.u32());
  if (mode === undefined) throw new ProtocolError('a lock of an unknown type');
  const pid = request.u32();
  const kind = (request.u32() & LK_FLOCK) === 0 ? LockKind.bytes : LockKind.whole;
  request.skip(4);
  return { handle, wanted: { kind, owner, start, last, mode, pid } };
}

/** GETLK: which lock is in the way; processes of other machines have no number here. */
export async function getlk(context: Context, request: Request): Promise<Answer> {
  const { handle, wanted } = lockOf(context, request);
  const held = await context.locks.test(handle, wanted);
  const reply = new Reply(LK_OUT_BYTES);
  if (held === null) return reply.large(wanted.start).large(wanted.last).u32(F_UNLCK).u32(0);
  const { start, last, mode, pid } = held;
  reply
    .large(start)
    .large(last)
    .u32(mode === 'shared' ? F_RDLCK : F_WRLCK);
  return reply.u32(context.locks.isOwn(held) ? pid : 0);
}

async function set(context: Context, request: Request, waits: boolean): Promise<Answer> {
  const { handle, wanted } = lockOf(context, request);
  const undo = await context.locks.set(handle, wanted, waits ? request : null);
  return new Reply(0).whenLost(undo);
}

/** SETLK: takes a lock, or gives one back, at once. */
export function setlk(context: Context, request: Request): Promise<Answer> {
  return set(context, request, false);
}

/** SETLKW: waits for it. */
export function setlkw(context: Context, request: Request): Promise<Answer> {
  return set(context, request, true);
}

/** FLUSH: a process closes a file, `fuse_flush_in`: it has no locks of it any more (fcntl(2)). All data are on stable storage already. */
export async function flush(context: Context, request: Request): Promise<Answer> {
  const handle = context.handles.get(request.u64(), request.nodeid);
  request.skip(8);
  await context.locks.drop(handle, { kind: LockKind.bytes, owner: request.text(8) });
  return null;
}

/** RELEASE: nobody has the file open by this any more, `fuse_release_in`: nor has it locks (flock(2)). */
export async function release(context: Context, request: Request): Promise<Answer> {
  const fh = request.u64();
  request.skip(4);
  const unlocks = (request.u32() & RELEASE_FLOCK_UNLOCK) !== 0;
  const owner = request.text(8);
  const handle = context.handles.remove(fh, request.nodeid);
  try {
    if (unlocks) await context.locks.drop(handle, { kind: LockKind.whole, owner });
  } finally {
    context.locks.closed(handle);
    await releaseFile(context, handle);
  }
  return null;
}
