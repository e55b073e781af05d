import * as xdr from '@stellar/js-xdr';
import { compile } from '../rpc/xdr.ts';

/*
 * The remote quota protocol, version 1, as SunOS's <rpcsvc/rquota.x> describes it; there is no RFC.
 */

/** The longest path, in bytes (`RQ_PATHLEN`). */
export const RQ_PATHLEN = 1024;

/** `gqr_status`. */
export const GqrStatus = { OK: 1, NOQUOTA: 2, EPERM: 3 } as const;

const args = xdr.struct('getquota_args', { path: xdr.string(RQ_PATHLEN), uid: xdr.uint32() });

const rquota = xdr.struct('rquota', {
  /** Bytes of a block: all figures of blocks are in these. */
  bsize: xdr.int32(),
  active: xdr.bool(),
  /** Limits; 0: none. */
  bhardlimit: xdr.uint32(),
  bsoftlimit: xdr.uint32(),
  curblocks: xdr.uint32(),
  fhardlimit: xdr.uint32(),
  fsoftlimit: xdr.uint32(),
  curfiles: xdr.uint32(),
  /** Seconds that are left of the grace time; 0: it has not begun, or is over. */
  btimeleft: xdr.uint32(),
  ftimeleft: xdr.uint32(),
});

const result = xdr.union('getquota_rslt', {
  switchOn: xdr.int32(),
  switchKey: 'status',
  cases: [
    xdr.case('ok', GqrStatus.OK, xdr.field('rquota', rquota)),
    xdr.case('noquota', GqrStatus.NOQUOTA, xdr.void()),
    xdr.case('eperm', GqrStatus.EPERM, xdr.void()),
  ],
});

/** The types of the protocol. */
export const codecs = {
  void: compile(xdr.void()),
  getquotaArgs: compile(args),
  getquotaResult: compile(result),
} as const;
