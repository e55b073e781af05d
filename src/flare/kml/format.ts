import { crc32 } from 'node:zlib';
import type { LogBatch, LogMark, LogRecordPlace } from './types.ts';

/*
 * The bytes of the log (docs/architecture.md, "Segments"). All numbers are big endian.
 *
 * segment header        batch header             record
 *  0 magic MAGMAKML      0 magic MBAT             0 length of the payload
 *  8 format version      4 length of the batch    4 CRC-32 of length and payload
 * 12 segment number      8 count of records       8 payload
 * 16 network id         12 own segment
 * 32 segment before     16 own position
 * 36 its valid end      20 durable: segment
 * 40 next LSN           24 durable: position
 * 48 log id             28 first LSN
 * 56 zero               36 log id
 * 60 CRC-32             44 CRC-32
 */

/** The format that this program writes; it reads no other. */
export const KML_FORMAT = 1;
export const SEGMENT_HEADER_BYTES = 64;
export const BATCH_HEADER_BYTES = 48;
/** What stands before each record's payload. */
export const RECORD_HEADER_BYTES = 8;
/** Batches begin at multiples of this. */
export const BATCH_ALIGNMENT = 8;
/** Batches whose records end here or later are long. */
export const LONG_BATCH_BYTES = 64 * 1024;
/** Long ones end at a multiple of this, behind zeros, so that the next one may go past the host's cache (`DiskFile.writeDurable`): the blocks of a file system. */
export const BATCH_PADDING = 4096;
export const NETWORK_ID_BYTES = 16;
export const LOG_ID_BYTES = 8;
/** The longest payload, in bytes. */
export const RECORD_BYTES_MAX = 4 * 1024 * 1024;
/** The most bytes of one group, its records' headers included. */
export const GROUP_BYTES_MAX = 16 * 1024 * 1024;
/** A gathering batch takes no further group when it would grow above this. */
export const BATCH_BYTES_TARGET = 4 * 1024 * 1024;
/** No batch is longer: one group of the largest size, or several up to the target. */
export const BATCH_BYTES_MAX = GROUP_BYTES_MAX + BATCH_HEADER_BYTES + BATCH_ALIGNMENT;

const SEGMENT_MAGIC = Buffer.from('MAGMAKML', 'latin1');
/** `MBAT`. */
export const BATCH_MAGIC = 0x4d424154;
const NUMBER_MAX = 2 ** 32;

export interface SegmentHeader {
  readonly format: number;
  readonly number: number;
  readonly networkId: Buffer;
  /** The segment before it (0: none) and where that validly ends. */
  readonly previous: number;
  readonly previousEnd: number;
  /** The LSN of its first record. */
  readonly nextLsn: number;
  /** Chance bytes, the same in all segments of a log: tell its batches from copies of logs inside file data. */
  readonly logId: Buffer;
}

export interface BatchHeader {
  readonly length: number;
  readonly count: number;
  readonly segment: number;
  readonly position: number;
  readonly durableSegment: number;
  readonly durablePosition: number;
  readonly firstLsn: number;
}

/** The name of a segment's file in the data directory. */
export function segmentName(number: number): string {
  return `kml/${String(number).padStart(8, '0')}.seg`;
}

/** The number of a segment by its file's name without the directory; null when it is no segment's. */
export function segmentNumber(name: string): number | null {
  const match = /^(\d{8,10})\.seg$/.exec(name);
  const number = match === null ? 0 : Number(match[1]);
  return number > 0 && number < NUMBER_MAX && segmentName(number) === `kml/${name}` ? number : null;
}

function readUint64(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * NUMBER_MAX + bytes.readUInt32BE(at + 4);
}

function writeUint64(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / NUMBER_MAX), at);
  bytes.writeUInt32BE(value % NUMBER_MAX, at + 4);
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  SEGMENT_MAGIC.copy(bytes);
  bytes.writeUInt32BE(header.format, 8);
  bytes.writeUInt32BE(header.number, 12);
  header.networkId.copy(bytes, 16, 0, NETWORK_ID_BYTES);
  bytes.writeUInt32BE(header.previous, 32);
  bytes.writeUInt32BE(header.previousEnd, 36);
  writeUint64(bytes, header.nextLsn, 40);
  header.logId.copy(bytes, 48, 0, LOG_ID_BYTES);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 60)), 60);
  return bytes;
}

/** The header that the bytes hold; null when they hold no sound one. */
export function decodeSegmentHeader(bytes: Buffer): SegmentHeader | null {
  if (bytes.length < SEGMENT_HEADER_BYTES || SEGMENT_MAGIC.compare(bytes, 0, 8) !== 0) return null;
  if (crc32(bytes.subarray(0, 60)) !== bytes.readUInt32BE(60)) return null;
  return {
    format: bytes.readUInt32BE(8),
    number: bytes.readUInt32BE(12),
    networkId: Buffer.from(bytes.subarray(16, 32)),
    previous: bytes.readUInt32BE(32),
    previousEnd: bytes.readUInt32BE(36),
    nextLsn: readUint64(bytes, 40),
    logId: Buffer.from(bytes.subarray(48, 56)),
  };
}

/** Rounds a length up to where the next batch may begin. */
export function alignBatch(length: number): number {
  return Math.ceil(length / BATCH_ALIGNMENT) * BATCH_ALIGNMENT;
}

export function encodeBatchHeader(bytes: Buffer, header: BatchHeader, logId: Buffer): void {
  bytes.writeUInt32BE(BATCH_MAGIC, 0);
  bytes.writeUInt32BE(header.length, 4);
  bytes.writeUInt32BE(header.count, 8);
  bytes.writeUInt32BE(header.segment, 12);
  bytes.writeUInt32BE(header.position, 16);
  bytes.writeUInt32BE(header.durableSegment, 20);
  bytes.writeUInt32BE(header.durablePosition, 24);
  writeUint64(bytes, header.firstLsn, 28);
  logId.copy(bytes, 36, 0, LOG_ID_BYTES);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 44)), 44);
}

