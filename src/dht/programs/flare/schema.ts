import * as xdr from '@stellar/js-xdr';
import { LOCK_FLARES_MAX } from '../../../flare/locks/types.ts';
import { REPLAY_IDENTITY_MAX } from '../../../flare/record/limits.ts';
import { READ_MAX, READDIR_MAX, WRITE_MAX } from '../../../flare/store/limits.ts';
import { TARGET_MAX } from '../../../flare/types.ts';
import { DEFAULT_BOUNDS, type RpcBounds } from '../../../rpc/bounds.ts';
import { compile } from '../../../rpc/xdr.ts';
import { PROJECTION_BYTES_MAX } from '../../projection/codec.ts';
import { HeldLockSchema, HolderSchema, LockRequestSchema } from '../locks.ts';
import { nothingResult, resultOf } from '../result.ts';
import {
  AttributesSchema,
  BirthSchema,
  CallerSchema,
  ChangesSchema,
  EntrySchema,
  FlareIdSchema,
  KeySchema,
  NameSchema,
} from '../types.ts';

/** The number of the flare program; it has one version. */
export const FLARE_PROGRAM = 0x2a6d0001;
export const FLARE_VERSION = 1;
/** The longest client address, in bytes. */
export const CLIENT_MAX = 64;
/** What a message takes at most besides its one large field, in bytes. */
const MESSAGE_EXTRA = 16 * 1024;
/** The largest reply: a whole READ, or a READDIR of the longest names. */
export const FLARE_REPLY_BYTES_MAX = Math.max(READ_MAX, READDIR_MAX * (4 + 28 + 260 + 8)) + MESSAGE_EXTRA;

/** What a server of the flare program must be able to take. */
export const FLARE_BOUNDS: RpcBounds = {
  ...DEFAULT_BOUNDS,
  recordBytes: WRITE_MAX + MESSAGE_EXTRA,
  queuedBytes: 4 * FLARE_REPLY_BYTES_MAX,
};

/** What every call begins with: the caller's epoch, and on whose behalf it calls, as a numeric address; empty: his own. */
const head = { epoch: xdr.uint64(), client: xdr.string(CLIENT_MAX) };
const asked = { ...head, caller: CallerSchema };
const place = { directory: FlareIdSchema, name: NameSchema };
const version = xdr.option(xdr.uint64());

const named = xdr.struct('NameArguments', { ...asked, ...place });

/** Arguments. */
const args = {
  head: compile(xdr.struct('HeadArguments', head)),
  id: compile(xdr.struct('IdArguments', { ...head, id: FlareIdSchema })),
  find: compile(xdr.struct('FindArguments', { ...head, key: KeySchema })),
  setattr: compile(xdr.struct('SetattrArguments', { ...asked, id: FlareIdSchema, version, changes: ChangesSchema })),
  named: compile(named),
  askedId: compile(xdr.struct('AskedIdArguments', { ...asked, id: FlareIdSchema })),
  read: compile(
    xdr.struct('ReadArguments', { ...asked, id: FlareIdSchema, offset: xdr.uint64(), count: xdr.uint32() }),
  ),
  write: compile(
    xdr.struct('WriteArguments', {
      ...asked,
      id: FlareIdSchema,
      version,
      offset: xdr.uint64(),
      data: xdr.varOpaque(WRITE_MAX),
    }),
  ),
  create: compile(xdr.struct('CreateArguments', { ...asked, ...place, open: xdr.bool(), birth: BirthSchema })),
  rename: compile(
    xdr.struct('RenameArguments', {
      ...asked,
      from: FlareIdSchema,
      fromName: NameSchema,
      to: FlareIdSchema,
      toName: NameSchema,
    }),
  ),
  link: compile(xdr.struct('LinkArguments', { ...asked, id: FlareIdSchema, ...place })),
  readdir: compile(
    xdr.struct('ReaddirArguments', { ...asked, directory: FlareIdSchema, cookie: xdr.uint64(), limit: xdr.uint32() }),
  ),
  recall: compile(
    xdr.struct('RecallArguments', { ...head, at: KeySchema, replay: xdr.varOpaque(REPLAY_IDENTITY_MAX) }),
  ),
};

