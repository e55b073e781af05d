import type { Clock } from '../../base/clock.ts';
import type { Procedure, Program, ProgramVersion } from '../program.ts';
import { type Forwarded, forwarder } from './callit.ts';
import { type RpcbindParts, rpcbProcedures } from './rpcbind.ts';
import { VersionStatistics } from './statistics.ts';
import type { PortmapTable } from './table.ts';
import { pmapProcedures } from './version2.ts';

/** The number of the port mapper, which is rpcbind (RFC 1833 §2.1, §3.1). */
export const PORTMAP_PROGRAM = 100000;
/** The port that it is to be found at. */
export const PORTMAP_PORT = 111;
/** The versions that are served. */
export const PORTMAP_VERSIONS = [2, 3, 4] as const;

function counted(procedures: ReadonlyMap<number, Procedure<any, any>>, counts: VersionStatistics): ProgramVersion {
  const wrapped = new Map<number, Procedure<any, any>>();
  for (const [number, { handle, ...procedure }] of procedures)
    wrapped.set(number, {
      ...procedure,
      handle(args, call) {
        counts.called(number);
        return handle(args, call);
      },
    });
  return wrapped;
}

/**
 * Our own port mapper, versions 2, 3 and 4. Anyone may ask; only callers on this machine may register, and nobody may remove magma's own
 * registrations. CALLIT and BCAST make calls of the programs in `forwarded` alone, and stay silent for all others, as RFC 1833 has it for calls that fail; INDIRECT is denied.
 */
export function portmapProgram(table: PortmapTable, clock: Clock, forwarded: readonly Forwarded[] = []): Program {
  const statistics = [new VersionStatistics(), new VersionStatistics(), new VersionStatistics()] as const;
  const forward = forwarder(table, forwarded);
  const parts: RpcbindParts = { table, clock, forward, statistics };
  return {
    number: PORTMAP_PROGRAM,
    name: 'portmap',
    versions: new Map([
      [2, counted(pmapProcedures(table, statistics[0], forward), statistics[0])],
      [3, counted(rpcbProcedures(3, parts), statistics[1])],
      [4, counted(rpcbProcedures(4, parts), statistics[2])],
    ]),
  };
}
