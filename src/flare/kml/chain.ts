import type { Disk } from '../../base/disk.ts';
import { KmlFormatError, KmlRotError } from './errors.ts';
import {
  decodeSegmentHeader,
  KML_FORMAT,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
  segmentNumber,
} from './format.ts';

/** Which segments make up the log. */
export interface Chain {
  /** Oldest first; each names the one before it. Empty when there is no log yet. */
  readonly segments: readonly SegmentHeader[];
  /** Files that are not in it, because they have no sound header. */
  readonly strays: readonly number[];
  /** Above every number that is there. */
  readonly nextNumber: number;
}

async function readHeader(disk: Disk, number: number, uncached: boolean): Promise<SegmentHeader | null> {
  const file = await disk.open(segmentName(number), { uncached });
  try {
    const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
    return decodeSegmentHeader(bytes.subarray(0, await file.read(bytes, 0)));
  } finally {
    await file.close();
  }
}

/** Refuses a header that this program or this network cannot have written there. */
function checkHeader(header: SegmentHeader, number: number, networkId: Buffer): void {
  const name = segmentName(number);
  if (header.format !== KML_FORMAT) {
    throw new KmlFormatError(
      `${name} has format ${header.format}, and this program reads format ${KML_FORMAT}: use the program that wrote it`,
    );
  }
  if (!header.networkId.equals(networkId)) {
    throw new KmlFormatError(
      `${name} belongs to network ${header.networkId.toString('hex')}, not to ${networkId.toString('hex')}: ` +
        'this is the data directory of another network, or a file of one was copied here',
    );
  }
  if (header.number !== number) {
    throw new KmlFormatError(`${name} says that it is segment ${header.number}: give it its own name back`);
  }
}

/**
 * Reads all segment headers and follows them from the newest sound one back. Throws `KmlRotError` when one that is named is
 * there without a sound header or is missing while older ones are there; `KmlFormatError`.
 */
export async function readChain(disk: Disk, networkId: Buffer): Promise<Chain> {
  const numbers = (await disk.list('kml')).map(segmentNumber).filter((number) => number !== null);
  numbers.sort((one, other) => one - other);
  const headers = new Map<number, SegmentHeader | null>();
  for (const number of numbers) {
    const header = await readHeader(disk, number, number === numbers.at(-1));
    if (header !== null) checkHeader(header, number, networkId);
    headers.set(number, header);
  }
  const segments: SegmentHeader[] = [];
  let at = numbers.findLast((number) => headers.get(number) !== null);
  while (at !== undefined) {
    const header: SegmentHeader = headers.get(at)!;
    if (segments.length > 0 && !header.logId.equals(segments[0]!.logId)) {
      throw new KmlFormatError(
        `${segmentName(at)} and ${segmentName(segments[0]!.number)} belong to different logs: one of them was copied here`,
      );
    }
    segments.unshift(header);
    at = previousOf(header, headers);
  }
  const chained = new Set(segments.map((header) => header.number));
  const strays = numbers.filter((number) => !chained.has(number));
  for (const number of strays) {
    if (headers.get(number) === null) continue;
    const missing = segments[0]!.previous;
    const claim = `${segmentName(segments[0]!.number)} names it as the one before, and older segments are there`;
    throw new KmlRotError(segmentName(missing), missing, 0, claim);
  }
  return { segments, strays, nextNumber: (numbers.at(-1) ?? 0) + 1 };
}

/** The segment before `header`'s, if it is kept. */
function previousOf(header: SegmentHeader, headers: ReadonlyMap<number, SegmentHeader | null>): number | undefined {
  const before = headers.get(header.previous);
  if (before === null) {
    const claim = `${segmentName(header.number)} says that it is sound up to byte ${header.previousEnd}`;
    throw new KmlRotError(segmentName(header.previous), header.previous, 0, claim);
  }
  return before === undefined ? undefined : header.previous;
}
