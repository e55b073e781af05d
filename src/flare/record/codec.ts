import { option } from '@stellar/js-xdr';
import { compile, XdrWriter } from '../../rpc/xdr.ts';
import type { Attributes } from '../types.ts';
import { NO_BYTES, packFlare, unpackFlare } from './pack.ts';
import { ChangeTypeSchema, FlareSchema, type LogRecord, RecordSchema } from './schema.ts';

const record = compile(RecordSchema);
const outcome = compile(option(FlareSchema));

function padded(length: number): number {
  return (length + 3) & ~3;
}

/** The record's bytes. When its last change is data, `data` is written in place of that change's (empty) bytes. */
export function encodeRecord(value: LogRecord, data?: Uint8Array): Buffer {
  if (data === undefined) return record.encode(value);
  const writer = new XdrWriter();
  const length = writeRecordHead(writer, value, data);
  writer.append(data);
  return Buffer.concat([writer.written()], length);
}

/** As `encodeRecord`, onto the end of what the writer holds. */
export function writeRecord(writer: XdrWriter, value: LogRecord): void {
  record.write(writer, value);
}

/**
 * As `writeRecord` for a record whose last change is data, with `data` in place of that change's (empty) bytes; all but the data itself and its
 * padding, which follow. Returns the length of the whole record, from `start` on.
 */
export function writeRecordHead(writer: XdrWriter, value: LogRecord, data: Uint8Array): number {
  const start = writer.position;
  record.write(writer, value);
  writer.patchU32(writer.position - 4, data.length);
  return writer.position - start + padded(data.length);
}

/** The record that the bytes hold; byte strings alias them. Throws `XdrError`. */
export function decodeRecord(bytes: Uint8Array): LogRecord {
  return record.decode(bytes);
}

/** Where the bytes of a record's data change begin, from the record's own start; null when it has none. */
export function dataPosition(value: LogRecord, recordLength: number): number | null {
  const last = value.changes[value.changes.length - 1];
  if (last === undefined || last.type !== ChangeTypeSchema.data) return null;
  return recordLength - padded(last.data.bytes.length);
}

/** As `dataPosition`, for a record whose data's length is known. */
export function dataPositionOf(recordLength: number, dataLength: number): number {
  return recordLength - padded(dataLength);
}

/** What was answered to a call that changed something: a flare's attributes, or nothing more than success. */
export function encodeOutcome(attributes: Attributes | null): Buffer {
  if (attributes === null) return outcome.encode(null);
  return outcome.encode(
    packFlare({ attributes, target: NO_BYTES, salt: NO_BYTES, entries: 0, nextCookie: 0, cookiesWrapped: false }),
  );
}

/** The reverse of `encodeOutcome`. */
export function decodeOutcome(bytes: Uint8Array): Attributes | null {
  const state = outcome.decode(bytes);
  return state === null ? null : unpackFlare(state).attributes;
}
