import * as xdr from '@stellar/js-xdr';
import { OPERATION_ID_BYTES } from '../../../flare/joint.ts';
import { GROUP_BYTES_MAX } from '../../../flare/kml/format.ts';
import {
  DATA_MAX,
  GROUP_MAX,
  NOTE_NAME_MAX,
  NOTE_VALUE_MAX,
  RECORD_MAX,
  UNDO_BYTES_MAX,
} from '../../../flare/record/limits.ts';
import { LOCKS_LISTED_MAX } from '../../../flare/store/locks/keeper.ts';
import { DEFAULT_BOUNDS, type RpcBounds } from '../../../rpc/bounds.ts';
import { compile } from '../../../rpc/xdr.ts';
import { StretchedKeySchema } from '../../keys/chain.ts';
import { KeyIdSchema, KeyPlanSchema } from '../../keys/plan.ts';
import { CHANGE_BYTES_MAX } from '../../projection/change.ts';
import { MemberSchema, PROJECTION_BYTES_MAX } from '../../projection/codec.ts';
import { CHANGES_MAX } from '../../projection/news.ts';
import { ID_BYTES, NICKNAME_MAX, SLICES_MAX, VERSION_TEXT_MAX } from '../../projection/types.ts';
import { FlareLockSchema, HolderSchema, LOCK_PLACE_MAX } from '../locks.ts';
import { resultOf } from '../result.ts';
import { CallerSchema, FlareIdSchema } from '../types.ts';
import { ClientNameSchema, KeysSchema, RevokedSchema } from './keys.ts';
import { ObservationSchema } from './observed.ts';
import { STEPS_MAX, StepAnswerSchema, StepSchema } from './steps.ts';
import { WorksSchema } from './works.ts';

/** The number of the node program; it has one version. */
export const NODE_PROGRAM = 0x2a6d0002;
export const NODE_VERSION = 1;
/** How long WATCH may wait, in milliseconds. */
export const WATCH_MAX_MS = 20_000;
/** The most groups in one APPEND. */
export const APPEND_GROUPS_MAX = 4096;
/** The most bytes of the records of one APPEND, with some 8 for each record besides. */
export const APPEND_BYTES_MAX = GROUP_BYTES_MAX;
/** The most slices of which one COMMON asks, and the most runs that it tells of each: what is older counts as not kept. */
export const COMMON_SLICES_MAX = 32;
export const RUNS_MAX = 64;
/** The most other volcanos whose figures are passed on in one LOAD, and in its answer. */
export const HEARD_MAX = 64;
/** The most accounts of which a volcano tells what they have on its slices. */
export const USAGE_MAX = 1024;
/** The most notes in one answer, and their bytes together. */
export const NOTES_MAX = 256;
export const NOTES_BYTES_MAX = 4 * 1024 * 1024;

/** The most bytes that a HELLO has for later versions. */
export const HELLO_FURTHER_MAX = 4096;
/** The most records in one page of a reading, and slices that one whole reading is about. */
export const PAGE_RECORDS_MAX = 65_536;
export const READ_SLICES_MAX = 16;

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

const epoch = xdr.uint64();
const head = { epoch };
const operation = xdr.opaque(OPERATION_ID_BYTES);
const projection = xdr.varOpaque(PROJECTION_BYTES_MAX);

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
  epoch,
  clock: xdr.uint64(),
  joining: xdr.bool(),
  life: xdr.uint64(),
  born: xdr.uint64(),
  further: xdr.varOpaque(HELLO_FURTHER_MAX),
});

/** Records that are appended together or not at all. */
const GroupSchema = xdr.array(
  xdr.struct('AppendRecord', { flags: xdr.uint32(), payload: xdr.varOpaque(RECORD_MAX) }),
  GROUP_MAX,
);

export const AppendSchema = xdr.struct('Append', {
  ...head,
  sender: xdr.opaque(ID_BYTES),
  stream: xdr.uint64(),
  sequence: xdr.uint64(),
  groups: xdr.array(GroupSchema, APPEND_GROUPS_MAX),
});

/** What became of an APPEND: 0: durable up to that message, and how many bytes there is room for; 1: it does not follow what the mirror has of the slice, whose last number is given. */
export const AppendedSchema = xdr.union('Appended', {
  switchOn: xdr.uint32(),
  switchKey: 'gap',
  cases: [
    xdr.case('durable', 0, xdr.field('taken', xdr.struct('Taken', { sequence: xdr.uint64(), room: xdr.uint64() }))),
    xdr.case('gap', 1, xdr.field('at', xdr.struct('Gap', { slice: xdr.uint32(), last: xdr.uint64() }))),
  ],
});

