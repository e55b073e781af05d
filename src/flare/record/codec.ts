import { option } from '@stellar/js-xdr';
import type { TurnMemory } from '../../base/turn-memory.ts';
import { compile } from '../../rpc/xdr.ts';
import type { Attributes } from '../types.ts';
import { NO_BYTES, packFlare, unpackFlare } from './pack.ts';
import { ChangeTypeSchema, FlareSchema, type LogRecord, RecordSchema } from './schema.ts';

const record = compile(RecordSchema);
const outcome = compile(option(FlareSchema));

function padded(length: number): number {
  return (length + 3) & ~3;
}

/**
 * The record's bytes. When its last change is data, `data` is written in place of that change's (empty) bytes, and copied just once; with `memory`,
 * into memory of this turn.
 */
export function encodeRecord(value: LogRecord, data?: Uint8Array, memory?: TurnMemory): Buffer {
  const head = record.encode(value);
  if (data === undefined) return head;
  const length = head.length + padded(data.length);
  const whole = memory === undefined ? Buffer.allocUnsafe(length) : memory.take(length);
  head.copy(whole);
  whole.writeUInt32BE(data.length, head.length - 4);
  whole.set(data, head.length);
  whole.fill(0, head.length + data.length);
  return whole;
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
