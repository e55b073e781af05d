import {
  array,
  bool,
  enumType,
  field,
  void as nothing,
  opaque,
  option,
  struct,
  uint32,
  uint64,
  union,
  varOpaque,
  case as when,
} from '@stellar/js-xdr';
import type { Value } from '../../rpc/xdr.ts';
import {
  CHANGES_MAX,
  DATA_MAX,
  NAME_MAX,
  NOTE_NAME_MAX,
  NOTE_VALUE_MAX,
  OUTCOME_MAX,
  REPLAY_IDENTITY_MAX,
  TARGET_MAX,
  UNDO_EXTENTS_MAX,
  UNDO_UNITS_MAX,
} from './limits.ts';

/*
 * The records of the log, as docs/architecture.md describes them. All changes state the whole new state of what they
 * change, so that applying a record twice does no harm; `old` is what it replaces, null when there was nothing, and
 * always null in base records.
 */

/** What was asked for; for people, and to tell base records from others. The numbers are stored. */
export const OperationSchema = enumType('Operation', {
  base: 0,
  boot: 1,
  setattr: 2,
  write: 3,
  create: 4,
  remove: 5,
  rmdir: 6,
  rename: 7,
  link: 8,
  note: 9,
  /** A part of an operation over several owners is written down, and later done or forgotten. */
  prepare: 10,
  resolve: 11,
  /** Locks are taken, given back or ended. */
  lock: 12,
});

/** Which flare: 20 bytes of key, and the generation. */
export const FlareIdSchema = struct('FlareId', { key: opaque(20), generation: uint64() });

/** Seconds since 1970-01-01 UTC and nanoseconds. */
export const TimeSchema = struct('Time', { seconds: uint64(), nanoseconds: uint32() });

/** All that is known of a flare but its contents. `type` is a `FlareType`. */
export const FlareSchema = struct('Flare', {
  id: FlareIdSchema,
  type: uint32(),
  /** `packMode`. */
  mode: uint32(),
  nlink: uint32(),
  uid: uint32(),
  gid: uint32(),
  size: uint64(),
  used: uint64(),
  major: uint32(),
  minor: uint32(),
  fileid: uint32(),
  atime: TimeSchema,
  mtime: TimeSchema,
  ctime: TimeSchema,
  version: uint64(),
  parent: FlareIdSchema,
  /** A symlink's target; empty on other flares. */
  target: varOpaque(TARGET_MAX),
  /** Hashed into the key when the plain one was taken; empty when not. */
  salt: varOpaque(8),
  /** A directory's: how many entries it has. */
  entries: uint32(),
  /** A directory's: the cookie that its next entry gets if that is free, and whether the counter has gone round. */
  nextCookie: uint32(),
  cookiesWrapped: bool(),
});

/** A flare's whole state, new or changed. */
export const FlareChangeSchema = struct('FlareChange', { flare: FlareSchema, old: option(FlareSchema) });

/** A flare is no more, nor are its contents and parent links. */
export const FlareGoneSchema = struct('FlareGone', { id: FlareIdSchema, old: option(FlareSchema) });

/** What a name means: a flare, and the entry's place in listings. */
export const EntrySchema = struct('Entry', { id: FlareIdSchema, fileid: uint32(), cookie: uint32() });

/** A name means this flare from now on. */
export const EntryChangeSchema = struct('EntryChange', {
  directory: FlareIdSchema,
  name: varOpaque(NAME_MAX),
  entry: EntrySchema,
  old: option(EntrySchema),
});

/** A name means nothing from now on. */
export const EntryGoneSchema = struct('EntryGone', {
  directory: FlareIdSchema,
  name: varOpaque(NAME_MAX),
  old: option(EntrySchema),
});

/** A run of a file's bytes, and where in the log they lie: segment number and position in it, in bytes. */
export const ExtentSchema = struct('Extent', {
  offset: uint64(),
  length: uint32(),
  segment: uint32(),
  position: uint64(),
});

/** The extents that a change takes away; `complete` is false when there were more than can be listed: it cannot be undone from here. */
export const CoveredSchema = struct('Covered', {
  complete: bool(),
  extents: array(ExtentSchema, UNDO_EXTENTS_MAX),
});

/**
 * Bytes of a file from `offset` on. At most one in a record, and then its last change, with the bytes last: they end where
 * the record ends, but for the padding (`dataPosition`). The bytes never cross a multiple of 1 MiB (`CHUNK_SIZE`).
 */
export const DataSchema = struct('Data', {
  id: FlareIdSchema,
  offset: uint64(),
  covered: CoveredSchema,
  bytes: varOpaque(DATA_MAX),
});

/** The file holds no data at and above `end` from now on. */
export const CutSchema = struct('Cut', { id: FlareIdSchema, end: uint64(), covered: CoveredSchema });

/**
 * How many names of a flare, further to the one that its `parent` stands for, lie in `directory`; 0 takes the link away. All of a
 * flare's counts together are its nlink - 1.
 */
export const ParentLinkSchema = struct('ParentLink', {
  id: FlareIdSchema,
  directory: FlareIdSchema,
  count: uint32(),
  old: uint32(),
});

