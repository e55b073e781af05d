import { KEY_BYTES } from '../keys.ts';
import { CHUNK_SIZE, REPLAY_IDENTITY_MAX } from '../record/limits.ts';
import { type Flare, NO_BYTES } from '../record/pack.ts';
import type { StoredExtent } from '../record/schema.ts';
import type { Attributes, FlareId, FlareType, Key, Time } from '../types.ts';
import { ByteReader, type ByteWriter } from './bytes.ts';

/*
 * The values in the index's rows. They are what a flush carries as well, so the thread that applies it stores them as they come.
 */

/** Bytes of a flare's value without its target and salt. */
const FLARE_BYTES_MIN = 194;
/** Bytes of one extent in a chunk's value: offset in the chunk, length, segment, position, lead. */
export const EXTENT_BYTES = 20;

function putTime(to: ByteWriter, { seconds, nanoseconds }: Time): void {
  to.number(seconds);
  to.uint32(nanoseconds);
}

function takeTime(from: ByteReader): Time {
  return { seconds: from.number(), nanoseconds: from.uint32() };
}

function putAttributes(to: ByteWriter, from: Attributes): void {
  to.number(from.generation);
  to.uint8(from.type);
  to.uint16(from.mode);
  to.uint16(from.share);
  to.uint32(from.nlink);
  to.uint32(from.uid);
  to.uint32(from.gid);
  to.number(from.size);
  to.number(from.used);
  to.uint32(from.major);
  to.uint32(from.minor);
  to.uint32(from.fileid);
  putTime(to, from.atime);
  putTime(to, from.mtime);
  putTime(to, from.ctime);
  to.number(from.version);
  to.text(from.parent.key);
  to.number(from.parent.generation);
}

function takeAttributes(from: ByteReader, key: Key): Attributes {
  return {
    key,
    generation: from.number(),
    type: from.uint8() as FlareType,
    mode: from.uint16(),
    share: from.uint16(),
    nlink: from.uint32(),
    uid: from.uint32(),
    gid: from.uint32(),
    size: from.number(),
    used: from.number(),
    major: from.uint32(),
    minor: from.uint32(),
    fileid: from.uint32(),
    atime: takeTime(from),
    mtime: takeTime(from),
    ctime: takeTime(from),
    version: from.number(),
    parent: takeId(from),
  };
}

function takeId(from: ByteReader): FlareId {
  return { key: from.text(KEY_BYTES) as Key, generation: from.number() };
}

/** A flare's value; its key is not in it. */
export function putFlare(to: ByteWriter, flare: Flare): void {
  const { target, salt } = flare;
  to.reserve(FLARE_BYTES_MIN + target.length + salt.length);
  putAttributes(to, flare.attributes);
  to.uint32(flare.entries);
  to.uint32(flare.nextCookie);
  to.uint8(flare.cookiesWrapped ? 1 : 0);
  to.uint16(target.length);
  to.raw(target);
  to.uint8(salt.length);
  to.raw(salt);
}

/** The flare with that key and value. */
export function takeFlare(key: Key, value: Uint8Array): Flare {
  const from = new ByteReader(value);
  const attributes = takeAttributes(from, key);
  const entries = from.uint32();
  const nextCookie = from.uint32();
  const cookiesWrapped = from.uint8() !== 0;
  const target = takeBytes(from, from.uint16());
  const salt = takeBytes(from, from.uint8());
  return { attributes, target, salt, entries, nextCookie, cookiesWrapped };
}

function takeBytes(from: ByteReader, length: number): Buffer {
  return length === 0 ? NO_BYTES : Buffer.from(from.raw(length));
}

/** A chunk's extents, by offset; `chunk` is its number. */
export function putExtents(to: ByteWriter, chunk: number, extents: readonly StoredExtent[]): void {
  const start = chunk * CHUNK_SIZE;
  to.reserve(extents.length * EXTENT_BYTES);
  for (const { offset, length, segment, position, lead } of extents) {
    to.uint32(offset - start);
    to.uint32(length);
    to.uint32(segment);
    to.uint32(position);
    to.uint32(lead);
  }
}

/** The extents in a chunk's value. */
export function takeExtents(chunk: number, value: Uint8Array): StoredExtent[] {
  const start = chunk * CHUNK_SIZE;
  const extents: StoredExtent[] = [];
  for (const from = new ByteReader(value); !from.done; ) {
    extents.push({
      offset: start + from.uint32(),
      length: from.uint32(),
      segment: from.uint32(),
      position: from.uint32(),
      lead: from.uint32(),
    });
  }
  return extents;
}

/** No packed replay is longer, in bytes: identity, attributes, and what else there is of it. */
export const REPLAY_BYTES_MAX = FLARE_BYTES_MIN + KEY_BYTES + REPLAY_IDENTITY_MAX + 16;

/** A call that was answered. */
export interface ReplayRow {
  /** Latin-1, a character a byte. */
  readonly identity: string;
  /** µs since 1970-01-01 UTC. */
  readonly time: number;
  /** What was answered; null: nothing but success. */
  readonly attributes: Attributes | null;
  /** The slice of the record that holds it, and the segment. */
  readonly slice: number;
  readonly segment: number;
}

/** Where a packed replay's segment lies, from the end of its identity: behind the time and the slice. */
const REPLAY_SEGMENT = 10;

/** One of a run of replays. */
export function putReplay(to: ByteWriter, { identity, time, attributes, slice, segment }: ReplayRow): void {
  to.reserve(FLARE_BYTES_MIN + KEY_BYTES + identity.length + 16);
  to.uint8(identity.length);
  to.text(identity);
  to.number(time);
  to.uint16(slice);
  to.uint32(segment);
  to.uint8(attributes === null ? 0 : 1);
  if (attributes === null) return;
  to.text(attributes.key);
  putAttributes(to, attributes);
}

/** Puts another segment into the replay that begins there, as `putReplay` has written it. */
export function moveReplay(bytes: Buffer, at: number, segment: number): void {
  bytes.writeUInt32BE(segment, at + 1 + bytes[at]! + REPLAY_SEGMENT);
}

function takeReplayFrom(from: ByteReader): ReplayRow {
  const identity = from.text(from.uint8());
  const time = from.number();
  const slice = from.uint16();
  const segment = from.uint32();
  const attributes = from.uint8() === 0 ? null : takeAttributes(from, from.text(KEY_BYTES) as Key);
  return { identity, time, attributes, slice, segment };
}

/** One replay, as `putReplay` has written it. */
export function takeReplay(value: Uint8Array): ReplayRow {
  return takeReplayFrom(new ByteReader(value));
}

/** A run of replays, as `putReplay` has written them. */
export function takeReplays(value: Uint8Array): ReplayRow[] {
  const replays: ReplayRow[] = [];
  for (const from = new ByteReader(value); !from.done; ) replays.push(takeReplayFrom(from));
  return replays;
}
