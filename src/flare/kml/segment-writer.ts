import type { Disk, DiskFile } from '../../base/disk.ts';
import { encodeSegmentHeader, KML_FORMAT, SEGMENT_HEADER_BYTES, type SegmentHeader, segmentName } from './format.ts';
import { RoomAhead } from './room-ahead.ts';

/** The one who writes a segment: from its header on, each position once, in order. */
export class SegmentWriter {
  readonly #file: DiskFile;
  readonly #number: number;
  readonly #ahead: RoomAhead;
  #end: number;
  /** A write has not ended well, or not yet: what the file holds is not known. */
  #unknown = false;

  private constructor(disk: Disk, file: DiskFile, number: number, end: number) {
    this.#file = file;
    this.#number = number;
    this.#end = end;
    this.#ahead = new RoomAhead(disk, segmentName(number), end);
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
    return new SegmentWriter(disk, file, header.number, SEGMENT_HEADER_BYTES + (follow?.length ?? 0));
  }

  /**
   * Writes at `position`, durably. Throws, and writes nothing, when that is not just behind all that was ever written or tried: a
   * position is written once. Room for what follows is laid out ahead, up to `limit`.
   */
  async write(bytes: Uint8Array, position: number, limit: number): Promise<void> {
    if (position !== this.#end) {
      throw new Error(
        `refused to write byte ${position} of ${segmentName(this.#number)}: what is not yet written begins at byte ${this.#end}`,
      );
    }
    this.#end += bytes.length;
    this.#unknown = true;
    const free = this.#ahead.free(this.#end);
    if (free !== undefined) await free;
    await this.#file.writeDurable([bytes], position);
    this.#unknown = false;
    this.#ahead.written(this.#end, bytes.length, limit);
  }

  /** Lets go of the file, and gives back the room that was laid out and not used. */
  async close(): Promise<void> {
    const until = await this.#ahead.stop();
    if (!this.#unknown && until > this.#end) await this.#file.truncate(this.#end);
    await this.#file.close();
  }
}
