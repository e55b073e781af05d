import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { keyText, SLICES } from '../../flare/keys.ts';
import { RECORD_MAX } from '../../flare/record/limits.ts';
import type { LastRecord } from '../../flare/store/following.ts';
import type { FlareId, Key } from '../../flare/types.ts';
import { BackupError } from './errors.ts';

/*
 * A backup is a row of frames behind eight bytes of magic: a header, records, an end. All numbers are big endian.
 *
 * frame: 0 type   4 length of what follows   8 CRC-32 of the first eight bytes and of what follows   12 ...
 * header: JSON. records: each with its length before it (4 bytes), as they go to mirrors. end: JSON, and the length of the whole frame (4 bytes), so that it is found from behind.
 *
 * Backups may follow each other in one stream.
 */

/** The newest format; no newer one is read. */
export const BACKUP_FORMAT = 2;
/** What is written of a whole network, so that older programs read it; they know nothing of backups that lack contents. */
const FORMAT_WHOLE = 1;
const MAGIC = Buffer.from('MAGMABAK', 'latin1');
const FRAME_HEAD_BYTES = 12;
/** The longest frame that is read, in bytes without its head. */
export const FRAME_BYTES_MAX = 32 * 1024 * 1024;
/** Bytes at the end of a backup that say how long its last frame is. */
const END_LENGTH_BYTES = 4;
const TYPES = { header: 1, records: 2, end: 3 } as const;

type Hash = ReturnType<typeof createHash>;

/** How far a backup has each slice: its last record there, by slice; number 0: the slice had none. */
export type Cut = readonly LastRecord[];

/** The directory that a backup is of; of all else it has no contents. */
export interface BackupShare {
  /** Where it was when the backup was begun: absolute, bytes as a Latin-1 string. */
  readonly path: string;
  readonly top: FlareId;
}

/** What a backup says of itself at its beginning. */
export interface BackupHeader {
  /** 32 hexadecimal digits, of chance. */
  readonly id: string;
  /** The network's id. */
  readonly network: string;
  /** When it was begun, ISO 8601, UTC. */
  readonly begun: string;
  /** Of the program that wrote it. */
  readonly version: string;
  /** null: it is of all. */
  readonly share: BackupShare | null;
  /** The backup before it, without which it is of no use, and how far that has each slice; null: it stands alone. */
  readonly follows: { readonly id: string; readonly at: Cut } | null;
}

/** What it says at its end: without this it is none. */
export interface BackupEnd {
  readonly id: string;
  /** The moment that it shows, ISO 8601, UTC. */
  readonly taken: string;
  /** The epoch of the map at that moment. */
  readonly epoch: number;
  readonly at: Cut;
  /** Of a directory: the shares whose contents are there, by their numbers; null: all contents are. */
  readonly shares: readonly number[] | null;
  /** Slices that are there whole. */
  readonly whole: readonly number[];
  readonly records: number;
  /** SHA-256 of all before the end, from the magic on. */
  readonly sha256: string;
}

/** A piece of a backup, in order. */
export type BackupPiece =
  | { readonly kind: 'header'; readonly header: BackupHeader }
  | { readonly kind: 'records'; readonly records: readonly Buffer[] }
  | { readonly kind: 'end'; readonly end: BackupEnd };

type Pair = readonly [number: number, epoch: number];
const pairs = (at: Cut): Pair[] => at.map(({ number, epoch }) => [number, epoch]);

function cutOf(value: unknown): Cut {
  const whole = (one: unknown): boolean => Number.isSafeInteger(one) && (one as number) >= 0;
  const isPair = (one: unknown): one is Pair => Array.isArray(one) && one.length === 2 && one.every(whole);
  if (!Array.isArray(value) || value.length !== SLICES || !value.every(isPair))
    throw new BackupError('it does not say how far it has each slice');
  return value.map(([number, epoch]) => ({ number, epoch }));
}

function frameOf(type: number, payload: readonly Buffer[]): Buffer {
  const length = payload.reduce((sum, { length }) => sum + length, 0);
  const frame = Buffer.concat([Buffer.alloc(FRAME_HEAD_BYTES), ...payload], FRAME_HEAD_BYTES + length);
  frame.writeUInt32BE(type, 0);
  frame.writeUInt32BE(length, 4);
  frame.writeUInt32BE(checksum(frame), 8);
  return frame;
}

function checksum(frame: Buffer): number {
  return crc32(frame.subarray(FRAME_HEAD_BYTES), crc32(frame.subarray(0, 8)));
}

/** Writes one backup: `begin`, records, `end`. */
export class BackupWriter {
  readonly #write: (bytes: Buffer) => Promise<void>;
  readonly #hash: Hash = createHash('sha256');
  #id = '';
  #records = 0;
  /** Bytes that were written. */
  bytes = 0;

