import { type Eventually, isPending } from '../base/eventually.ts';
import { FlareError, type FlareStatusName } from '../flare/errors.ts';
import type { Attributes } from '../flare/types.ts';
import type { CallContext, Procedure } from '../rpc/program.ts';
import type { Codec } from '../rpc/xdr.ts';
import { DONE, type Status } from './errors.ts';
import { type Nfs2Server, ownHandle, type View } from './server.ts';

/** One procedure, before there is a server that it belongs to. */
export type MakeProcedure = (server: Nfs2Server) => Procedure<any, any>;

type Run<A> = (server: Nfs2Server, args: A, call: CallContext) => Eventually<Status>;

/** How a change whose answer is more than a status gives it again. */
export interface Retelling<A> {
  /** The handle whose share a handle in the answer keeps. */
  readonly handle: (args: A) => Buffer;
  /** The answer, of the attributes that it shows. Byte strings in `args` are not valid any more. */
  readonly answer: (server: Nfs2Server, attributes: Attributes, view: View, args: A) => Status;
}

/** Makes a procedure whose refusals are answered as its result's `status`. `run` may throw or reject with anything. */
export function procedure<A>(name: string, args: Codec<A>, result: Codec<any>, run: Run<A>): MakeProcedure {
  return (server) => ({
    name,
    arguments: args,
    result,
    handle: (given, call) => answering(server, name, call, () => run(server, given, call)),
  });
}

/**
 * Makes a procedure that changes something. A retransmission that is refused before the store sees it gets its first answer all the same: `retelling` makes it, DONE when that
 * is null.
 */
export function change<A>(
  name: string,
  args: Codec<A>,
  result: Codec<any>,
  retelling: Retelling<A> | null,
  run: Run<A>,
): MakeProcedure {
  return (server) => ({
    name,
    arguments: args,
    result,
    handle(given, call) {
      const again = (error: unknown, handle: Buffer | null): Eventually<Status> =>
        error instanceof FlareError && SINCE.has(error.status)
          ? answering(server, name, call, () => firstAnswer(server, given, call, error, retelling, handle))
          : server.refused(error, name, call);
      // Out of the receive buffer, before that is used again.
      const own = (): Buffer | null => retelling && ownHandle(retelling.handle(given));
      let answer: Eventually<Status>;
      try {
        answer = run(server, given, call);
      } catch (error) {
        return again(error, own());
      }
      if (!isPending(answer)) return answer;
      const handle = own();
      return answer.catch((error: unknown) => again(error, handle));
    },
  });
}

/**
 * What keeps a call from the store, but did not the first time: its flare or directory is gone, or may not be changed any more, or rules were bound to it. ACCES is not
 * among them: whom the rules do not let in any more is shown nothing.
 */
const SINCE: ReadonlySet<FlareStatusName> = new Set(['STALE', 'ROFS', 'XDEV']);

/** The answer that was given to the call before; throws `error` when there was none. */
async function firstAnswer<A>(
  server: Nfs2Server,
  args: A,
  call: CallContext,
  error: FlareError,
  retelling: Retelling<A> | null,
  handle: Buffer | null,
): Promise<Status> {
  const attributes = await server.service.recall(call.replayIdentity());
  if (attributes === undefined) throw error;
  if (retelling === null || handle === null) return DONE;
  if (attributes === null) throw error;
  return retelling.answer(server, attributes, await server.viewAgain(handle, attributes, call), args);
}

function answering(
  server: Nfs2Server,
  name: string,
  call: CallContext,
  run: () => Eventually<Status>,
): Eventually<Status> {
  try {
    const answer = run();
    return isPending(answer) ? answer.catch((error: unknown) => server.refused(error, name, call)) : answer;
  } catch (error) {
    return server.refused(error, name, call);
  }
}
