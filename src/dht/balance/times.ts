/** How often volcanos tell each other what their slices are asked for, and each looks whether it is to give some away, in milliseconds. */
export const LOOK_MS = 5_000;
/** For so long a volcano's slices stay as they are, and are measured, before it gives or gets any, unless told otherwise, in milliseconds. */
export const MOVE_PAUSE_MS = 300_000;
/** What it may be told instead: less is two looks, and of that nothing could be said. */
export const MOVE_PAUSE_MS_MIN = 2 * LOOK_MS;
export const MOVE_PAUSE_MS_MAX = 86_400_000;