  constructor(write: (bytes: Buffer) => Promise<void>) {
    this.#write = write;
  }

  async begin(header: BackupHeader): Promise<void> {
    const { id, share, follows } = header;
    this.#id = id;
    await this.#put(MAGIC);
    const json = {
      ...{ ...header, format: share === null ? FORMAT_WHOLE : BACKUP_FORMAT },
      share: share && { path: share.path, key: keyText(share.top.key), generation: share.top.generation },
      follows: follows && { id: follows.id, at: pairs(follows.at) },
    };
    await this.#put(frameOf(TYPES.header, [Buffer.from(JSON.stringify(json))]));
  }

  async records(records: readonly Buffer[]): Promise<void> {
    if (records.length === 0) return;
    this.#records += records.length;
    const lengths = records.map(({ length }) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(length);
      return bytes;
    });
    await this.#put(
      frameOf(
        TYPES.records,
        records.flatMap((record, at) => [lengths[at]!, record]),
      ),
    );
  }

  async end(of: Pick<BackupEnd, 'taken' | 'epoch' | 'at' | 'shares' | 'whole'>): Promise<BackupEnd> {
    const end: BackupEnd = { ...of, id: this.#id, records: this.#records, sha256: this.#hash.copy().digest('hex') };
    const json = Buffer.from(JSON.stringify({ ...end, at: pairs(end.at) }));
    const length = Buffer.alloc(END_LENGTH_BYTES);
    length.writeUInt32BE(FRAME_HEAD_BYTES + json.length + END_LENGTH_BYTES);
    await this.#put(frameOf(TYPES.end, [json, length]));
    return end;
  }

  async #put(bytes: Buffer): Promise<void> {
    this.#hash.update(bytes);
    this.bytes += bytes.length;
    await this.#write(bytes);
  }
}

/** Bytes of a stream, as many at a time as are asked for. */
class Input {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);
  #ended = false;
  /** Bytes that were taken. */
  position = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** So many bytes, or as many as there are left. */
  async take(length: number): Promise<Buffer> {
    const parts = [this.#rest];
    let there = this.#rest.length;
    while (there < length && !this.#ended) {
      const { value, done } = await this.#chunks.next();
      if (done === true) this.#ended = true;
      else {
        parts.push(Buffer.from(value.buffer, value.byteOffset, value.length));
        there += value.length;
      }
    }
    const all = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    const taken = all.subarray(0, length);
    this.#rest = all.subarray(taken.length);
    this.position += taken.length;
    return taken;
  }
}

const INCOMPLETE =
  'it ends in the middle: it was broken off, or is being written still, or was cut. It is no backup; take another one';

/** What a file of one backup says of itself. */
export interface BackupSummary {
  readonly header: BackupHeader;
  readonly end: BackupEnd;
}

/** Bytes of a file that `read` gives, from that position on: all that are asked for, or as many as there are. */
export type ReadAt = (position: number, length: number) => Promise<Buffer>;

/** What the beginning and the end of a file of so many bytes say; what lies between is not looked at. Throws `BackupError`. */
export async function summaryOf(read: ReadAt, size: number): Promise<BackupSummary> {
  const magic = await read(0, MAGIC.length);
  if (!magic.equals(MAGIC)) throw new BackupError('it is no backup of magma');
  const first = await frameAt(read, MAGIC.length, size);
  if (first.type !== TYPES.header) throw damaged(MAGIC.length);
  const header = headerOf(jsonOf(first.payload, MAGIC.length));
  const length = await read(size - END_LENGTH_BYTES, END_LENGTH_BYTES);
  const start = size - (length.length < END_LENGTH_BYTES ? size : length.readUInt32BE(0));
  const last = start > MAGIC.length ? await frameAt(read, start, size).catch(() => null) : null;
  if (last?.type !== TYPES.end) throw new BackupError(INCOMPLETE);
  const end = endOf(jsonOf(last.payload.subarray(0, -END_LENGTH_BYTES), start));
  if (end.id !== header.id)
    throw new BackupError('it holds several backups, one after the other: keep each in a file of its own');
  return { header, end };
}

function frameAt(read: ReadAt, start: number, size: number): ReturnType<typeof frameFrom> {
  const chunks = async function* (): AsyncGenerator<Buffer> {
    const head = await read(start, FRAME_HEAD_BYTES);
    yield head;
    if (head.length < FRAME_HEAD_BYTES) return;
    yield await read(start + FRAME_HEAD_BYTES, Math.min(head.readUInt32BE(4), FRAME_BYTES_MAX, size - start));
  };
  return frameFrom(new Input(chunks()));
}

