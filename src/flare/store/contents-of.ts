import type { Eventually } from '../../base/eventually.ts';
import type { FlareId } from '../types.ts';
import type { Core } from './core.ts';
import { lengthOf } from './extents.ts';
import { readFile } from './operations/read.ts';

/**
 * Bytes of a file as they are here, for another copy that has lost them: null when the file is at another version here (with `version` null any will do), or has not all of them. Nobody else is asked. Rejects with
 * `KmlReadError`; RangeError above `READ_MAX`.
 */
export function contentsOf(
  core: Core,
  id: FlareId,
  version: number | null,
  offset: number,
  length: number,
): Eventually<Buffer | null> {
  const { state } = core;
  const attributes = state.flareUnit(id.key).value?.attributes;
  if (attributes?.generation !== id.generation || (version !== null && attributes.version !== version)) return null;
  if (length === 0 || lengthOf(state.files.extents(id, offset, offset + length).extents) !== length) return null;
  return readFile(core, attributes, offset, length);
}
