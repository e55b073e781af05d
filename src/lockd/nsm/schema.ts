import * as xdr from '@stellar/js-xdr';
import { compile } from '../../rpc/xdr.ts';

/** The number of the network status monitor (XNFS chapter 11), and its one version. */
export const NSM_PROGRAM = 100024;
export const NSM_VERSION = 1;
/** The longest name, in bytes (`SM_MAXSTRLEN`). */
export const SM_NAME_MAX = 1024;
/** Bytes that whoever monitors gets back when he is called. */
export const PRIVATE_BYTES = 16;

/** `res`. */
export const StatResult = { SUCCESS: 0, FAIL: 1 } as const;

export const NSM_PROCEDURES = { NULL: 0, STAT: 1, MON: 2, UNMON: 3, UNMON_ALL: 4, SIMU_CRASH: 5, NOTIFY: 6 } as const;

const name = xdr.string(SM_NAME_MAX);
const priv = xdr.opaque(PRIVATE_BYTES);
const myId = xdr.struct('my_id', {
  ...{ name, program: xdr.uint32() },
  ...{ version: xdr.uint32(), procedure: xdr.uint32() },
});
const monId = xdr.struct('mon_id', { name, by: myId });

/** The types of the status monitor (XNFS chapter 11). State numbers are `int` there; their bits are kept. */
export const nsmCodecs = {
  void: compile(xdr.void()),
  name: compile(xdr.struct('sm_name', { name })),
  monitor: compile(xdr.struct('mon', { id: monId, priv })),
  monitorId: compile(monId),
  myId: compile(myId),
  notification: compile(xdr.struct('stat_chge', { name, state: xdr.uint32() })),
  status: compile(xdr.struct('status', { name, state: xdr.uint32(), priv })),
  state: compile(xdr.struct('sm_stat', { state: xdr.uint32() })),
  result: compile(xdr.struct('sm_stat_res', { result: xdr.uint32(), state: xdr.uint32() })),
} as const;
