import * as xdr from '@stellar/js-xdr';
import type { Value } from '../../../rpc/xdr.ts';
import { REASON_MAX, WORKS_MAX, type WorkHeard } from '../../balance/work.ts';
import { ID_BYTES } from '../../projection/types.ts';

/** Rates go over the wire in thousandths. */
const PARTS = 1000;

const WorkSchema = xdr.struct('Work', {
  weight: xdr.uint32(),
  calls: xdr.uint64(),
  bytes: xdr.uint64(),
  units: xdr.uint64(),
  peakUnits: xdr.uint64(),
  aboveUnits: xdr.uint64(),
  capacityBytes: xdr.uint64(),
  availableBytes: xdr.uint64(),
  settled: xdr.bool(),
  reason: xdr.string(REASON_MAX),
});

/** What volcanos tell each other of their work. */
export const WorksSchema = xdr.array(
  xdr.struct('WorkHeard', { id: xdr.opaque(ID_BYTES), ageMs: xdr.uint32(), work: WorkSchema }),
  WORKS_MAX,
);

type WireWorks = Value<typeof WorksSchema>;

const RATES = ['calls', 'bytes', 'units', 'peakUnits', 'aboveUnits'] as const;

function scaled<T extends Record<(typeof RATES)[number], number>>(work: T, scale: (rate: number) => number): T {
  return { ...work, ...Object.fromEntries(RATES.map((name) => [name, scale(work[name])])) };
}

export function wireWorks(works: readonly WorkHeard[]): WireWorks {
  return works.map(({ id, ageMs, work }) => ({
    ...{ id: Buffer.from(id, 'hex'), ageMs },
    work: {
      ...scaled(work, (rate) => Math.round(rate * PARTS)),
      reason: Buffer.from(work.reason, 'latin1').subarray(0, REASON_MAX),
    },
  }));
}

export function worksFromWire(wire: WireWorks): WorkHeard[] {
  return wire.map(({ id, ageMs, work }) => ({
    ...{ id: id.toString('hex'), ageMs },
    work: {
      ...scaled(work, (rate) => rate / PARTS),
      reason: work.reason.toString('latin1').replace(/[^\x20-\x7e]/g, '?'),
    },
  }));
}
