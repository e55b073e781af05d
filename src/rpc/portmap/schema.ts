import * as xdr from '@stellar/js-xdr';
import { compile } from '../xdr.ts';

/** The longest string that is taken, in bytes; RFC 1833 sets no bound. */
export const STRING_MAX = 255;
/** The most argument bytes of a forwarded call that are taken. */
export const CALLIT_MAX = 8800;
/** Procedures that `rpcb_stat` counts: RPCBSTAT_HIGHPROC, RFC 1833 §2.1. */
export const STAT_PROCEDURES = 13;

const text = xdr.string(STRING_MAX);

const mapping = {
  program: xdr.uint32(),
  version: xdr.uint32(),
  protocol: xdr.uint32(),
  port: xdr.uint32(),
};

interface PmapShape {
  program: number;
  version: number;
  protocol: number;
  port: number;
  next: PmapShape | null;
}

const pmaplist: xdr.XdrType<PmapShape> = xdr.struct('pmaplist', {
  ...mapping,
  next: xdr.option(xdr.lazy(() => pmaplist)),
});

const rpcb = {
  program: xdr.uint32(),
  version: xdr.uint32(),
  netid: text,
  address: text,
  owner: text,
};

interface RpcbShape {
  program: number;
  version: number;
  netid: Uint8Array;
  address: Uint8Array;
  owner: Uint8Array;
  next: RpcbShape | null;
}

const rpcblist: xdr.XdrType<RpcbShape> = xdr.struct('rp__list', {
  ...rpcb,
  next: xdr.option(xdr.lazy(() => rpcblist)),
});

interface EntryShape {
  address: Uint8Array;
  netid: Uint8Array;
  semantics: number;
  family: Uint8Array;
  proto: Uint8Array;
  next: EntryShape | null;
}

const entrylist: xdr.XdrType<EntryShape> = xdr.struct('rpcb_entry_list', {
  address: text,
  netid: text,
  semantics: xdr.uint32(),
  family: text,
  proto: text,
  next: xdr.option(xdr.lazy(() => entrylist)),
});

interface AddressStatShape {
  program: number;
  version: number;
  success: number;
  failure: number;
  netid: Uint8Array;
  next: AddressStatShape | null;
}

const addressStats: xdr.XdrType<AddressStatShape> = xdr.struct('rpcbs_addrlist', {
  program: xdr.uint32(),
  version: xdr.uint32(),
  success: xdr.int32(),
  failure: xdr.int32(),
  netid: text,
  next: xdr.option(xdr.lazy(() => addressStats)),
});

const rpcbStat = xdr.struct('rpcb_stat', {
  info: xdr.fixedArray(xdr.int32(), STAT_PROCEDURES),
  setinfo: xdr.int32(),
  unsetinfo: xdr.int32(),
  addrinfo: xdr.option(addressStats),
  // rpcbs_rmtcalllist: no call is ever forwarded, so it is always empty, and its element need not be described.
  rmtinfo: xdr.option(xdr.void()),
});

/** Types of the port mapper, version 2 (RFC 1833 §3.1). */
export const pmapCodecs = {
  mapping: compile(xdr.struct('mapping', mapping)),
  list: compile(xdr.option(pmaplist)),
} as const;

/** Types of rpcbind, versions 3 and 4 (RFC 1833 §2.1). */
export const rpcbCodecs = {
  rpcb: compile(xdr.struct('rpcb', rpcb)),
  list: compile(xdr.option(rpcblist)),
  entries: compile(xdr.option(entrylist)),
  netbuf: compile(xdr.struct('netbuf', { maxlen: xdr.uint32(), buf: xdr.varOpaque(STRING_MAX) })),
  stats: compile(xdr.fixedArray(rpcbStat, 3)),
} as const;

/** Types of both. */
export const commonCodecs = {
  void: compile(xdr.void()),
  bool: compile(xdr.bool()),
  uint32: compile(xdr.uint32()),
  text: compile(text),
  callit: compile(
    xdr.struct('call_args', {
      program: xdr.uint32(),
      version: xdr.uint32(),
      procedure: xdr.uint32(),
      args: xdr.varOpaque(CALLIT_MAX),
    }),
  ),

  /** `call_result` of version 2, `rpcb_rmtcallres` of 3 and 4. */
  callitResult: compile(xdr.struct('call_result', { port: xdr.uint32(), results: xdr.varOpaque(CALLIT_MAX) })),
  remoteResult: compile(xdr.struct('rpcb_rmtcallres', { address: text, results: xdr.varOpaque(CALLIT_MAX) })),
} as const;
