import { type Attributes, FlareType, type Usage } from '../types.ts';

/**
 * What a change of a flare asks of its account; null: nothing. A birth and what comes from another account is asked for whole, of what is there the bytes that come to it. That
 * directories grow by their names is not asked for: it counts, but names can be given and taken by others. A hole takes no bytes; it is as good as one, so that who has none left can
 * make no more of it.
 */
export function growthAsked(before: Attributes | null, after: Attributes): Usage | null {
  if (before === null || before.uid !== after.uid || before.share !== after.share)
    return { bytes: after.used, files: 1 };
  if (after.type !== FlareType.file) return null;
  if (after.used > before.used) return { bytes: after.used - before.used, files: 0 };
  return after.size > before.size ? { bytes: 1, files: 0 } : null;
}
