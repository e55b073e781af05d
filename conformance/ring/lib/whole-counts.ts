/**
 * What is counted in a run, from nothing: maps; records that a mirror had and its primary not, any more; volcanos that have left; slices that were taken over, and of which the old owner had records that the new one had not; records that were found damaged, and those of them that came anew; slices that became whole on
 * a mirror from the log, after something was undone there, and from nothing; moves for the balance that came to their end, and that were given up.
 */
export const WHOLE_COUNTS = {
  maps: 0,
  tails: 0,
  taken: 0,
  ahead: 0,
  damaged: 0,
  repaired: 0,
  moved: 0,
  left: 0,
  replayed: 0,
  undone: 0,
  filled: 0,
  balanced: 0,
  unmoved: 0,
};

export type WholeCounts = typeof WHOLE_COUNTS;
