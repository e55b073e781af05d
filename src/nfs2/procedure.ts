import { type Eventually, isPending } from '../base/eventually.ts';
import type { CallContext, Procedure } from '../rpc/program.ts';
import type { Codec } from '../rpc/xdr.ts';
import type { Status } from './errors.ts';
import type { Nfs2Server } from './server.ts';

/** One procedure, before there is a server that it belongs to. */
export type MakeProcedure = (server: Nfs2Server) => Procedure<any, any>;

/** Makes a procedure whose refusals are answered as its result's `status`. `run` may throw or reject with anything. */
export function procedure<A>(
  name: string,
  args: Codec<A>,
  result: Codec<any>,
  run: (server: Nfs2Server, args: A, call: CallContext) => Eventually<Status>,
): MakeProcedure {
  return (server) => ({
    name,
    arguments: args,
    result,
    handle(args, call) {
      try {
        const answer = run(server, args, call);
        return isPending(answer) ? answer.catch((error: unknown) => server.refused(error, name, call)) : answer;
      } catch (error) {
        return server.refused(error, name, call);
      }
    },
  });
}
