import type { Disk, DiskFile } from '../../base/disk.ts';
import { encodeSegmentHeader, KML_FORMAT, SEGMENT_HEADER_BYTES, type SegmentHeader, segmentName } from './format.ts';

/** The one who writes a segment: from its header on, each position once, in order. */
export class SegmentWriter {
  readonly #file: DiskFile;
  readonly #number: number;
  #end: number;

  private constructor(file: DiskFile, number: number, end: number) {
    this.#file = file;
    this.#number = number;
    this.#end = end;
  }

  /**
   * Makes the segment's file with its header and what follows that, in one write, and makes it and its name durable. Rejects with code EEXIST
   * when there is such a file.
   */
  static async create(
    disk: Disk,
    header: Omit<SegmentHeader, 'format'>,
    follow: Uint8Array | null,
  ): Promise<SegmentWriter> {
    const file = await disk.create(segmentName(header.number));
    const buffers = [encodeSegmentHeader({ ...header, format: KML_FORMAT })];
    if (follow !== null) buffers.push(Buffer.from(follow.buffer, follow.byteOffset, follow.length));
    await file.writeDurable(buffers, 0);
    await disk.syncDirectory('kml');
    return new SegmentWriter(file, header.number, SEGMENT_HEADER_BYTES + (follow?.length ?? 0));
  }

  /**
   * Writes at `position`, durably. Throws, and writes nothing, when that is not just behind all that was ever written or tried: a
   * position is written once.
   */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    if (position !== this.#end) {
      throw new Error(
        `refused to write byte ${position} of ${segmentName(this.#number)}: what is not yet written begins at byte ${this.#end}`,
      );
    }
    this.#end += bytes.length;
    await this.#file.writeDurable([bytes], position);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
