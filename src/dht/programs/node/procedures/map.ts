import * as xdr from '@stellar/js-xdr';
import { compile } from '../../../../rpc/xdr.ts';
import { CHANGE_BYTES_MAX } from '../../../projection/change.ts';
import { MemberSchema, PROJECTION_BYTES_MAX } from '../../../projection/codec.ts';
import { CHANGES_MAX } from '../../../projection/news.ts';
import { ID_BYTES, SLICES_MAX } from '../../../projection/types.ts';
import { nothingResult, resultOf } from '../../result.ts';
import { head } from './head.ts';

/** How long WATCH may wait, in milliseconds. */
export const WATCH_MAX_MS = 20_000;

const projection = xdr.varOpaque(PROJECTION_BYTES_MAX);
const maybeProjection = compile(resultOf('ProjectionResult', xdr.option(projection)));

/** For who knows the projection of some epoch: 0: nothing newer; 1: the newest; 2: the changes that lead to it. */
export const NewsSchema = xdr.union('News', {
  switchOn: xdr.uint32(),
  switchKey: 'news',
  cases: [
    xdr.case('none', 0, xdr.void()),
    xdr.case('whole', 1, xdr.field('projection', projection)),
    xdr.case('changes', 2, xdr.field('changes', xdr.array(xdr.varOpaque(CHANGE_BYTES_MAX), CHANGES_MAX))),
  ],
});
const news = compile(resultOf('NewsResult', NewsSchema));

/** About the map: reading and writing it where it is arbitrated, who is in it, and where that is. */
export const mapProcedures = {
  /** The projection store: what is newer than the projection of epoch `known`, 0: none is known. */
  NEWEST: { number: 2, arguments: compile(xdr.struct('AskNewest', { known: xdr.uint64() })), result: news },
  /** The newest map that is known there, current or not: nobody else is asked. For the operator's tool. */
  KNOWN: { number: 21, arguments: compile(xdr.void()), result: maybeProjection },
  WRITE: {
    number: 3,
    arguments: compile(projection),
    /** True: written; false: taken. */
    result: compile(resultOf('WriteResult', xdr.bool())),
  },
  /** Answered when there is a newer projection than that of `epoch`, or when it has waited long enough. */
  WATCH: {
    number: 4,
    arguments: compile(xdr.struct('Watch', { ...head, waitMs: xdr.uint32() })),
    result: news,
  },
  JOIN: {
    number: 5,
    arguments: compile(xdr.struct('Join', { ...head, member: MemberSchema })),
    result: nothingResult,
  },
  /** A volcano is away for good: it is to be none of the network any more. */
  BURY: {
    number: 50,
    arguments: compile(xdr.struct('Bury', { ...head, member: xdr.opaque(ID_BYTES) })),
    result: nothingResult,
  },
  /** A volcano is to leave, or to stay after all. */
  LEAVE: {
    number: 56,
    arguments: compile(xdr.struct('Leave', { ...head, member: xdr.opaque(ID_BYTES), leaves: xdr.bool() })),
    result: nothingResult,
  },
  /** How a volcano stands to the register of the maps: for who would move it, and for who kept it. */
  STANDING: {
    number: 51,
    /** Whether it is to ask the volcano that keeps the register whether that is there. */
    arguments: compile(xdr.struct('AskStanding', { look: xdr.bool() })),
    result: compile(
      resultOf(
        'StandingResult',
        xdr.struct('Standing', {
          epoch: xdr.uint64(),
          heard: xdr.uint64(),
          current: xdr.bool(),
          promised: xdr.uint64(),
          reaches: xdr.bool(),
        }),
      ),
    ),
  },
  /** A volcano is to go by no map below that epoch, which that volcano will write. Answered with the newest that it knows. */
  PROMISE: {
    number: 52,
    arguments: compile(xdr.struct('Promise', { promised: xdr.uint64(), candidate: xdr.opaque(ID_BYTES) })),
    result: maybeProjection,
  },
  /** The register begins at the volcano that is called, with that map. */
  CROWN: { number: 53, arguments: compile(projection), result: nothingResult },
  /** Slices whose copies in sync are all away for good are to be served by a volcano that has less. */
  GIVEUP: {
    number: 54,
    arguments: compile(
      xdr.struct('GiveUp', { ...head, first: xdr.uint32(), count: xdr.uint32(), to: xdr.opaque(ID_BYTES) }),
    ),
    result: nothingResult,
  },
  /** The last record that lies there of each slice, whatever the map says. */
  COPIES: {
    number: 55,
    arguments: compile(xdr.void()),
    result: compile(
      resultOf(
        'CopiesResult',
        xdr.array(xdr.struct('LastCopied', { number: xdr.uint64(), epoch: xdr.uint64() }), SLICES_MAX),
      ),
    ),
  },
} as const;
