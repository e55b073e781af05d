import { type Clock, systemClock } from '../../base/clock.ts';
import type { Disk } from '../../base/disk.ts';
import type { Eventually } from '../../base/eventually.ts';
import type { Logger } from '../../base/logger.ts';
import { type Random, systemRandom } from '../../base/random.ts';
import { LOG_ID_BYTES, NETWORK_ID_BYTES, SEGMENT_HEADER_BYTES, segmentName } from './format.ts';
import { SegmentLog } from './log.ts';
import { recoverLog } from './recovery.ts';
import { SegmentWriter } from './segment-writer.ts';
import { type Kml, LOG_START, type LogBatch, type LogMark } from './types.ts';

/** A segment's size when nothing else is said, in bytes. */
export const SEGMENT_BYTES_DEFAULT = 64 * 1024 * 1024;
/** The smallest segment size that is taken, in bytes. */
export const SEGMENT_BYTES_MIN = 4096;
/** The largest one: positions are 32-bit numbers, and a group that is larger than the rest may follow. */
export const SEGMENT_BYTES_MAX = 1024 * 1024 * 1024;

export interface KmlOptions {
  /** The data directory, locked by the caller. */
  readonly disk: Disk;
  /** Tells when a turn of the event loop ends; the host's unless told. */
  readonly clock?: Clock;
  readonly logger: Logger;
  /** 16 bytes that tell the network's logs from others'. */
  readonly networkId: Uint8Array;
  /** When a segment is full, in bytes; one group that is larger makes a larger segment. */
  readonly segmentBytes?: number;
  /** Up to where the index is durable; the walk begins there. The whole log when absent. */
  readonly from?: LogMark;
  /** Gets every sound batch behind `from`, in order, before `openKml` resolves. */
  readonly onBatch?: (batch: LogBatch) => Eventually<void>;
  readonly random?: Random;
}

/**
 * Opens the log, or begins one: walks it from `from` on, finds its end, makes that durable, and begins a new segment. Rejects with
 * `KmlRotError` when something that was durable is not sound, `KmlFormatError` when the files are of another network, format or log, or with the
 * host's error. Nothing but zeros at the end is cut off, and nothing is written over, whatever is found.
 */
export async function openKml(options: KmlOptions): Promise<Kml> {
  const { disk, logger } = options;
  const segmentBytes = options.segmentBytes ?? SEGMENT_BYTES_DEFAULT;
  if (!(segmentBytes >= SEGMENT_BYTES_MIN && segmentBytes <= SEGMENT_BYTES_MAX)) {
    throw new RangeError(`a segment has ${SEGMENT_BYTES_MIN} to ${SEGMENT_BYTES_MAX} bytes, not ${segmentBytes}`);
  }
  const networkId = Buffer.from(options.networkId);
  if (networkId.length !== NETWORK_ID_BYTES) throw new RangeError(`a network id has ${NETWORK_ID_BYTES} bytes`);
  await disk.makeDirectory('kml');
  const from = options.from ?? LOG_START;
  const found = await recoverLog({ disk, logger, networkId, from, onBatch: options.onBatch ?? (() => {}) });
  // Names that a crash might take back must not be built upon.
  await disk.syncDirectory('kml');
  for (const number of found.leftovers) {
    logger.warn({ file: segmentName(number) }, 'removing a segment that was begun and never came to be');
    await disk.remove(segmentName(number));
  }
  const logId = found.logId ?? (options.random ?? systemRandom).bytes(LOG_ID_BYTES);
  const header = {
    number: found.nextNumber,
    networkId,
    logId,
    previous: found.end.segment,
    previousEnd: found.end.position,
    nextLsn: found.end.lsn + 1,
  };
  const writer = await SegmentWriter.create(disk, header, null);
  const start: LogMark = { lsn: found.end.lsn, segment: found.nextNumber, position: SEGMENT_HEADER_BYTES };
  const { clock = systemClock } = options;
  return new SegmentLog({
    disk,
    clock,
    logger,
    networkId,
    logId,
    segmentBytes,
    segments: found.segments,
    writer,
    start,
  });
}
