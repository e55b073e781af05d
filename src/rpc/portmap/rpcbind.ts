import type { Clock } from '../../base/clock.ts';
import { AuthStat, type CallContext, type Procedure, RpcRefusal } from '../program.ts';
import { toLinked } from '../xdr/linked.ts';
import type { forwarder } from './callit.ts';
import { isLocal, mayRemove, ownerOf } from './rights.ts';
import { commonCodecs, rpcbCodecs } from './schema.ts';
import type { VersionStatistics } from './statistics.ts';
import type { Mapping, PortmapTable } from './table.ts';
import {
  fromTransportAddress,
  fromUniversal,
  NETID_FACTS,
  NETIDS,
  netidOf,
  netidOfCall,
  toTransportAddress,
  toUniversal,
} from './universal.ts';

interface Rpcb {
  readonly program: number;
  readonly version: number;
  readonly netid: Buffer;
  readonly address: Buffer;
}

const ANY_ADDRESSES = new Set(['0.0.0.0', '::']);
const MICROSECONDS = 1_000_000;

/** The address of a registration for this caller: one that holds everywhere is shown as the address that the call came to. */
function addressFor({ endpoint }: Mapping, call: CallContext): string {
  const address = ANY_ADDRESSES.has(endpoint.address) ? call.server.address : endpoint.address;
  return toUniversal({ address, port: endpoint.port });
}

/** What rpcbind's procedures work on. */
export interface RpcbindParts {
  readonly table: PortmapTable;
  readonly clock: Clock;
  /** Makes calls for those who broadcast them. */
  readonly forward: ReturnType<typeof forwarder>;
  /** The counts of all versions, 2 to 4, for GETSTAT. */
  readonly statistics: readonly [VersionStatistics, VersionStatistics, VersionStatistics];
}

class Rpcbind {
  readonly #table: PortmapTable;
  readonly #counts: VersionStatistics;

  constructor(table: PortmapTable, counts: VersionStatistics) {
    this.#table = table;
    this.#counts = counts;
  }

  /** False for a transport or an address that is none, or that do not go together. */
  set({ program, version, netid: name, address }: Rpcb, call: CallContext): boolean {
    const netid = netidOf(name.toString('latin1'));
    const endpoint = fromUniversal(address.toString('latin1'));
    if (netid === undefined || endpoint === null || !isLocal(call)) return false;
    if (endpoint.address.includes(':') !== netid.endsWith('6')) return false;
    const done = this.#table.set({ program, version, netid, endpoint, owner: ownerOf(call) });
    this.#counts.set(done);
    return done;
  }

  /** No netid: all transports. */
  unset({ program, version, netid: name }: Rpcb, call: CallContext): boolean {
    const netids = name.length === 0 ? NETIDS : NETIDS.filter((netid) => netid === name.toString('latin1'));
    const done = isLocal(call) && this.#table.unset(program, version, netids, mayRemove(call));
    this.#counts.unset(done);
    return done;
  }

  /** The transport is the one that the call came by; the argument's netid is ignored. Empty when there is no registration. */
  getaddr({ program, version }: Rpcb, call: CallContext): Buffer {
    return this.#answer(program, version, call, this.#table.nearest(program, version, netidOfCall(call)));
  }

  getversaddr({ program, version }: Rpcb, call: CallContext): Buffer {
    return this.#answer(program, version, call, this.#table.exact(program, version, netidOfCall(call)));
  }

