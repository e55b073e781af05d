import type { Attributes } from '../../flare/types.ts';
import { type Context, secondsOf } from '../files/context.ts';
import type { Node } from '../files/nodes.ts';
import { putAttr } from '../protocol/attributes.ts';
import { ATTR_OUT_BYTES, ENTRY_OUT_BYTES } from '../protocol/numbers.ts';
import { Reply } from '../protocol/reply.ts';

/** Puts `fuse_entry_out` for a flare, which the kernel knows once more; that is taken back when it never sees the answer. */
export function putEntry(context: Context, reply: Reply, attributes: Attributes): Node {
  const { nodes, timeouts } = context;
  const node = nodes.refer(attributes);
  reply.whenLost(() => {
    node.told = null;
    nodes.forget(node.nodeid, 1);
  });
  node.told = attributes.version;
  const entry = secondsOf(timeouts.entries);
  const attribute = secondsOf(node.distrusted > 0 ? 0 : timeouts.attributes);
  // Node numbers are never used again, so the generation has nothing to tell apart.
  reply.u64(node.nodeid).u64(0);
  reply.u64(entry.seconds).u64(attribute.seconds).u32(entry.nanoseconds).u32(attribute.nanoseconds);
  putAttr(reply, attributes, hiddenNames(node));
  return node;
}

/** `fuse_entry_out` as an answer of its own. */
export function entry(context: Context, attributes: Attributes): Reply {
  const reply = new Reply(ENTRY_OUT_BYTES);
  putEntry(context, reply, attributes);
  return reply;
}

/** `fuse_entry_out` that says that the name means nothing, for a while. */
export function noEntry({ timeouts }: Context): Reply {
  const { seconds, nanoseconds } = secondsOf(timeouts.negative);
  const reply = new Reply(ENTRY_OUT_BYTES);
  return reply
    .u64(0)
    .u64(0)
    .u64(seconds)
    .u64(0)
    .u32(nanoseconds)
    .zeros(ENTRY_OUT_BYTES - 36);
}

/** `fuse_attr_out`. */
export function attributesOf({ timeouts }: Context, node: Node, attributes: Attributes): Reply {
  node.known = attributes;
  node.told = attributes.version;
  const { seconds, nanoseconds } = secondsOf(node.distrusted > 0 ? 0 : timeouts.attributes);
  const reply = new Reply(ATTR_OUT_BYTES);
  reply.u64(seconds).u32(nanoseconds).u32(0);
  putAttr(reply, attributes, hiddenNames(node));
  return reply.whenLost(() => {
    node.told = null;
  });
}

/** Names that users have removed. */
function hiddenNames({ hidden }: Node): number {
  return hidden === null ? 0 : 1;
}