/** Of a slice's digest: SHA-256. */
const DIGEST_BYTES = 32;

export const FiguresSchema = xdr.struct('Figures', {
  load: xdr.uint32(),
  capacityBytes: xdr.uint64(),
  freeBytes: xdr.uint64(),
  availableBytes: xdr.uint64(),
  flares: xdr.uint64(),
  lagRecords: xdr.uint64(),
  uptimeSeconds: xdr.uint32(),
  syncMs: xdr.uint32(),
  damaged: xdr.uint32(),
  repaired: xdr.uint32(),
  protocol: xdr.uint32(),
});

const usage = xdr.array(
  xdr.struct('AccountUsage', { share: xdr.uint32(), uid: xdr.uint32(), bytes: xdr.uint64(), files: xdr.uint64() }),
  USAGE_MAX,
);

/** What was heard of other volcanos: `ageMs` ago, or longer. */
const heard = xdr.array(
  xdr.struct('Heard', { id: xdr.opaque(ID_BYTES), ageMs: xdr.uint32(), figures: FiguresSchema, usage }),
  HEARD_MAX,
);
/** What a volcano tells of itself, and of others. */
export const LoadsSchema = xdr.struct('Loads', { figures: FiguresSchema, usage, heard });

const DecisionSchema = xdr.enumType('Decision', { committed: 0, pending: 1, unknown: 2 });
const noteName = xdr.varOpaque(NOTE_NAME_MAX);
/** How far a slice is: its last record. */
const sliceAt = xdr.struct('SliceAt', { slice: xdr.uint32(), number: xdr.uint64(), epoch: xdr.uint64() });
const nothing = resultOf('NothingResult', xdr.void());
const maybeProjection = compile(resultOf('ProjectionResult', xdr.option(projection)));

/** For who knows the projection of some epoch: 0: nothing newer; 1: the newest; 2: the changes that lead to it. */
export const NewsSchema = xdr.union('News', {
  switchOn: xdr.uint32(),
  switchKey: 'news',
  cases: [
    xdr.case('none', 0, xdr.void()),
    xdr.case('whole', 1, xdr.field('projection', projection)),
    xdr.case('changes', 2, xdr.field('changes', xdr.array(xdr.varOpaque(CHANGE_BYTES_MAX), CHANGES_MAX))),
  ],
});
const news = compile(resultOf('NewsResult', NewsSchema));

