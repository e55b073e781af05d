import { isPending } from '../../base/eventually.ts';
import { type CallContext, DROP, type Program } from '../program.ts';
import { XdrError } from '../xdr.ts';
import type { PortmapTable } from './table.ts';
import { netidOfCall, toUniversal } from './universal.ts';

/** The longest arguments and results of a call that is made for somebody, in bytes: one datagram on any network. */
export const FORWARDED_MAX = 1400;

/** Who may have which program called for him. */
export interface Forwarded {
  /** Its procedures answer at once. */
  readonly program: Program;
  readonly allows: (address: string) => boolean;
}

/** A call that is to be made for somebody. */
interface Asked {
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly args: Buffer;
}

/**
 * Makes a call for who has broadcast it (RFC 1833 §2.2.1, §3.2): of the programs that are given alone, for callers that are allowed alone, over UDP. The program is
 * called here, with the caller's own address, so that nothing is ever sent to anybody but him, and what he is shown is for him. `DROP`: it stays silent, as the RFC has it for all that fails.
 */
export function forwarder(table: PortmapTable, forwarded: readonly Forwarded[]) {
  return (asked: Asked, call: CallContext): { port: number; address: Buffer; results: Buffer } | typeof DROP => {
    const found = forwarded.find(({ program }) => program.number === asked.program);
    const procedure = found?.program.versions.get(asked.version)?.get(asked.procedure);
    const at = table.exact(asked.program, asked.version, netidOfCall(call));
    if (found === undefined || procedure === undefined || at === undefined) return DROP;
    if (call.transport !== 'udp' || asked.args.length > FORWARDED_MAX || !found.allows(call.client.address))
      return DROP;
    try {
      const result = procedure.handle(procedure.arguments.decode(asked.args), call);
      if (result === DROP || isPending(result)) return DROP;
      const results = procedure.result.encode(result);
      if (results.length > FORWARDED_MAX) return DROP;
      const { port } = at.endpoint;
      return { port, address: Buffer.from(toUniversal({ address: call.server.address, port })), results };
    } catch (error) {
      if (error instanceof XdrError) return DROP;
      throw error;
    }
  };
}
