import * as xdr from '@stellar/js-xdr';
import { FlareError } from '../../flare/errors.ts';
import { KEY_BYTES, keyBytes, keyFromBytes } from '../../flare/keys.ts';
import { REPLAY_IDENTITY_MAX } from '../../flare/record/limits.ts';
import { modeOf, packMode, shareOf } from '../../flare/record/pack.ts';
import { identityBytes } from '../../flare/store/replays.ts';
import {
  type AttributeChanges,
  type Attributes,
  type Birth,
  type Caller,
  type DirectoryEntry,
  type FlareId,
  FlareType,
  type Key,
  type Name,
  type TimeChange,
} from '../../flare/types.ts';
import type { Value } from '../../rpc/xdr.ts';

/*
 * What the flare types look like in XDR, for the flare and the node program, and the way there and back.
 */

/**
 * The longest name that is taken off the wire, in bytes: above `NAME_MAX`, so that who serves it judges a name that is a little too long.
 */
export const WIRE_NAME_MAX = 2048;
/** The longest symlink target that is taken off the wire, in bytes; above `TARGET_MAX` for the same reason. */
export const WIRE_TARGET_MAX = 8192;
/** The most supplementary groups of a caller. */
export const WIRE_GROUPS_MAX = 64;

export const KeySchema = xdr.opaque(KEY_BYTES);
export const NameSchema = xdr.varOpaque(WIRE_NAME_MAX);
export const FlareIdSchema = xdr.struct('FlareId', { key: KeySchema, generation: xdr.uint64() });
export const FlareTypeSchema = xdr.enumType('FlareType', FlareType);
const TimeSchema = xdr.struct('Time', { seconds: xdr.uint64(), nanoseconds: xdr.uint32() });

export const CallerSchema = xdr.struct('Caller', {
  uid: xdr.uint32(),
  gid: xdr.uint32(),
  gids: xdr.array(xdr.uint32(), WIRE_GROUPS_MAX),
  replay: xdr.option(xdr.varOpaque(REPLAY_IDENTITY_MAX)),
});

export const AttributesSchema = xdr.struct('Attributes', {
  key: KeySchema,
  generation: xdr.uint64(),
  type: FlareTypeSchema,
  /** `packMode`. */
  mode: xdr.uint32(),
  nlink: xdr.uint32(),
  uid: xdr.uint32(),
  gid: xdr.uint32(),
  size: xdr.uint64(),
  used: xdr.uint64(),
  major: xdr.uint32(),
  minor: xdr.uint32(),
  fileid: xdr.uint32(),
  atime: TimeSchema,
  mtime: TimeSchema,
  ctime: TimeSchema,
  version: xdr.uint64(),
  parent: FlareIdSchema,
});

/** `TimeChange`: 0 is `now`. */
const TimeChangeSchema = xdr.union('TimeChange', {
  switchOn: xdr.uint32(),
  switchKey: 'given',
  cases: [xdr.case('now', 0, xdr.void()), xdr.case('time', 1, xdr.field('time', TimeSchema))],
});

export const ChangesSchema = xdr.struct('AttributeChanges', {
  mode: xdr.option(xdr.uint32()),
  uid: xdr.option(xdr.uint32()),
  gid: xdr.option(xdr.uint32()),
  size: xdr.option(xdr.uint64()),
  atime: xdr.option(TimeChangeSchema),
  mtime: xdr.option(TimeChangeSchema),
  share: xdr.option(xdr.uint32()),
});

export const BirthSchema = xdr.struct('Birth', {
  type: FlareTypeSchema,
  mode: xdr.uint32(),
  uid: xdr.option(xdr.uint32()),
  gid: xdr.option(xdr.uint32()),
  size: xdr.option(xdr.uint64()),
  major: xdr.option(xdr.uint32()),
  minor: xdr.option(xdr.uint32()),
  target: xdr.option(xdr.varOpaque(WIRE_TARGET_MAX)),
  atime: xdr.option(TimeChangeSchema),
  mtime: xdr.option(TimeChangeSchema),
});

export const EntrySchema = xdr.struct('DirectoryEntry', {
  name: xdr.varOpaque(255),
  cookie: xdr.uint32(),
  fileid: xdr.uint32(),
});

type WireId = Value<typeof FlareIdSchema>;
type WireCaller = Value<typeof CallerSchema>;
type WireAttributes = Value<typeof AttributesSchema>;
type WireTimeChange = Value<typeof TimeChangeSchema>;
type WireChanges = Value<typeof ChangesSchema>;
type WireBirth = Value<typeof BirthSchema>;
type WireEntry = Value<typeof EntrySchema>;

/** What is there of an object whose fields may be null: those are left out. */
type Present<T> = { -readonly [K in keyof T]?: Exclude<T[K], null> };