/** The procedures of the node program. */
export const procedures = {
  NULL: { number: 0, arguments: compile(xdr.void()), result: compile(xdr.void()) },
  /** The first call on every connection: both sides look whether they may work together. */
  HELLO: { number: 1, arguments: compile(HelloSchema), result: compile(resultOf('HelloResult', HelloSchema)) },
  /** The projection store: what is newer than the projection of epoch `known`, 0: none is known. */
  NEWEST: { number: 2, arguments: compile(xdr.struct('AskNewest', { known: xdr.uint64() })), result: news },
  WRITE: {
    number: 3,
    arguments: compile(projection),
    /** True: written; false: taken. */
    result: compile(resultOf('WriteResult', xdr.bool())),
  },
  /** Answered when there is a newer projection than that of `epoch`, or when it has waited long enough. */
  WATCH: {
    number: 4,
    arguments: compile(xdr.struct('Watch', { ...head, waitMs: xdr.uint32() })),
    result: news,
  },
  JOIN: {
    number: 5,
    arguments: compile(xdr.struct('Join', { ...head, member: MemberSchema })),
    result: compile(nothing),
  },
  /** How a volcano stands to the register of the maps: for who would move it, and for who kept it. */
  STANDING: {
    number: 51,
    /** Whether it is to ask the volcano that keeps the register whether that is there. */
    arguments: compile(xdr.struct('AskStanding', { look: xdr.bool() })),
    result: compile(
      resultOf(
        'StandingResult',
        xdr.struct('Standing', {
          epoch: xdr.uint64(),
          heard: xdr.uint64(),
          current: xdr.bool(),
          promised: xdr.uint64(),
          reaches: xdr.bool(),
        }),
      ),
    ),
  },
  /** A volcano is to go by no map below that epoch, which that volcano will write. Answered with the newest that it knows. */
  PROMISE: {
    number: 52,
    arguments: compile(xdr.struct('Promise', { promised: xdr.uint64(), candidate: xdr.opaque(ID_BYTES) })),
    result: maybeProjection,
  },
  /** The register begins at the volcano that is called, with that map. */
  CROWN: { number: 53, arguments: compile(projection), result: compile(nothing) },
  /** Slices whose copies in sync are all away for good are to be served by a volcano that has less. */
  GIVEUP: {
    number: 54,
    arguments: compile(
      xdr.struct('GiveUp', { ...head, first: xdr.uint32(), count: xdr.uint32(), to: xdr.opaque(ID_BYTES) }),
    ),
    result: compile(nothing),
  },
  /** The last record that lies there of each slice, whatever the map says. */
  COPIES: {
    number: 55,
    arguments: compile(xdr.void()),
    result: compile(
      resultOf(
        'CopiesResult',
        xdr.array(xdr.struct('LastCopied', { number: xdr.uint64(), epoch: xdr.uint64() }), SLICES_MAX),
      ),
    ),
  },
  /** A volcano is away for good: it is to be none of the network any more. */
  BURY: {
    number: 50,
    arguments: compile(xdr.struct('Bury', { ...head, member: xdr.opaque(ID_BYTES) })),
    result: compile(nothing),
  },
  /** A volcano is to leave, or to stay after all. */
  LEAVE: {
    number: 56,
    arguments: compile(xdr.struct('Leave', { ...head, member: xdr.opaque(ID_BYTES), leaves: xdr.bool() })),
    result: compile(nothing),
  },
  APPEND: { number: 6, arguments: compile(AppendSchema), result: compile(resultOf('AppendResult', AppendedSchema)) },
  /** `slice` is one of those whose owner the caller takes this volcano for. */
  PREPARE: {
    number: 7,
    arguments: compile(
      xdr.struct('Prepare', {
        ...head,
        operation,
        slice: xdr.uint32(),
        coordinator: xdr.uint32(),
        caller: CallerSchema,
        steps: xdr.array(StepSchema, STEPS_MAX),
      }),
    ),
    result: compile(resultOf('PrepareResult', xdr.array(StepAnswerSchema, STEPS_MAX))),
  },
  OUTCOME: {
    number: 8,
    arguments: compile(xdr.struct('Outcome', { ...head, operation, slice: xdr.uint32(), committed: xdr.bool() })),
    result: compile(nothing),
  },
  /** Asks the owner of the coordinator's slice, `slice`, what became of an operation. */
  DECISION: {
    number: 9,
    arguments: compile(xdr.struct('AskDecision', { ...head, operation, slice: xdr.uint32() })),
    result: compile(resultOf('DecisionResult', DecisionSchema)),
  },
  /** The caller's figures for the callee's, and some that each has heard of others. */
  LOAD: {
    number: 10,
    arguments: compile(xdr.struct('Load', { ...head, sender: xdr.opaque(ID_BYTES), loads: LoadsSchema })),
    result: compile(resultOf('LoadResult', LoadsSchema)),
  },
  /** What the caller's slices are asked for, and what it has heard of others; likewise. A volcano that does not take part answers with nothing. */
  WORK: {
    number: 16,
    arguments: compile(xdr.struct('TellWork', { ...head, works: WorksSchema })),
    result: compile(resultOf('WorkResult', WorksSchema)),
  },
  /** Notes of the whole network whose names come after `after`, by name; none when they are at the version that the caller knows. */
  NOTES: {
    number: 11,
    arguments: compile(xdr.struct('AskNotes', { ...head, after: noteName, known: xdr.uint64() })),
    result: compile(
      resultOf(
        'NotesResult',
        xdr.struct('Notes', {
          version: xdr.uint64(),
          notes: xdr.array(xdr.struct('Note', { name: noteName, value: xdr.varOpaque(NOTE_VALUE_MAX) }), NOTES_MAX),
          end: xdr.bool(),
        }),
      ),
    ),
  },
  /** Sets one of the network's notes, or removes it. */
  SETNOTE: {
    number: 12,
    arguments: compile(
      xdr.struct('SetNote', { ...head, name: noteName, value: xdr.option(xdr.varOpaque(NOTE_VALUE_MAX)) }),
    ),
    result: compile(nothing),
  },
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
  /** For a backup: the volcano's answers show nothing that is new, for so many milliseconds or until LETGO; and how far its own slices are. */
  HOLD: {
    number: 80,
    arguments: compile(xdr.struct('Hold', { ...head, hold: xdr.uint64(), ms: xdr.uint32() })),
    result: compile(resultOf('HoldResult', xdr.array(sliceAt, SLICES_MAX))),
  },
  /** Ends it; whether it was unbroken till now, and the slices are still the volcano's. */
  LETGO: {
    number: 81,
    arguments: compile(xdr.struct('LetGo', { hold: xdr.uint64() })),
    result: compile(resultOf('LetGoResult', xdr.bool())),
  },
  /** Begins to read slices for a backup: all that lives (`whole`, at most `READ_SLICES_MAX`), or the records behind given ones. */
  READSLICES: {
    number: 82,
    arguments: compile(
      xdr.struct('ReadSlices', { ...head, whole: xdr.bool(), slices: xdr.array(sliceAt, SLICES_MAX) }),
    ),
    result: compile(
      resultOf(
        'ReadSlicesResult',
        xdr.struct('Reading', {
          reading: xdr.uint64(),
          /** Where the slices of a whole reading were when it began. */
          at: xdr.array(sliceAt, SLICES_MAX),
          /** Of these the log has not all that was asked for. */
          gone: xdr.array(xdr.uint32(), SLICES_MAX),
        }),
      ),
    ),
  },
  READON: {
    number: 83,
    arguments: compile(xdr.struct('ReadOn', { reading: xdr.uint64(), page: xdr.uint32() })),
    result: compile(
      resultOf(
        'ReadOnResult',
        xdr.struct('Page', { records: xdr.array(xdr.varOpaque(RECORD_MAX), PAGE_RECORDS_MAX), end: xdr.bool() }),
      ),
    ),
  },
  /** The newest map that is known there, current or not: nobody else is asked. For the operator's tool. */
  KNOWN: { number: 21, arguments: compile(xdr.void()), result: maybeProjection },
  /** What a volcano sees of its clients, and serves: at most so many clients and lines of its log. For the operator's tool, and for other volcanos' pages. */
  OBSERVE: {
    number: 22,
    arguments: compile(xdr.struct('Observe', { clients: xdr.uint32(), lines: xdr.uint32() })),
    result: compile(resultOf('ObserveResult', ObservationSchema)),
  },
  /** What a volcano knows of keys: what is revoked, and who has called it with which. */
  KEYS: { number: 70, arguments: compile(xdr.void()), result: compile(resultOf('KeysResult', KeysSchema)) },
  /** The key that clients of a name have is to be let in no more, anywhere. */
  REVOKE: {
    number: 71,
    arguments: compile(xdr.struct('Revoke', { ...head, name: ClientNameSchema })),
    result: compile(resultOf('RevokeResult', RevokedSchema)),
  },
  /** A key of the network, for later. */
  TAKEKEY: { number: 72, arguments: compile(StretchedKeySchema), result: compile(nothing) },
  /** For a volcano that lacks a key which the plan names; null: it is not let in there. */
  GIVEKEY: {
    number: 73,
    arguments: compile(xdr.struct('GiveKey', { keyId: KeyIdSchema })),
    result: compile(resultOf('GiveKeyResult', xdr.option(StretchedKeySchema))),
  },
  /** Which keys volcanos are to let in, and to call each other with: the plan after the one before. */
  PLANKEYS: {
    number: 74,
    arguments: compile(xdr.struct('PlanKeys', { ...head, plan: KeyPlanSchema })),
    result: compile(nothing),
  },
  /** What is locked there, and the end of all that somebody has locked there. */
  HELD: {
    number: 30,
    arguments: compile(xdr.struct('AskHeld', { ...head, from: xdr.varOpaque(LOCK_PLACE_MAX) })),
    result: compile(
      resultOf(
        'HeldResult',
        xdr.struct('Held', {
          locks: xdr.array(FlareLockSchema, LOCKS_LISTED_MAX),
          next: xdr.option(xdr.varOpaque(LOCK_PLACE_MAX)),
        }),
      ),
    ),
  },
  FREEHOLDER: {
    number: 31,
    arguments: compile(xdr.struct('FreeHolder', { ...head, holder: HolderSchema })),
    result: compile(resultOf('FreeHolderResult', xdr.uint32())),
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
