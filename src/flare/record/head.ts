import { OperationSchema } from './schema.ts';

/*
 * What all records begin with (`RecordSchema`) lies at fixed places, and can be read without decoding the rest.
 *
 * 0 slice   4 epoch   12 number   20 time   28 commit   36 place   40 group's size   44 operation
 */

/** Bytes that every record has. */
export const RECORD_HEAD_BYTES = 48;

/** Where the epoch lies. */
export const EPOCH_OFFSET = 4;

/** What a record says of itself at its start. */
export interface RecordHead {
  readonly slice: number;
  readonly epoch: number;
  readonly number: number;
  /** Its place in the group that it was written in, and how many records that had. */
  readonly place: number;
  readonly groupSize: number;
  /** It states anew what other records said before, and has no number of its own. */
  readonly base: boolean;
}

function uint64(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
}

/** The head of a record. Throws RangeError when the bytes are too few to be one. */
export function recordHead(bytes: Buffer): RecordHead {
  if (bytes.length < RECORD_HEAD_BYTES) throw new RangeError(`${bytes.length} bytes are no record`);
  return {
    slice: bytes.readUInt32BE(0),
    epoch: uint64(bytes, EPOCH_OFFSET),
    number: uint64(bytes, 12),
    place: bytes.readUInt32BE(36),
    groupSize: bytes.readUInt32BE(40),
    base: bytes.readUInt32BE(44) === OperationSchema.base,
  };
}

/** Whether a record, by its head, belongs to the same group as the one before it in the log. */
export function sameGroup(before: RecordHead, head: RecordHead): boolean {
  // A mirror has of a group what is of its slices: places may be missing.
  return head.place > before.place && head.groupSize === before.groupSize && head.base === before.base;
}
