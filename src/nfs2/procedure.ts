import { type Eventually, isPending } from '../base/eventually.ts';
import { FlareError, type FlareStatusName } from '../flare/errors.ts';
import type { Attributes } from '../flare/types.ts';
import type { CallContext, DROP, Procedure } from '../rpc/program.ts';
import type { Codec } from '../rpc/xdr.ts';
import { DONE, type Status } from './errors.ts';
import type { Nfs2Server, View } from './server.ts';

/** One procedure, before there is a server that it belongs to. */
export type MakeProcedure = (server: Nfs2Server) => Procedure<any, any>;

/** What is answered; nothing, when no answer can be given now: the client asks again. */
type Answer = Eventually<Status | typeof DROP>;
type Run<A> = (server: Nfs2Server, args: A, call: CallContext) => Eventually<Status>;

/** How a change gives its first answer again. */
export interface Retold {
  /** The handle that the change was made at, whose owner remembers the answer, and whose share a handle in the answer keeps: a copy. */
  readonly handle: Buffer;
  /** The answer, of the attributes that it showed; absent when it is no more than a status. */
  readonly answer?: (server: Nfs2Server, attributes: Attributes, view: View) => Status;
}

/** Takes from the arguments what outlives the receive buffer. */
export type Retelling<A> = (args: A) => Retold;

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
 * Makes a procedure that changes something. A retransmission that is refused before the store sees it gets its first answer all the same: `retelling` makes it.
 */
export function change<A>(
  name: string,
  args: Codec<A>,
  result: Codec<any>,
  retelling: Retelling<A>,
  run: Run<A>,
): MakeProcedure {
  return (server) => ({
    name,
    arguments: args,
    result,
    handle(given, call) {
      const again = (error: unknown, retold: Retold): Answer => againOrRefused(server, name, call, error, retold);
      let answer: Eventually<Status>;
      try {
        answer = run(server, given, call);
      } catch (error) {
        server.turns.end(call);
        return again(error, retelling(given));
      }
      if (!isPending(answer)) return done(server, call, answer);
      const retold = retelling(given);
      return ended(server, call, answer, (error) => again(error, retold));
    },
  });
}

function done(server: Nfs2Server, call: CallContext, answer: Status): Status {
  server.turns.end(call);
  return answer;
}

/** The answer when it is there, or what `refused` makes of the error: then the call has its turn no longer. */
function ended(
  server: Nfs2Server,
  call: CallContext,
  answer: Promise<Status>,
  refused: (error: unknown) => Answer,
): Answer {
  return answer.then(
    (status) => done(server, call, status),
    (error: unknown) => {
      server.turns.end(call);
      return refused(error);
    },
  );
}

/**
 * What keeps a call from the store, but did not the first time: its flare or directory is gone, or may not be changed any more, or rules were bound to it. ACCES is not
 * among them: whom the rules do not let in any more is shown nothing.
 */
const SINCE: ReadonlySet<FlareStatusName> = new Set(['STALE', 'ROFS', 'XDEV']);

function againOrRefused(server: Nfs2Server, name: string, call: CallContext, error: unknown, retold: Retold): Answer {
  if (!(error instanceof FlareError && SINCE.has(error.status))) return server.refused(error, name, call);
  return answering(server, name, call, () => firstAnswer(server, call, error, retold));
}

/** The answer that was given to the call before; throws `error` when there was none. */
async function firstAnswer(server: Nfs2Server, call: CallContext, error: FlareError, retold: Retold): Promise<Status> {
  const identity = call.replayIdentity();
  const attributes = await server.service.recall(identity, server.handles.keyOf(retold.handle));
  if (attributes === undefined) throw error;
  if (retold.answer === undefined) return DONE;
  if (attributes === null) throw error;
  return retold.answer(server, attributes, await server.viewAgain(retold.handle, attributes, call));
}

function answering(server: Nfs2Server, name: string, call: CallContext, run: () => Eventually<Status>): Answer {
  const refused = (error: unknown): Status | typeof DROP => server.refused(error, name, call);
  try {
    const answer = run();
    return isPending(answer) ? ended(server, call, answer, refused) : done(server, call, answer);
  } catch (error) {
    server.turns.end(call);
    return refused(error);
  }
}