function present<T extends object>(all: T): Present<T> {
  const found: Present<T> = {};
  for (const field of Object.keys(all) as (keyof T)[]) {
    if (all[field] !== null) found[field] = all[field] as Exclude<T[keyof T], null>;
  }
  return found;
}

/** A number that the wire takes: INVAL unless it is whole, not negative and at most `max`. */
export function wireNumber(value: number, max = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isSafeInteger(value) || value < 0 || value > max) throw FlareError.of('INVAL');
  return value;
}

function wireUint32(value: number | undefined): number | null {
  return value === undefined ? null : wireNumber(value, 0xffffffff);
}

function wireSize(value: number | undefined): number | null {
  return value === undefined ? null : wireNumber(value);
}

/** A name's bytes: NAMETOOLONG, INVAL for what the wire does not take; the rest is for who serves it to judge. */
export function wireName(name: Name): Buffer {
  if (name.length > WIRE_NAME_MAX) throw FlareError.of('NAMETOOLONG');
  const bytes = Buffer.from(name, 'latin1');
  // A character above 255 is cut to its low bits by that.
  if (bytes.toString('latin1') !== name) throw FlareError.of('INVAL');
  return bytes;
}

export function nameFromWire(bytes: Buffer): Name {
  return bytes.toString('latin1');
}

export function wireKey(key: Key): Buffer {
  return keyBytes(key);
}

export { keyFromBytes as keyFromWire } from '../../flare/keys.ts';

export function wireId({ key, generation }: FlareId): WireId {
  return { key: keyBytes(key), generation };
}

export function idFromWire({ key, generation }: WireId): FlareId {
  return { key: keyFromBytes(key), generation };
}

export function wireCaller({ uid, gid, gids, replay }: Caller): WireCaller {
  return { uid, gid, gids, replay: replay === undefined ? null : identityBytes(replay) };
}

export function callerFromWire({ uid, gid, gids, replay }: WireCaller): Caller {
  return replay === null ? { uid, gid, gids } : { uid, gid, gids, replay: replay.toString('latin1') };
}

export function wireAttributes(attributes: Attributes): WireAttributes {
  const { share: _, key, parent, ...rest } = attributes;
  return { ...rest, mode: packMode(attributes), key: keyBytes(key), parent: wireId(parent) };
}

export function attributesFromWire(wire: WireAttributes): Attributes {
  const { key, mode, parent } = wire;
  return { ...wire, mode: modeOf(mode), share: shareOf(mode), key: keyFromBytes(key), parent: idFromWire(parent) };
}

function wireTime(change: TimeChange | undefined): WireTimeChange | null {
  if (change === undefined) return null;
  if (change === 'now') return { given: 0 };
  const { seconds, nanoseconds } = change;
  return { given: 1, time: { seconds: wireNumber(seconds), nanoseconds: wireNumber(nanoseconds, 999_999_999) } };
}

function timeFromWire(wire: WireTimeChange | null): TimeChange | null {
  if (wire === null) return null;
  return wire.given === 0 ? 'now' : wire.time;
}

export function wireChanges({ mode, uid, gid, size, atime, mtime, share }: AttributeChanges): WireChanges {
  return {
    mode: wireUint32(mode),
    uid: wireUint32(uid),
    gid: wireUint32(gid),
    size: wireSize(size),
    atime: wireTime(atime),
    mtime: wireTime(mtime),
    share: wireUint32(share),
  };
}

export function changesFromWire(wire: WireChanges): AttributeChanges {
  return present({ ...wire, atime: timeFromWire(wire.atime), mtime: timeFromWire(wire.mtime) });
}

export function wireBirth(birth: Birth): WireBirth {
  const { type, mode, uid, gid, size, major, minor, target, atime, mtime } = birth;
  if (target !== undefined && target.length > WIRE_TARGET_MAX) throw FlareError.of('NAMETOOLONG');
  return {
    type,
    mode: wireNumber(mode, 0xffffffff),
    uid: wireUint32(uid),
    gid: wireUint32(gid),
    size: wireSize(size),
    major: wireUint32(major),
    minor: wireUint32(minor),
    target: target ?? null,
    atime: wireTime(atime),
    mtime: wireTime(mtime),
  };
}

/** `target` is copied: the store keeps it. */
export function birthFromWire(wire: WireBirth): Birth {
  const { type, mode, target, atime, mtime, ...rest } = wire;
  const others = {
    target: target === null ? null : Buffer.from(target),
    atime: timeFromWire(atime),
    mtime: timeFromWire(mtime),
  };
  return { type, mode, ...present({ ...rest, ...others }) };
}

export function wireEntry({ name, cookie, fileid }: DirectoryEntry): WireEntry {
  return { name: Buffer.from(name, 'latin1'), cookie, fileid };
}

export function entryFromWire({ name, cookie, fileid }: WireEntry): DirectoryEntry {
  return { name: name.toString('latin1'), cookie, fileid };
}
