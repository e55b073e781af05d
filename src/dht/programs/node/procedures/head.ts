import * as xdr from '@stellar/js-xdr';

/** The first field of a call that depends on the map: the epoch of the one that the caller goes by. */
export const head = { epoch: xdr.uint64() };
