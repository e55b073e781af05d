import { type Eventually, isPending } from '../../base/eventually.ts';
import type { Kml } from '../kml/types.ts';
import type { StoredExtent } from '../record/schema.ts';

/** Keeps segments from being dropped while somebody reads from them. */
export class Pins {
  readonly #pinned = new Map<number, number>();
  readonly #waiting = new Map<number, () => void>();

  /** The bytes of an extent. */
  read(kml: Kml, extent: StoredExtent): Eventually<Buffer> {
    const { segment } = extent;
    const bytes = kml.read(segment, extent.position, extent.length, extent.lead);
    if (!isPending(bytes)) return bytes;
    this.#pinned.set(segment, (this.#pinned.get(segment) ?? 0) + 1);
    return bytes.finally(() => this.#unpin(segment));
  }

  #unpin(segment: number): void {
    const left = this.#pinned.get(segment)! - 1;
    if (left > 0) {
      this.#pinned.set(segment, left);
      return;
    }
    this.#pinned.delete(segment);
    this.#waiting.get(segment)?.();
  }

  /** Resolves when nobody reads from that segment. Nobody may begin meanwhile: its bytes lie elsewhere too. */
  async free(segment: number): Promise<void> {
    if (!this.#pinned.has(segment)) return;
    await new Promise<void>((resolve) => this.#waiting.set(segment, resolve));
    this.#waiting.delete(segment);
  }
}