async function frameFrom(input: Input): Promise<{ type: number; frame: Buffer; payload: Buffer }> {
  const start = input.position;
  const head = await input.take(FRAME_HEAD_BYTES);
  if (head.length < FRAME_HEAD_BYTES) throw new BackupError(INCOMPLETE);
  const length = head.readUInt32BE(4);
  if (length > FRAME_BYTES_MAX) throw damaged(start);
  const payload = await input.take(length);
  if (payload.length < length) throw new BackupError(INCOMPLETE);
  const frame = Buffer.concat([head, payload]);
  if (checksum(frame) !== head.readUInt32BE(8)) throw damaged(start);
  return { type: head.readUInt32BE(0), frame, payload: frame.subarray(FRAME_HEAD_BYTES) };
}

function damaged(at: number): BackupError {
  return new BackupError(`it is damaged at byte ${at}: it is not what was written. Take another backup`);
}

function jsonOf(payload: Buffer, at: number): Record<string, unknown> {
  try {
    return Object(JSON.parse(payload.toString()));
  } catch {
    throw damaged(at);
  }
}

function headerOf(json: Record<string, unknown>): BackupHeader {
  const { format, follows, id, network, begun, version, share } = json;
  if (typeof format !== 'number' || format > BACKUP_FORMAT)
    throw new BackupError(`it has format ${format}, and this program reads up to ${BACKUP_FORMAT}: use a newer magma`);
  const before = follows === null ? null : (Object(follows) as Record<string, unknown>);
  const after = before === null ? null : { id: String(before.id), at: cutOf(before.at) };
  const names = { id: String(id), network: String(network), begun: String(begun), version: String(version) };
  return { ...names, share: shareOf(share), follows: after };
}

function shareOf(value: unknown): BackupShare | null {
  if (value === null || value === undefined) return null;
  const { path, key, generation } = value as Record<string, unknown>;
  const top = { key: Buffer.from(String(key), 'hex').toString('latin1') as Key, generation: Number(generation) };
  return { path: String(path), top };
}

function endOf(json: Record<string, unknown>): BackupEnd {
  const { id, taken, epoch, at, shares, whole, records, sha256 } = json;
  return {
    ...{ id: String(id), taken: String(taken), epoch: Number(epoch), at: cutOf(at) },
    shares: shares == null ? null : (shares as number[]).map(Number),
    ...{ whole: (whole as number[]).map(Number), records: Number(records), sha256: String(sha256) },
  };
}

function recordsOf(payload: Buffer, at: number): Buffer[] {
  const records: Buffer[] = [];
  for (let from = 0; from < payload.length; ) {
    const length = from + 4 <= payload.length ? payload.readUInt32BE(from) : RECORD_MAX + 1;
    if (length > RECORD_MAX || from + 4 + length > payload.length) throw damaged(at);
    records.push(payload.subarray(from + 4, from + 4 + length));
    from += 4 + length;
  }
  return records;
}

/**
 * Reads the backups of a stream, each checked: what is given before an `end` may turn out to be of none. Throws `BackupError`: no backup, a newer format, damaged, incomplete.
 */
export async function* readBackups(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<BackupPiece> {
  const input = new Input(chunks);
  for (let count = 0; ; count++) {
    const start = input.position;
    const magic = await input.take(MAGIC.length);
    if (magic.length === 0 && count > 0) return;
    if (!magic.equals(MAGIC)) {
      if (count > 0) throw damaged(start);
      throw new BackupError(magic.length === 0 ? 'it is empty: it is no backup' : 'it is no backup of magma');
    }
    yield* readBackup(input, createHash('sha256').update(magic));
  }
}

async function* readBackup(input: Input, hash: Hash): AsyncGenerator<BackupPiece> {
  let header: BackupHeader | null = null;
  let count = 0;
  for (;;) {
    const start = input.position;
    const { type, frame, payload } = await frameFrom(input);
    if ((type === TYPES.header) !== (header === null)) throw damaged(start);
    if (type === TYPES.header) {
      header = headerOf(jsonOf(payload, start));
      yield { kind: 'header', header };
    } else if (type === TYPES.records) {
      const records = recordsOf(payload, start);
      count += records.length;
      yield { kind: 'records', records };
    } else if (type === TYPES.end) {
      const end = endOf(jsonOf(payload.subarray(0, -END_LENGTH_BYTES), start));
      if (end.sha256 !== hash.digest('hex') || end.records !== count || end.id !== header!.id) throw damaged(start);
      yield { kind: 'end', end };
      return;
    } else throw damaged(start);
    hash.update(frame);
  }
}
