import type { Answer, Context } from '../files/context.ts';
import type { Request } from '../protocol/request.ts';

/** FORGET: the kernel drops references to a node. There is no answer. */
export function forget({ nodes }: Context, request: Request): Answer {
  nodes.forget(request.nodeid, request.size());
  return null;
}

/** BATCH_FORGET: `fuse_batch_forget_in`, then that many `fuse_forget_one`. */
export function batchForget({ nodes }: Context, request: Request): Answer {
  const count = request.u32();
  request.skip(4);
  for (let at = 0; at < count; at++) nodes.forget(request.u64(), request.size());
  return null;
}