  #answer(program: number, version: number, call: CallContext, found: Mapping | undefined): Buffer {
    this.#counts.lookedUp(program, version, netidOfCall(call), found !== undefined);
    return Buffer.from(found === undefined ? '' : addressFor(found, call));
  }

  /** The addresses are shown as they were registered, as a list of registrations should. */
  dump() {
    return toLinked(
      this.#table.list().map(({ program, version, netid, endpoint, owner }) => ({
        program,
        version,
        netid: Buffer.from(netid),
        address: Buffer.from(toUniversal(endpoint)),
        owner: Buffer.from(owner),
      })),
    );
  }

  /** All transports of that version whose address is known for this caller: those of his family, and those registered with an address. */
  getaddrlist({ program, version }: Rpcb, call: CallContext) {
    const { family } = NETID_FACTS[netidOfCall(call)];
    const found = NETIDS.map((netid) => this.#table.exact(program, version, netid)).filter(
      (one): one is Mapping =>
        one !== undefined && (NETID_FACTS[one.netid].family === family || !ANY_ADDRESSES.has(one.endpoint.address)),
    );
    return toLinked(
      found.map((one) => ({
        address: Buffer.from(addressFor(one, call)),
        netid: Buffer.from(one.netid),
        semantics: NETID_FACTS[one.netid].semantics,
        family: Buffer.from(NETID_FACTS[one.netid].family),
        proto: Buffer.from(NETID_FACTS[one.netid].proto),
      })),
    );
  }
}

function refuseIndirect(): never {
  throw new RpcRefusal(AuthStat.TOOWEAK);
}

/** rpcbind, versions 3 and 4 (RFC 1833 §2), procedures by number. */
export function rpcbProcedures(version: 3 | 4, parts: RpcbindParts): Map<number, Procedure<any, any>> {
  const { void: none, bool, uint32, text, callit, remoteResult } = commonCodecs;
  const { rpcb, list, entries, netbuf, stats } = rpcbCodecs;
  const { clock, forward, statistics, table } = parts;
  const rpcbind = new Rpcbind(table, statistics[version - 2]!);

  const uaddr2taddr = (address: Buffer) => {
    const buf = toTransportAddress(address.toString('latin1'));
    return { maxlen: buf.length, buf };
  };
  const taddr2uaddr = ({ buf }: { buf: Buffer }) => Buffer.from(fromTransportAddress(buf));
  const procedures = new Map<number, Procedure<any, any>>([
    [0, { name: 'NULL', arguments: none, result: none, handle: () => {} }],
    [1, { name: 'SET', arguments: rpcb, result: bool, handle: (args, call) => rpcbind.set(args, call) }],
    [2, { name: 'UNSET', arguments: rpcb, result: bool, handle: (args, call) => rpcbind.unset(args, call) }],
    [3, { name: 'GETADDR', arguments: rpcb, result: text, handle: (args, call) => rpcbind.getaddr(args, call) }],
    [4, { name: 'DUMP', arguments: none, result: list, handle: () => rpcbind.dump() }],
    [5, { name: version === 3 ? 'CALLIT' : 'BCAST', arguments: callit, result: remoteResult, handle: forward }],
    [
      6,
      {
        name: 'GETTIME',
        arguments: none,
        result: uint32,
        handle: () => Math.floor(clock.now() / MICROSECONDS) % 2 ** 32,
      },
    ],
    [7, { name: 'UADDR2TADDR', arguments: text, result: netbuf, handle: uaddr2taddr }],
    [8, { name: 'TADDR2UADDR', arguments: netbuf, result: text, handle: taddr2uaddr }],
  ]);
  if (version === 3) return procedures;
  const getversaddr: Procedure<any, any>['handle'] = (args, call) => rpcbind.getversaddr(args, call);
  const getaddrlist: Procedure<any, any>['handle'] = (args, call) => rpcbind.getaddrlist(args, call);
  return procedures
    .set(9, { name: 'GETVERSADDR', arguments: rpcb, result: text, handle: getversaddr })
    .set(10, { name: 'INDIRECT', arguments: callit, result: none, handle: refuseIndirect })
    .set(11, { name: 'GETADDRLIST', arguments: rpcb, result: entries, handle: getaddrlist })
    .set(12, { name: 'GETSTAT', arguments: none, result: stats, handle: () => statistics.map((one) => one.shown()) });
}
