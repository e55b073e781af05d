import { type Eventually, isPending } from '../../../base/eventually.ts';
import type { StoredExtent } from '../../record/schema.ts';
import type { Attributes, FlareId } from '../../types.ts';
import type { Core } from '../core.ts';
import { READ_MAX } from '../limits.ts';

/** What a read gives. */
export interface ReadAnswer {
  readonly data: Buffer;
  readonly attributes: Attributes;
}

/** The bytes of a file; holes are zeros. Raises `seen`. Throws RangeError above `READ_MAX`. */
export function readFile(core: Core, attributes: Attributes, offset: number, count: number): Eventually<Buffer> {
  if (count > READ_MAX) throw new RangeError(`a read of ${count} bytes; the most is ${READ_MAX}`);
  const length = Math.max(0, Math.min(count, attributes.size - offset));
  if (length === 0) return Buffer.alloc(0);
  const id: FlareId = attributes;
  const { extents, lsn } = core.state.files.extents(id, offset, offset + length);
  if (lsn > core.state.seen) core.state.seen = lsn;
  const [only] = extents;
  if (extents.length === 1 && only!.length === length) return core.pins.read(core.kml, only!);
  return assemble(core, extents, offset, length);
}

function assemble(core: Core, extents: readonly StoredExtent[], offset: number, length: number): Eventually<Buffer> {
  const whole = Buffer.alloc(length);
  const waiting: Promise<void>[] = [];
  for (const extent of extents) {
    const piece = core.pins.read(core.kml, extent);
    if (isPending(piece)) {
      waiting.push(
        piece.then((bytes) => {
          bytes.copy(whole, extent.offset - offset);
        }),
      );
    } else {
      piece.copy(whole, extent.offset - offset);
    }
  }
  return waiting.length === 0 ? whole : Promise.all(waiting).then(() => whole);
}
