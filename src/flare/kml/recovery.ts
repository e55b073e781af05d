import type { Disk } from '../../base/disk.ts';
import type { Eventually } from '../../base/eventually.ts';
import type { Logger } from '../../base/logger.ts';
import { type Chain, readChain } from './chain.ts';
import { KmlFormatError, KmlRotError } from './errors.ts';
import { SEGMENT_HEADER_BYTES, type SegmentHeader, segmentName } from './format.ts';
import { endOfWritten, findProof, SegmentWalker } from './segment-walker.ts';
import type { LogBatch, LogMark, SegmentInfo } from './types.ts';

/** What the walk found. */
export interface Recovered {
  /** The segments that belong to the log, oldest first. */
  readonly segments: readonly SegmentInfo[];
  /** Where the log validly ends; segment 0 when there is none. */
  readonly end: LogMark;
  /** null when there is no log. */
  readonly logId: Buffer | null;
  /** The number that the next segment gets. */
  readonly nextNumber: number;
  /** Files of segments that were begun and never came to be: to be removed. */
  readonly leftovers: readonly number[];
}

export interface RecoveryOptions {
  readonly disk: Disk;
  readonly logger: Logger;
  readonly networkId: Buffer;
  /** Up to where somebody knows the log already, durably. */
  readonly from: LogMark;
  /** Gets every sound batch behind `from`, in order. */
  readonly onBatch: (batch: LogBatch) => Eventually<void>;
}

/**
 * Finds where the log ends and hands over what is behind `from`. Changes nothing but that it syncs the last segment, without zeros at its end. Rejects with `KmlRotError` or
 * `KmlFormatError`.
 */
export async function recoverLog(options: RecoveryOptions): Promise<Recovered> {
  const { disk, from } = options;
  const chain = await readChain(disk, options.networkId);
  const tip = chain.segments.at(-1);
  if (tip === undefined) {
    if (from.segment > 0) throw new KmlRotError(segmentName(from.segment), from.segment, 0, whoKnows(from));
    await refuseProof(disk, chain, { segment: 0, position: SEGMENT_HEADER_BYTES });
    return { segments: [], end: from, logId: null, nextNumber: chain.nextNumber, leftovers: chain.strays };
  }
  const start = startOfWalk(chain.segments, from);
  const segments: SegmentInfo[] = [];
  let nextLsn = start.nextLsn;
  for (const [at, header] of chain.segments.entries()) {
    const successor = chain.segments[at + 1];
    let bytes = successor?.previousEnd ?? 0;
    if (header.number >= start.segment) {
      const position = header.number === start.segment ? start.position : SEGMENT_HEADER_BYTES;
      if (header.number > start.segment && header.nextLsn !== nextLsn) {
        const claim = `its header says that it begins with record ${header.nextLsn}, and ${nextLsn} is the next`;
        throw new KmlRotError(segmentName(header.number), header.number, 0, claim);
      }
      const end = await walkOne(options, header, successor, { position, nextLsn });
      bytes = end.position;
      nextLsn = end.nextLsn;
    }
    segments.push({ number: header.number, bytes });
  }
  const end = { lsn: nextLsn - 1, segment: tip.number, position: segments.at(-1)!.bytes };
  await refuseProof(disk, chain, end);
  return { segments, end, logId: tip.logId, nextNumber: chain.nextNumber, leftovers: chain.strays };
}

function whoKnows(from: LogMark): string {
  return `the index has applied the log up to byte ${from.position} of segment ${from.segment}`;
}

/** Where the walk begins: at `from`, or at the first segment that is kept when nothing is known or missing before that. */
function startOfWalk(
  segments: readonly SegmentHeader[],
  from: LogMark,
): { segment: number; position: number; nextLsn: number } {
  const oldest = segments[0]!;
  const known = segments.find((header) => header.number === from.segment);
  if (known !== undefined) return { segment: from.segment, position: from.position, nextLsn: from.lsn + 1 };
  if (from.segment === 0 || (from.segment < oldest.number && from.lsn + 1 === oldest.nextLsn)) {
    return { segment: oldest.number, position: SEGMENT_HEADER_BYTES, nextLsn: oldest.nextLsn };
  }
  if (from.segment > oldest.number) throw new KmlRotError(segmentName(from.segment), from.segment, 0, whoKnows(from));
  throw new KmlFormatError(
    `the index ends with record ${from.lsn}, and the oldest segment that is there, ${segmentName(oldest.number)}, begins with record ` +
      `${oldest.nextLsn}: index and log do not belong together. Move the index away: it is rebuilt from the log`,
  );
}

/** Walks one segment to its end, which the next one's header names or, in the last one, the first batch that is not sound. */
async function walkOne(
  options: RecoveryOptions,
  header: SegmentHeader,
  successor: SegmentHeader | undefined,
  start: { position: number; nextLsn: number },
): Promise<{ position: number; nextLsn: number }> {
  const name = segmentName(header.number);
  // What a failed sync left in the host's cache alone must not pass for durable; older segments were durable before this one began.
  const file = await options.disk.open(name, { uncached: successor === undefined });
  try {
    const size = await file.size();
    if (size < start.position) throw new KmlRotError(name, header.number, size, whoKnows(options.from));
    const walker = new SegmentWalker(file, header.logId, { segment: header.number, ...start });
    const limit = successor?.previousEnd ?? Number.POSITIVE_INFINITY;
    while (walker.position < limit) {
      const batch = await walker.next();
      if (batch === null) break;
      if (batch.position + batch.bytes.length > limit) break;
      await options.onBatch(batch);
    }
    const end = { position: walker.position, nextLsn: walker.nextLsn };
    if (successor !== undefined) {
      if (end.position === limit) return end;
      const claim = `${segmentName(successor.number)} says that it is sound up to byte ${limit}`;
      throw new KmlRotError(name, header.number, end.position, claim);
    }
    const place = { segment: header.number, position: end.position };
    const proof = await findProof(file, header.number, end.position, place, header.logId);
    if (proof !== null) throw new KmlRotError(name, header.number, end.position, proofText(header.number, proof));
    const written = await endOfWritten(file, end.position, size);
    if (written > end.position) {
      const torn = { file: name, position: end.position, bytes: written - end.position };
      options.logger.warn(
        torn,
        'the log ends in a write that was never finished, and nothing says that it was durable: ignored',
      );
    }
    if (size > written) await file.truncate(written);
    await file.sync();
    return end;
  } finally {
    await file.close();
  }
}

function proofText(
  segment: number,
  proof: { position: number; durableSegment: number; durablePosition: number },
): string {
  const durable = `byte ${proof.durablePosition} of segment ${proof.durableSegment}`;
  return `the batch at byte ${proof.position} of segment ${segment} says that all up to ${durable} was durable`;
}

/** Refuses when a segment without a sound header holds a batch that proves that the log went on behind `end`. */
async function refuseProof(disk: Disk, chain: Chain, end: { segment: number; position: number }): Promise<void> {
  for (const number of chain.strays) {
    if (number < end.segment) continue;
    const name = segmentName(number);
    const file = await disk.open(name);
    try {
      const logId = chain.segments.at(-1)?.logId ?? null;
      const proof = await findProof(file, number, SEGMENT_HEADER_BYTES, end, logId);
      if (proof === null) continue;
      // A batch that begins its segment proves only what lies before; one that does not, its own segment's header too.
      const lost = proof.durableSegment === number ? number : end.segment;
      throw new KmlRotError(segmentName(lost), lost, lost === number ? 0 : end.position, proofText(number, proof));
    } finally {
      await file.close();
    }
  }
}
