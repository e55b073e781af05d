import type { Extent } from '../record/schema.ts';
import { type FlareId, FlareType } from '../types.ts';
import type { Core } from './core.ts';
import { CHUNK_SIZE } from './limits.ts';

/** Chunks of a file that are looked at: 4 GiB of it. */
const CHUNKS_LOOKED_AT = 4096;

/** Where bytes of a file lie in the log. */
export interface ExtentsHere {
  /** By offset. */
  readonly extents: readonly Extent[];
  /** There may be others behind them. */
  readonly more: boolean;
}

/** The first extents of a file, as they are here; none for what is no file; null when this store has no copy of the flare. */
export function extentsOf({ state }: Pick<Core, 'state'>, id: FlareId, limit: number): ExtentsHere | null {
  const attributes = state.flareUnit(id.key).value?.attributes;
  if (attributes === undefined || attributes.generation !== id.generation) return null;
  if (attributes.type !== FlareType.file) return { extents: [], more: false };
  const chunks = Math.ceil(attributes.size / CHUNK_SIZE);
  const extents: Extent[] = [];
  for (let chunk = 0; chunk < chunks; chunk++) {
    if (extents.length > limit || chunk >= CHUNKS_LOOKED_AT) return { extents: extents.slice(0, limit), more: true };
    extents.push(...state.files.extents(id, chunk * CHUNK_SIZE, (chunk + 1) * CHUNK_SIZE).extents);
  }
  return { extents: extents.slice(0, limit), more: extents.length > limit };
}