/** Arguments about locks. */
const lockArgs = {
  lock: compile(xdr.struct('LockArguments', { ...asked, id: FlareIdSchema, lock: LockRequestSchema })),
  holder: compile(
    xdr.struct('HolderArguments', { ...head, holder: HolderSchema, ids: xdr.array(FlareIdSchema, LOCK_FLARES_MAX) }),
  ),
};

/** Results. */
const results = {
  nothing: nothingResult,
  id: compile(resultOf('IdResult', FlareIdSchema)),
  attributes: compile(resultOf('AttributesResult', AttributesSchema)),
  readlink: compile(resultOf('ReadlinkResult', xdr.varOpaque(TARGET_MAX))),
  read: compile(
    resultOf('ReadResult', xdr.struct('Read', { attributes: AttributesSchema, data: xdr.varOpaque(READ_MAX) })),
  ),
  readdir: compile(
    resultOf('ReaddirResult', xdr.struct('Readdir', { entries: xdr.array(EntrySchema, READDIR_MAX), end: xdr.bool() })),
  ),
  recall: compile(
    resultOf('RecallResult', xdr.struct('Recall', { found: xdr.bool(), attributes: xdr.option(AttributesSchema) })),
  ),
  statfs: compile(
    resultOf(
      'StatfsResult',
      xdr.struct('Statfs', {
        totalBytes: xdr.uint64(),
        freeBytes: xdr.uint64(),
        availableBytes: xdr.uint64(),
        flares: xdr.uint64(),
      }),
    ),
  ),
  lock: compile(resultOf('LockResult', xdr.struct('Lock', { attributes: AttributesSchema, tenure: xdr.uint64() }))),
  testLock: compile(resultOf('TestLockResult', xdr.option(HeldLockSchema))),
  keepLocks: compile(resultOf('KeepLocksResult', xdr.array(xdr.uint64(), LOCK_FLARES_MAX))),
  /** The newest projection, if that is newer than the caller's. */
  projection: compile(resultOf('ProjectionResult', xdr.option(xdr.varOpaque(PROJECTION_BYTES_MAX)))),
};

/** The procedures of the flare program: one for each method of `FlareService`, and the map for those who find owners by themselves. */
export const procedures = {
  NULL: { number: 0, arguments: compile(xdr.void()), result: compile(xdr.void()) },
  ROOT: { number: 1, arguments: args.head, result: results.id },
  GETATTR: { number: 2, arguments: args.id, result: results.attributes },
  GLANCE: { number: 3, arguments: args.id, result: results.attributes },
  FIND: { number: 4, arguments: args.find, result: results.attributes },
  SETATTR: { number: 5, arguments: args.setattr, result: results.attributes },
  LOOKUP: { number: 6, arguments: args.named, result: results.attributes },
  READLINK: { number: 7, arguments: args.askedId, result: results.readlink },
  READ: { number: 8, arguments: args.read, result: results.read },
  WRITE: { number: 9, arguments: args.write, result: results.attributes },
  CREATE: { number: 10, arguments: args.create, result: results.attributes },
  REMOVE: { number: 11, arguments: args.named, result: results.nothing },
  RMDIR: { number: 12, arguments: args.named, result: results.nothing },
  RENAME: { number: 13, arguments: args.rename, result: results.nothing },
  LINK: { number: 14, arguments: args.link, result: results.nothing },
  READDIR: { number: 15, arguments: args.readdir, result: results.readdir },
  RECALL: { number: 16, arguments: args.recall, result: results.recall },
  STATFS: { number: 17, arguments: args.head, result: results.statfs },
  PROJECTION: { number: 18, arguments: args.head, result: results.projection },
  LOCK: { number: 19, arguments: lockArgs.lock, result: results.lock },
  TESTLOCK: { number: 20, arguments: lockArgs.lock, result: results.testLock },
  KEEPLOCKS: { number: 21, arguments: lockArgs.holder, result: results.keepLocks },
  FREELOCKS: { number: 22, arguments: lockArgs.holder, result: results.nothing },
} as const;
