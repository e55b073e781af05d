import * as xdr from '@stellar/js-xdr';
import { type Codec, compile } from '../rpc/xdr.ts';

/*
 * The types of SunOS's bootparam protocol. Lengths are bytes.
 */

/** The longest name of a machine or domain, the longest path, and the longest name of a parameter. */
export const NAME_MAX = 255;
export const PATH_MAX = 1024;
export const FILE_ID_MAX = 32;

/** In C these are chars, which may be signed: only their low 8 bits count, and so they are sent. */
const ipAddress = xdr.struct('ip_addr_t', {
  net: xdr.int32(),
  host: xdr.int32(),
  lh: xdr.int32(),
  impno: xdr.int32(),
});
/** There is no other type of address. */
const address = xdr.union('bp_address', {
  switchOn: xdr.int32(),
  switchKey: 'type',
  cases: [xdr.case('ip', 1, xdr.field('ip', ipAddress))],
});
const name = xdr.string(NAME_MAX);

/** The codecs, by what they are of. */
export const codecs = {
  void: compile(xdr.void()) as Codec<undefined>,
  whoami: compile(xdr.struct('bp_whoami_arg', { client: address })),
  whoamiResults: compile(xdr.struct('bp_whoami_res', { client: name, domain: name, router: address })),
  getfile: compile(xdr.struct('bp_getfile_arg', { client: name, file: xdr.string(FILE_ID_MAX) })),
  getfileResults: compile(xdr.struct('bp_getfile_res', { server: name, address, path: xdr.string(PATH_MAX) })),
} as const;
