import { createHash } from 'node:crypto';
import { encodeRecord } from '../../record/codec.ts';
import {
  type Change,
  ChangeTypeSchema,
  type FlareState,
  type LogRecord,
  OperationSchema,
} from '../../record/schema.ts';
import type { Key } from '../../types.ts';

const NOTHING = Buffer.alloc(0);
const NO_TIME = { seconds: 0, nanoseconds: 0 };

/** A key that a name determines, in bytes. */
export function keyBytesOf(name: string): Buffer {
  return createHash('sha1').update(name).digest();
}

/** The same as the readers take it. */
export function keyFor(name: string): Key {
  return keyBytesOf(name).toString('latin1') as Key;
}

/** A flare's state; only what a test looks at need be given. */
export function flareState(name: string, more: Partial<FlareState> = {}): FlareState {
  return {
    id: { key: keyBytesOf(name), generation: 1 },
    type: 1,
    mode: 0o644,
    nlink: 1,
    uid: 0,
    gid: 0,
    size: 0,
    used: 0,
    major: 0,
    minor: 0,
    fileid: keyBytesOf(name).readUInt32BE(0),
    atime: NO_TIME,
    mtime: NO_TIME,
    ctime: NO_TIME,
    version: 1,
    parent: { key: keyBytesOf('/'), generation: 1 },
    target: NOTHING,
    salt: NOTHING,
    entries: 0,
    nextCookie: 3,
    cookiesWrapped: false,
    ...more,
  };
}

const id = (name: string, generation = 1): FlareState['id'] => ({ key: keyBytesOf(name), generation });
const covered = { complete: true, extents: [] };

/** Changes by their type. */
export const change = {
  flare: (flare: FlareState): Change => ({ type: ChangeTypeSchema.flare, flare: { flare, old: null } }),
  gone: (name: string, generation = 1): Change => ({
    type: ChangeTypeSchema.flareGone,
    flareGone: { id: id(name, generation), old: null },
  }),
  entry: (directory: string, name: string, of: string, cookie: number): Change => ({
    type: ChangeTypeSchema.entry,
    entry: {
      directory: id(directory),
      name: Buffer.from(name),
      entry: { id: id(of), fileid: keyBytesOf(of).readUInt32BE(0), cookie },
      old: null,
    },
  }),
  entryGone: (directory: string, name: string): Change => ({
    type: ChangeTypeSchema.entryGone,
    entryGone: { directory: id(directory), name: Buffer.from(name), old: null },
  }),
  data: (name: string, offset: number): Change => ({
    type: ChangeTypeSchema.data,
    data: { id: id(name), offset, covered, bytes: NOTHING },
  }),
  cut: (name: string, end: number): Change => ({ type: ChangeTypeSchema.cut, cut: { id: id(name), end, covered } }),
  parent: (name: string, directory: string, count: number): Change => ({
    type: ChangeTypeSchema.parentLink,
    parentLink: { id: id(name), directory: id(directory), count, old: 0 },
  }),
  slice: (nextFileid: number): Change => ({
    type: ChangeTypeSchema.slice,
    slice: { nextFileid, fileidsWrapped: false, old: 0 },
  }),
  note: (name: string, value: string | null): Change => ({
    type: ChangeTypeSchema.note,
    note: { name: Buffer.from(name), value: value === null ? null : Buffer.from(value), old: null },
  }),
} as const;

/** A record's bytes with those changes; `data` belongs to the last one. */
export function recordOf(changes: Change[], more: Partial<LogRecord> = {}, data?: Buffer): Buffer {
  const record: LogRecord = {
    slice: 7,
    epoch: 1,
    number: 1,
    time: 0,
    commit: 0,
    place: 0,
    groupSize: 1,
    operation: OperationSchema.setattr,
    replay: null,
    changes,
    ...more,
  };
  return encodeRecord(record, data);
}
