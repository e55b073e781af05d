import { NAME_MAX, TARGET_MAX } from '../types.ts';

/** Bytes of file data that one record holds at most; a longer write takes several records of one group. */
export const DATA_MAX = 65_536;
/** Offsets that one unit of a file's extents covers, in bytes: a record's data lie within one. */
export const CHUNK_SIZE = 1024 * 1024;
/** Extents that the undo part of a data change or of a cut lists at most. */
export const UNDO_EXTENTS_MAX = 65_536;
/** Changes in one record at most. */
export const CHANGES_MAX = 64;
/** What an undo names at most of each kind; and the bytes of a record that undoes at most. Above that a slice is filled anew. */
export const UNDO_UNITS_MAX = 4096;
export const UNDO_BYTES_MAX = 128 * 1024;
/** Records in one group at most. */
export const GROUP_MAX = 64;
/** The longest replay identity, in bytes. */
export const REPLAY_IDENTITY_MAX = 128;
/** How long an answer is remembered for retransmissions, in µs. */
export const REPLAY_AGE_MAX = 600 * 1_000_000;
/** How many answers are remembered: at 5,000 changes a second those of the last 6 seconds, at 50 those of the last 10 minutes. */
export const REPLAYS_MAX = 32_768;
/** The longest outcome that is kept with a replay, in bytes. */
export const OUTCOME_MAX = 512;
/** The longest name of a note, in bytes. */
export const NOTE_NAME_MAX = 1024;
/** The longest value of a note, in bytes. */
export const NOTE_VALUE_MAX = 65_536;
/** No record is longer than this, in bytes: the data of a write or two note values, and a full undo part of 32 bytes an extent. */
export const RECORD_MAX = 4 * 1024 * 1024;

export { NAME_MAX, TARGET_MAX };
