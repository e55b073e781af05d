/** One APPEND holds groups up to about this many bytes; more only when a single group has more. */
export const MESSAGE_BYTES = 1024 * 1024;
/** What a mirror is sent and has not acknowledged, in bytes, before it is sent more. */
export const WINDOW_BYTES = 8 * 1024 * 1024;
/** So many APPENDs are under way to one mirror at most. */
export const MESSAGES_MAX = 256;
/** While more than this waits for a mirror, in bytes, changes wait. */
export const QUEUE_BYTES_MAX = 32 * 1024 * 1024;
/** A fill adds no more while this much waits for the mirror, in bytes: what clients have written goes along with it. */
export const FILL_BYTES_MAX = 1024 * 1024;
/** Mirrors are filled with so many bytes a second at most, all of one primary's together: half of what a gigabit network carries. */
export const FILL_BYTES_A_SECOND = 64 * 1024 * 1024;
/** A mirror that catches up from the log is sent the last of it while new records are held back, when so much of it was left the last time, in bytes; until then it is read on, so many times. */
export const HELD_AFTER_BYTES = 1024 * 1024;
export const ROUNDS_MAX = 16;
/** Records that are read from the log at once for a mirror that is behind, or a primary that is, in bytes: more than can be under way. */
export const TAIL_BYTES_MAX = 4 * QUEUE_BYTES_MAX;
/** One answer to a primary that asks for records holds groups up to about this many bytes. */
export const TAIL_PIECE_BYTES = 4 * 1024 * 1024;
/** So often a mirror is asked whether it still has what it had, and how much room, in milliseconds. */
export const WATCH_MS = 2_000;
/** A mirror that has had no room at all for records for so long, in milliseconds, is left out. */
export const FULL_MS = 10_000;
/** A mirror that does not answer is asked again after about this long, in milliseconds, ... */
export const RETRY_FIRST_MS = 20;
/** ... twice as long each further time, but no longer than this. */
export const RETRY_MAX_MS = 2_000;
/** After a fill that has failed, nothing is filled there for about this long, in milliseconds, ... */
export const REST_FIRST_MS = 100;
/** ... twice as long after each further one, but no longer than this: what cannot be read now is sent again as far as that, and takes the place of other answers there. */
export const REST_MAX_MS = 30_000;
