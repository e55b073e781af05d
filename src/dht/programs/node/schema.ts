import * as xdr from '@stellar/js-xdr';
import { DEFAULT_BOUNDS, type RpcBounds } from '../../../rpc/bounds.ts';
import { compile } from '../../../rpc/xdr.ts';
import { PROJECTION_BYTES_MAX } from '../../projection/codec.ts';
import { ID_BYTES, NICKNAME_MAX, VERSION_TEXT_MAX } from '../../projection/types.ts';
import { resultOf } from '../result.ts';
import { backupProcedures } from './procedures/backup.ts';
import { figuresProcedures } from './procedures/figures.ts';
import { jointProcedures } from './procedures/joint.ts';
import { keysProcedures } from './procedures/keys.ts';
import { locksProcedures } from './procedures/locks.ts';
import { mapProcedures } from './procedures/map.ts';
import { APPEND_BYTES_MAX, mirrorProcedures } from './procedures/mirror.ts';
import { NOTES_BYTES_MAX, notesProcedures } from './procedures/notes.ts';

/** The number of the node program; it has one version. */
export const NODE_PROGRAM = 0x2a6d0002;
export const NODE_VERSION = 1;
/** The most bytes that a HELLO has for later versions. */
export const HELLO_FURTHER_MAX = 4096;

const MESSAGE_EXTRA = 256 * 1024;
/** The largest reply of the node program. */
export const NODE_REPLY_BYTES_MAX = Math.max(PROJECTION_BYTES_MAX, NOTES_BYTES_MAX, APPEND_BYTES_MAX) + MESSAGE_EXTRA;

/** What a server of the node program must be able to take. */
export const NODE_BOUNDS: RpcBounds = {
  ...DEFAULT_BOUNDS,
  recordBytes: APPEND_BYTES_MAX + MESSAGE_EXTRA,
  fragments: 1024,
  queuedBytes: 2 * NODE_REPLY_BYTES_MAX,
};

/**
 * Its form never changes, so that each version can refuse each other one: what later versions say more goes into `further`, which is ignored by those that do not know it.
 */
export const HelloSchema = xdr.struct('Hello', {
  protocol: xdr.uint32(),
  least: xdr.uint32(),
  version: xdr.string(VERSION_TEXT_MAX),
  networkId: xdr.option(xdr.opaque(ID_BYTES)),
  id: xdr.opaque(ID_BYTES),
  nickname: xdr.string(NICKNAME_MAX),
  epoch: xdr.uint64(),
  clock: xdr.uint64(),
  joining: xdr.bool(),
  life: xdr.uint64(),
  born: xdr.uint64(),
  further: xdr.varOpaque(HELLO_FURTHER_MAX),
});

/** The procedures of the node program. */
export const procedures = {
  NULL: { number: 0, arguments: compile(xdr.void()), result: compile(xdr.void()) },
  /** The first call on every connection: both sides look whether they may work together. */
  HELLO: { number: 1, arguments: compile(HelloSchema), result: compile(resultOf('HelloResult', HelloSchema)) },
  ...mapProcedures,
  ...mirrorProcedures,
  ...jointProcedures,
  ...figuresProcedures,
  ...notesProcedures,
  ...locksProcedures,
  ...backupProcedures,
  ...keysProcedures,
} as const;