/** The batch header at `at`, if a sound one is there that says that it lies there. `logId` null takes that of any log. */
export function decodeBatchHeader(
  bytes: Buffer,
  at: number,
  segment: number,
  position: number,
  logId: Buffer | null,
): BatchHeader | null {
  if (at + BATCH_HEADER_BYTES > bytes.length || bytes.readUInt32BE(at) !== BATCH_MAGIC) return null;
  if (crc32(bytes.subarray(at, at + 44)) !== bytes.readUInt32BE(at + 44)) return null;
  if (logId !== null && logId.compare(bytes, at + 36, at + 44) !== 0) return null;
  const header: BatchHeader = {
    length: bytes.readUInt32BE(at + 4),
    count: bytes.readUInt32BE(at + 8),
    segment: bytes.readUInt32BE(at + 12),
    position: bytes.readUInt32BE(at + 16),
    durableSegment: bytes.readUInt32BE(at + 20),
    durablePosition: bytes.readUInt32BE(at + 24),
    firstLsn: readUint64(bytes, at + 28),
  };
  if (header.segment !== segment || header.position !== position) return null;
  if (header.length < BATCH_HEADER_BYTES || header.length > BATCH_BYTES_MAX) return null;
  return header.length % BATCH_ALIGNMENT === 0 ? header : null;
}

/** A record's checksum. The length goes in as the CRC's start, so that a run of zeros is no sound record. */
export function recordCrc(payload: Uint8Array): number {
  return crc32(payload, payload.length);
}

/**
 * Whether those are a whole record, header and payload, that is sound; how long it is when more bytes are needed for that: `bytes` are the beginning of one.
 */
export function recordWhole(bytes: Buffer): boolean | number {
  const length = bytes.readUInt32BE(0);
  if (length === 0 || length > RECORD_BYTES_MAX) return false;
  const end = RECORD_HEADER_BYTES + length;
  if (bytes.length < end) return end;
  return recordCrc(bytes.subarray(RECORD_HEADER_BYTES, end)) === bytes.readUInt32BE(4);
}

/** Whether what stands behind the records of a batch, from `at` on, is what pads it. */
function isPadding(bytes: Buffer, at: number): boolean {
  const padding = bytes.length - at;
  if (padding < 0 || padding >= (at < LONG_BATCH_BYTES ? BATCH_ALIGNMENT : BATCH_PADDING)) return false;
  for (let byte = at; byte < bytes.length; byte++) if (bytes[byte] !== 0) return false;
  return true;
}

/** What is checked of a batch at once, in bytes, where others are to have their turn between. */
export const CHECKED_BYTES = 256 * 1024;

/** As `recordsSound`, and yields after each `CHECKED_BYTES` or so. */
export function* recordsSoundInParts(bytes: Buffer, count: number): Generator<void, boolean> {
  let at = BATCH_HEADER_BYTES;
  let pause = CHECKED_BYTES;
  for (let place = 0; place < count; place++) {
    if (at >= pause) {
      pause = at + CHECKED_BYTES;
      yield;
    }
    if (at + RECORD_HEADER_BYTES > bytes.length) return false;
    const length = bytes.readUInt32BE(at);
    const end = at + RECORD_HEADER_BYTES + length;
    if (length === 0 || length > RECORD_BYTES_MAX || end > bytes.length) return false;
    if (recordCrc(bytes.subarray(at + RECORD_HEADER_BYTES, end)) !== bytes.readUInt32BE(at + 4)) return false;
    at = end;
  }
  return isPadding(bytes, at);
}

/** Whether a batch's records are all there, sound, and fill it, but for padding with zeros. */
export function recordsSound(bytes: Buffer, count: number): boolean {
  const parts = recordsSoundInParts(bytes, count);
  for (;;) {
    const { done, value } = parts.next();
    if (done) return value;
  }
}

/** Whether a batch's records fill it by their lengths, but for padding with zeros. Says nothing of what they hold: for that `recordSound`. */
export function recordsFit(bytes: Buffer, count: number): boolean {
  let at = BATCH_HEADER_BYTES;
  for (let place = 0; place < count; place++) {
    if (at + RECORD_HEADER_BYTES > bytes.length) return false;
    const length = bytes.readUInt32BE(at);
    if (length === 0 || length > RECORD_BYTES_MAX) return false;
    at += RECORD_HEADER_BYTES + length;
  }
  return isPadding(bytes, at);
}

/** Whether one record of a batch is sound. */
export function recordSound(batch: LogBatch, { position, payload }: LogRecordPlace): boolean {
  return recordCrc(payload) === batch.bytes.readUInt32BE(position - batch.position - 4);
}

/** The records of a batch, in order. */
export function* batchRecords(batch: LogBatch): Generator<LogRecordPlace> {
  let at = BATCH_HEADER_BYTES;
  for (let place = 0; place < batch.count; place++) {
    const start = at + RECORD_HEADER_BYTES;
    const end = start + batch.bytes.readUInt32BE(at);
    yield { lsn: batch.firstLsn + place, position: batch.position + start, payload: batch.bytes.subarray(start, end) };
    at = end;
  }
}

/** The mark behind a batch. */
export function batchEnd(batch: LogBatch): LogMark {
  return {
    lsn: batch.firstLsn + batch.count - 1,
    segment: batch.segment,
    position: batch.position + batch.bytes.length,
  };
}
