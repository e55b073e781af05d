import * as xdr from '@stellar/js-xdr';
import { compile } from '../../../../rpc/xdr.ts';
import { ID_BYTES } from '../../../projection/types.ts';
import { resultOf } from '../../result.ts';
import { ObservationSchema } from '../observed.ts';
import { WorksSchema } from '../works.ts';
import { head } from './head.ts';

/** The most other volcanos whose figures are passed on in one LOAD, and in its answer. */
export const HEARD_MAX = 64;
/** The most accounts of which a volcano tells what they have on its slices. */
export const USAGE_MAX = 1024;

const FiguresSchema = xdr.struct('Figures', {
  load: xdr.uint32(),
  capacityBytes: xdr.uint64(),
  freeBytes: xdr.uint64(),
  availableBytes: xdr.uint64(),
  flares: xdr.uint64(),
  lagRecords: xdr.uint64(),
  uptimeSeconds: xdr.uint32(),
  syncMs: xdr.uint32(),
  damaged: xdr.uint32(),
  repaired: xdr.uint32(),
  protocol: xdr.uint32(),
  keys: xdr.struct('KeyFigures', {
    plan: xdr.uint32(),
    old: xdr.option(xdr.struct('OldKey', { until: xdr.uint64(), clients: xdr.uint32() })),
  }),
});

const usage = xdr.array(
  xdr.struct('AccountUsage', { share: xdr.uint32(), uid: xdr.uint32(), bytes: xdr.uint64(), files: xdr.uint64() }),
  USAGE_MAX,
);

/** What was heard of other volcanos: `ageMs` ago, or longer. */
const heard = xdr.array(
  xdr.struct('Heard', { id: xdr.opaque(ID_BYTES), ageMs: xdr.uint32(), figures: FiguresSchema, usage }),
  HEARD_MAX,
);
/** What a volcano tells of itself, and of others. */
export const LoadsSchema = xdr.struct('Loads', { figures: FiguresSchema, usage, heard });

/** What volcanos tell of themselves, and have heard of others. */
export const figuresProcedures = {
  /** The caller's figures for the callee's, and some that each has heard of others. */
  LOAD: {
    number: 10,
    arguments: compile(xdr.struct('Load', { ...head, sender: xdr.opaque(ID_BYTES), loads: LoadsSchema })),
    result: compile(resultOf('LoadResult', LoadsSchema)),
  },
  /** What the caller's slices are asked for, and what it has heard of others; likewise. A volcano that does not take part answers with nothing. */
  WORK: {
    number: 16,
    arguments: compile(xdr.struct('TellWork', { ...head, works: WorksSchema })),
    result: compile(resultOf('WorkResult', WorksSchema)),
  },
  /** What a volcano sees of its clients, and serves: at most so many clients and lines of its log. For the operator's tool, and for other volcanos' pages. */
  OBSERVE: {
    number: 22,
    arguments: compile(xdr.struct('Observe', { clients: xdr.uint32(), lines: xdr.uint32() })),
    result: compile(resultOf('ObserveResult', ObservationSchema)),
  },
} as const;
