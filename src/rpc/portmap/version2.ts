import type { CallContext, Procedure } from '../program.ts';
import { toLinked } from '../xdr/linked.ts';
import type { forwarder } from './callit.ts';
import { isLocal, mayRemove, ownerOf } from './rights.ts';
import { commonCodecs, pmapCodecs } from './schema.ts';
import type { VersionStatistics } from './statistics.ts';
import type { PortmapTable } from './table.ts';
import { NETID_FACTS, NETIDS, type NetId } from './universal.ts';

interface PmapMapping {
  readonly program: number;
  readonly version: number;
  readonly protocol: number;
  readonly port: number;
}

/** The transports of an IP protocol, the IPv4 one, which version 2 is about, first. */
function netidsOf(protocol: number): readonly NetId[] {
  return NETIDS.filter((netid) => NETID_FACTS[netid].protocol === protocol);
}

/** The port mapper, version 2 (RFC 1833 §3), procedures by number. */
export function pmapProcedures(
  table: PortmapTable,
  statistics: VersionStatistics,
  forward: ReturnType<typeof forwarder>,
): Map<number, Procedure<any, any>> {
  const { void: none, bool, uint32, callit, callitResult } = commonCodecs;
  const { mapping, list } = pmapCodecs;

  function set({ program, version, protocol, port }: PmapMapping, call: CallContext): boolean {
    const netid = netidsOf(protocol)[0];
    if (netid === undefined || !isLocal(call)) return false;
    const done = table.set({ program, version, netid, endpoint: { address: '0.0.0.0', port }, owner: ownerOf(call) });
    statistics.set(done);
    return done;
  }

  /** Protocol and port are ignored (RFC 1833 §3.2). */
  function unset({ program, version }: PmapMapping, call: CallContext): boolean {
    const done = isLocal(call) && table.unset(program, version, ['udp', 'tcp'], mayRemove(call));
    statistics.unset(done);
    return done;
  }

  /** 0 when the program is not registered. What is registered for IPv6 alone is at the same port for those who ask over IPv6. */
  function getport({ program, version, protocol }: PmapMapping): number {
    const netids = netidsOf(protocol);
    const found = netids.map((netid) => table.nearest(program, version, netid)).find((one) => one !== undefined);
    statistics.lookedUp(program, version, netids[0] ?? '', found !== undefined);
    return found?.endpoint.port ?? 0;
  }

  function dump() {
    const shown = table.list().filter(({ netid }) => NETID_FACTS[netid].family === 'inet');
    return toLinked(
      shown.map(({ program, version, netid, endpoint }) => ({
        program,
        version,
        protocol: NETID_FACTS[netid].protocol,
        port: endpoint.port,
      })),
    );
  }

  return new Map<number, Procedure<any, any>>([
    [0, { name: 'NULL', arguments: none, result: none, handle: () => {} }],
    [1, { name: 'SET', arguments: mapping, result: bool, handle: set }],
    [2, { name: 'UNSET', arguments: mapping, result: bool, handle: unset }],
    [3, { name: 'GETPORT', arguments: mapping, result: uint32, handle: getport }],
    [4, { name: 'DUMP', arguments: none, result: list, handle: dump }],
    [5, { name: 'CALLIT', arguments: callit, result: callitResult, handle: forward }],
  ]);
}
