import type { Test } from 'tap';
import type { CallContext, Program } from '../../../../rpc/program.ts';
import { PROTOCOLS } from '../../../protocols.ts';
import { loopback } from '../../../testing/loopback.ts';
import { member, NETWORK_ID } from '../../../testing/members.ts';
import type { Admission } from '../../result.ts';
import { NodeClient } from '../client.ts';
import type { Figures, NodeHandlers } from '../handlers.ts';
import type { Hello } from '../hello.ts';
import { nodeProgram } from '../program.ts';
import { NODE_BOUNDS, NODE_REPLY_BYTES_MAX, NODE_VERSION, procedures } from '../schema.ts';
import { wireHello } from '../wire.ts';

/*
 * The node program (docs/architecture.md) over a real TCP connection: what one volcano asks, the other's handlers are asked, and their answers come back.
 */

/** What the one that calls, and the one that is called, say of themselves. */
export const hello: Hello = {
  protocols: PROTOCOLS,
  version: '0.1.0',
  networkId: NETWORK_ID,
  id: member(0).id,
  nickname: 'wallace',
  epoch: 3,
  clock: 1_600_000_000_000_000,
  joining: false,
  life: 3,
  born: 2 ** 40,
};

export const figures: Figures = {
  load: 7,
  capacityBytes: 2 ** 45,
  freeBytes: 2 ** 44,
  availableBytes: 2 ** 43,
  flares: 12,
  lagRecords: 3,
  uptimeSeconds: 60,
  syncMs: 4,
  damaged: 2,
  repaired: 1,
  protocol: 2,
  keys: { plan: 3, old: { until: 2 ** 33, clients: 5 } },
};
/** Handlers that answer nothing but what a test gives. */
export function handlers(some: Partial<NodeHandlers>): NodeHandlers {
  const none = (): never => {
    throw new Error('not asked for in this test');
  };
  const names = [
    'hello',
    'newest',
    'write',
    'watch',
    'join',
    'append',
    'followed',
    'tail',
    'common',
    'joint',
    'leave',
    'load',
    'work',
    'observe',
    'notes',
    'setNote',
  ] as const;
  return { ...(Object.fromEntries(names.map((name) => [name, none])) as unknown as NodeHandlers), ...some };
}

/** A client of a node program, over a real TCP connection, whose handlers do what the test gives. */
export async function served(
  t: Test,
  some: Partial<NodeHandlers>,
  admit: (epoch: number) => Admission = () => 'serve',
) {
  const all = handlers({ hello: () => hello, ...some });
  const program = nodeProgram({ handlers: all, allowed: () => true, admit, epoch: () => 9 });
  const link = await loopback(program, { bounds: NODE_BOUNDS, replyBytes: NODE_REPLY_BYTES_MAX });
  t.teardown(() => link.close());
  const node = new NodeClient(link.client, () => 4);
  if (some.hello === undefined) await node.hello(hello);
  return node;
}

/** A call on a connection that has said hello to that program. */
export async function greetedCall(program: Program): Promise<CallContext> {
  const call = { connection: {} } as CallContext;
  const procedure = program.versions.get(NODE_VERSION)!.get(procedures.HELLO.number)!;
  await procedure.handle(wireHello(hello), call);
  return call;
}
