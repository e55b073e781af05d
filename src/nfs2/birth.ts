import type { AttributeChanges, Birth, FlareType } from '../flare/types.ts';

/** What a flare is born as, of what its `sattr` sets; the size is the caller's matter. */
export function birthOf(changes: AttributeChanges, type: FlareType, modeUnset: number): Birth {
  const { mode = modeUnset, uid, gid, atime, mtime } = changes;
  return {
    type,
    mode,
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    ...(atime === undefined ? {} : { atime }),
    ...(mtime === undefined ? {} : { mtime }),
  };
}