/** The slice's counter of fileids (`n` of the next one), and whether it has gone round. The slice is the record's own. */
export const SliceChangeSchema = struct('SliceChange', {
  nextFileid: uint32(),
  fileidsWrapped: bool(),
  /** The counter before. */
  old: uint32(),
});

/** A note's value from now on; null: the note is no more. */
export const NoteChangeSchema = struct('NoteChange', {
  name: varOpaque(NOTE_NAME_MAX),
  value: option(varOpaque(NOTE_VALUE_MAX)),
  old: option(varOpaque(NOTE_VALUE_MAX)),
});

/** A name in a directory, whatever it means. */
export const NameInSchema = struct('NameIn', { directory: FlareIdSchema, name: varOpaque(NAME_MAX) });

/** Chunks of a file (`CHUNK_SIZE`) from number `first` on; `count` of them, 0: all. */
export const ChunksSchema = struct('Chunks', { id: FlareIdSchema, first: uint32(), count: uint32() });

/**
 * A copy of a slice goes back to the record of this one's number and epoch: what it had behind that, up to the record `number` of `epoch`, nobody had accepted. What that touched is as it was there, or
 * is forgotten until it comes anew: all that is named here, and all replays of the slice.
 */
export const UndoneSchema = struct('Undone', {
  number: uint64(),
  epoch: uint64(),
  /** Flares that were born or ended: nothing is left of them. */
  ended: array(FlareIdSchema, UNDO_UNITS_MAX),
  /** Keys of flares that were changed: directories are forgotten, others stay until they come anew, for what they hold. */
  flares: array(opaque(20), UNDO_UNITS_MAX),
  names: array(NameInSchema, UNDO_UNITS_MAX),
  chunks: array(ChunksSchema, UNDO_UNITS_MAX),
  /** Flares whose further parents were changed. */
  parents: array(FlareIdSchema, UNDO_UNITS_MAX),
  notes: array(varOpaque(NOTE_NAME_MAX), UNDO_UNITS_MAX),
});

/** What a change is about. The numbers are stored. */
export const ChangeTypeSchema = enumType('ChangeType', {
  flare: 1,
  flareGone: 2,
  entry: 3,
  entryGone: 4,
  data: 5,
  cut: 6,
  parentLink: 7,
  slice: 8,
  note: 9,
  /** The volcano holds nothing of the record's slice from now on: what comes next is its whole state anew. */
  wiped: 10,
  undone: 11,
});

export const ChangeSchema = union('Change', {
  switchOn: ChangeTypeSchema,
  cases: [
    when('flare', ChangeTypeSchema.flare, field('flare', FlareChangeSchema)),
    when('flareGone', ChangeTypeSchema.flareGone, field('flareGone', FlareGoneSchema)),
    when('entry', ChangeTypeSchema.entry, field('entry', EntryChangeSchema)),
    when('entryGone', ChangeTypeSchema.entryGone, field('entryGone', EntryGoneSchema)),
    when('data', ChangeTypeSchema.data, field('data', DataSchema)),
    when('cut', ChangeTypeSchema.cut, field('cut', CutSchema)),
    when('parentLink', ChangeTypeSchema.parentLink, field('parentLink', ParentLinkSchema)),
    when('slice', ChangeTypeSchema.slice, field('slice', SliceChangeSchema)),
    when('note', ChangeTypeSchema.note, field('note', NoteChangeSchema)),
    when('wiped', ChangeTypeSchema.wiped, nothing()),
    when('undone', ChangeTypeSchema.undone, field('undone', UndoneSchema)),
  ],
});

/**
 * A call that was answered: who asked (bytes that mean something only to the caller), when (µs), and what was answered
 * (`encodeOutcome`).
 */
export const ReplaySchema = struct('Replay', {
  identity: varOpaque(REPLAY_IDENTITY_MAX),
  time: uint64(),
  outcome: varOpaque(OUTCOME_MAX),
});

export const RecordSchema = struct('Record', {
  slice: uint32(),
  epoch: uint64(),
  /** Its number in the slice, from 1. */
  number: uint64(),
  /** µs since 1970-01-01 UTC. */
  time: uint64(),
  /** The number up to which the slice's records are durable on every mirror. */
  commit: uint64(),
  /** Place in the group, from 0, and how many records that has. */
  place: uint32(),
  groupSize: uint32(),
  operation: OperationSchema,
  replay: option(ReplaySchema),
  changes: array(ChangeSchema, CHANGES_MAX),
});

export type FlareState = Value<typeof FlareSchema>;
export type Extent = Value<typeof ExtentSchema>;

/** An extent of which the log can check the bytes. */
export interface StoredExtent extends Extent {
  /** How many bytes before `position` the payload of the record begins that holds it. */
  readonly lead: number;
}
export type Entry = Value<typeof EntrySchema>;
export type Undone = Value<typeof UndoneSchema>;
export type Change = Value<typeof ChangeSchema>;
export type Replay = Value<typeof ReplaySchema>;
/** One record of the log. */
export type LogRecord = Value<typeof RecordSchema>;
