import { andThen } from '../../base/eventually.ts';
import { FlareError } from '../../flare/errors.ts';
import { type Attributes, SIZE_MAX } from '../../flare/types.ts';
import type { Answer, Context } from '../files/context.ts';
import type { Handle } from '../files/handles.ts';
import { IO_MAX } from '../protocol/init.ts';
import { WRITE_OUT_BYTES } from '../protocol/numbers.ts';
import { ProtocolError } from '../protocol/refusal.ts';
import { Reply } from '../protocol/reply.ts';
import type { Request } from '../protocol/request.ts';

/** How often an append is tried while others make the file longer. */
export const APPEND_TRIES = 100;

const NOTHING = Buffer.alloc(0);

/** READ: `fuse_read_in`. */
export function read(context: Context, request: Request): Answer | Promise<Answer> {
  const handle = context.handles.get(request.u64(), request.nodeid);
  const { node, caller } = handle;
  const offset = request.size();
  const count = request.u32();
  if (count > IO_MAX) throw new ProtocolError(`a READ of ${count} bytes`);
  if (offset >= SIZE_MAX) return NOTHING;
  return andThen(context.locks.check(handle), () =>
    andThen(context.service.read(caller, node.id, offset, count), ({ data, attributes }) => {
      // What the kernel has cached so far was read from another version.
      if (attributes.version !== node.cached) node.cached = null;
      return data;
    }),
  );
}

/** WRITE: `fuse_write_in` and the data, which are on stable storage before the answer. */
export function write(context: Context, request: Request): Answer | Promise<Answer> {
  const handle = context.handles.get(request.u64(), request.nodeid);
  const offset = request.size();
  const count = request.u32();
  request.skip(20);
  if (count > IO_MAX) throw new ProtocolError(`a WRITE of ${count} bytes`);
  const data = request.data(count);
  request.finish();
  if (!handle.appends && offset + count > SIZE_MAX) throw FlareError.of('FBIG');
  const { node, caller } = handle;
  return andThen(context.locks.check(handle), () => {
    if (handle.appends) return append(context, handle, data);
    return andThen(context.service.write(caller, node.id, offset, data), (attributes) =>
      written(handle, attributes, count),
    );
  });
}

function written({ node }: Handle, attributes: Attributes, count: number): Reply {
  node.known = attributes;
  // Others may have written before this, unnoticed: the next open reads anew.
  node.cached = null;
  node.told = null;
  node.cleared = null;
  return new Reply(WRITE_OUT_BYTES).u32(count).u32(0);
}

/** Writes behind the end, wherever others have put that meanwhile. */
async function append(context: Context, handle: Handle, data: Uint8Array): Promise<Answer> {
  const { node, caller } = handle;
  for (let tries = 0; tries < APPEND_TRIES; tries++) {
    const { size, version } = node.known;
    try {
      return written(handle, await context.service.write(caller, node.id, size, data, { version }), data.length);
    } catch (error) {
      if (!(error instanceof FlareError) || error.status !== 'VERSION') throw error;
      node.known = await context.service.getattr(node.id);
    }
  }
  throw FlareError.of('IO');
}
