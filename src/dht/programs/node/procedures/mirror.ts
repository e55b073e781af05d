import * as xdr from '@stellar/js-xdr';
import { GROUP_BYTES_MAX } from '../../../../flare/kml/format.ts';
import { DATA_MAX, GROUP_MAX, RECORD_MAX, UNDO_BYTES_MAX } from '../../../../flare/record/limits.ts';
import { compile } from '../../../../rpc/xdr.ts';
import { ID_BYTES, SLICES_MAX } from '../../../projection/types.ts';
import { resultOf } from '../../result.ts';
import { FlareIdSchema } from '../../types.ts';
import { head } from './head.ts';

/** The most groups in one APPEND. */
export const APPEND_GROUPS_MAX = 4096;
/** The most bytes of the records of one APPEND, with some 8 for each record besides. */
export const APPEND_BYTES_MAX = GROUP_BYTES_MAX;
/** The most slices of which one COMMON asks, and the most runs that it tells of each: what is older counts as not kept. */
export const COMMON_SLICES_MAX = 32;
export const RUNS_MAX = 64;

/** Records that are appended together or not at all. */
const GroupSchema = xdr.array(
  xdr.struct('AppendRecord', { flags: xdr.uint32(), payload: xdr.varOpaque(RECORD_MAX) }),
  GROUP_MAX,
);

const AppendSchema = xdr.struct('Append', {
  ...head,
  sender: xdr.opaque(ID_BYTES),
  stream: xdr.uint64(),
  sequence: xdr.uint64(),
  groups: xdr.array(GroupSchema, APPEND_GROUPS_MAX),
});

/** What became of an APPEND: 0: durable up to that message, and how many bytes there is room for; 1: it does not follow what the mirror has of the slice, whose last number is given. */
const AppendedSchema = xdr.union('Appended', {
  switchOn: xdr.uint32(),
  switchKey: 'gap',
  cases: [
    xdr.case('durable', 0, xdr.field('taken', xdr.struct('Taken', { sequence: xdr.uint64(), room: xdr.uint64() }))),
    xdr.case('gap', 1, xdr.field('at', xdr.struct('Gap', { slice: xdr.uint32(), last: xdr.uint64() }))),
  ],
});

/** Of a slice's digest: SHA-256. */
const DIGEST_BYTES = 32;

/** Between the copies of a slice: records, what mirrors have, leases, and what one copy has lost. */
export const mirrorProcedures = {
  APPEND: { number: 6, arguments: compile(AppendSchema), result: compile(resultOf('AppendResult', AppendedSchema)) },
  /** A primary asks a mirror what it has, all of it durable, and says which stream of APPENDs follows. */
  FOLLOWED: {
    number: 13,
    arguments: compile(
      xdr.struct('AskFollowed', {
        ...head,
        sender: xdr.opaque(ID_BYTES),
        stream: xdr.uint64(),
        slices: xdr.array(xdr.uint32(), SLICES_MAX),
      }),
    ),
    result: compile(
      resultOf(
        'FollowedResult',
        xdr.struct('Followed', {
          sequence: xdr.uint64(),
          last: xdr.array(xdr.struct('LastRecord', { number: xdr.uint64(), epoch: xdr.uint64() }), SLICES_MAX),
          room: xdr.uint64(),
        }),
      ),
    ),
  },
  /** A primary asks a mirror for records of slices behind numbers: a first piece of them, none when there are none. */
  TAIL: {
    number: 14,
    arguments: compile(
      xdr.struct('AskTail', {
        ...head,
        sender: xdr.opaque(ID_BYTES),
        slices: xdr.array(xdr.struct('TailOf', { slice: xdr.uint32(), after: xdr.uint64() }), SLICES_MAX),
      }),
    ),
    result: compile(
      resultOf('TailResult', xdr.array(xdr.array(xdr.varOpaque(RECORD_MAX), GROUP_MAX), APPEND_GROUPS_MAX)),
    ),
  },
  /** A primary asks a mirror that is to be filled for the last record that both have of slices, and for the record that undoes what the mirror has behind it. */
  COMMON: {
    number: 15,
    arguments: compile(
      xdr.struct('AskCommon', {
        ...head,
        sender: xdr.opaque(ID_BYTES),
        slices: xdr.array(
          xdr.struct('Theirs', {
            slice: xdr.uint32(),
            runs: xdr.array(
              xdr.struct('Run', { epoch: xdr.uint64(), first: xdr.uint64(), last: xdr.uint64() }),
              RUNS_MAX,
            ),
          }),
          COMMON_SLICES_MAX,
        ),
      }),
    ),
    result: compile(
      resultOf(
        'CommonResult',
        xdr.array(
          xdr.option(
            xdr.struct('Common', {
              last: xdr.struct('CommonRecord', { number: xdr.uint64(), epoch: xdr.uint64() }),
              undo: xdr.option(xdr.varOpaque(UNDO_BYTES_MAX)),
            }),
          ),
          COMMON_SLICES_MAX,
        ),
      ),
    ),
  },
  /** A primary asks for its lease: for how long the other one does not take its slices over, in milliseconds. */
  RENEW: {
    number: 40,
    arguments: compile(xdr.struct('Renew', { ...head, sender: xdr.opaque(ID_BYTES) })),
    result: compile(resultOf('RenewResult', xdr.uint32())),
  },
  /** A copy of a slice asks another one for bytes of a file that its log has lost; null: the file is at another version there, or has not all of them. */
  CONTENTS: {
    number: 60,
    arguments: compile(
      xdr.struct('AskContents', {
        ...head,
        id: FlareIdSchema,
        version: xdr.option(xdr.uint64()),
        offset: xdr.uint64(),
        length: xdr.uint32(),
      }),
    ),
    result: compile(resultOf('ContentsResult', xdr.option(xdr.varOpaque(DATA_MAX)))),
  },
  /** All that lies there of a slice, in short: for `magma check`. */
  DIGEST: {
    number: 20,
    arguments: compile(xdr.struct('AskDigest', { ...head, slice: xdr.uint32() })),
    result: compile(
      resultOf(
        'DigestResult',
        xdr.struct('Digest', { number: xdr.uint64(), epoch: xdr.uint64(), digest: xdr.opaque(DIGEST_BYTES) }),
      ),
    ),
  },
} as const;
