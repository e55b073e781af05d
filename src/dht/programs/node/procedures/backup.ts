import * as xdr from '@stellar/js-xdr';
import { RECORD_MAX } from '../../../../flare/record/limits.ts';
import { compile } from '../../../../rpc/xdr.ts';
import { SLICES_MAX } from '../../../projection/types.ts';
import { resultOf } from '../../result.ts';
import { head } from './head.ts';

/** The most records in one page of a reading, and slices that one whole reading is about. */
export const PAGE_RECORDS_MAX = 65_536;
export const READ_SLICES_MAX = 16;
/** The most shares that one reading is about. */
export const READ_SHARES_MAX = 4096;

/** How far a slice is: its last record. */
const sliceAt = xdr.struct('SliceAt', { slice: xdr.uint32(), number: xdr.uint64(), epoch: xdr.uint64() });

/** A volcano's part in a backup (docs/backup.md). */
export const backupProcedures = {
  /** For a backup: the volcano's answers show nothing that is new, for so many milliseconds or until LETGO; and how far its own slices are. */
  HOLD: {
    number: 80,
    arguments: compile(xdr.struct('Hold', { ...head, hold: xdr.uint64(), ms: xdr.uint32() })),
    result: compile(resultOf('HoldResult', xdr.array(sliceAt, SLICES_MAX))),
  },
  /** Ends it; whether it was unbroken till now, and the slices are still the volcano's. */
  LETGO: {
    number: 81,
    arguments: compile(xdr.struct('LetGo', { hold: xdr.uint64() })),
    result: compile(resultOf('LetGoResult', xdr.bool())),
  },
  /** Begins to read slices for a backup: all that lives (`whole`, at most `READ_SLICES_MAX`), or the records behind given ones. */
  READSLICES: {
    number: 82,
    arguments: compile(
      xdr.struct('ReadSlices', {
        ...head,
        whole: xdr.bool(),
        slices: xdr.array(sliceAt, SLICES_MAX),
        /** Contents of files in these alone; none: of all. */
        shares: xdr.array(xdr.uint32(), READ_SHARES_MAX),
      }),
    ),
    result: compile(
      resultOf(
        'ReadSlicesResult',
        xdr.struct('Reading', {
          reading: xdr.uint64(),
          /** Where the slices of a whole reading were when it began. */
          at: xdr.array(sliceAt, SLICES_MAX),
          /** Of these the log has not all that was asked for. */
          gone: xdr.array(xdr.uint32(), SLICES_MAX),
        }),
      ),
    ),
  },
  READON: {
    number: 83,
    arguments: compile(xdr.struct('ReadOn', { reading: xdr.uint64(), page: xdr.uint32() })),
    result: compile(
      resultOf(
        'ReadOnResult',
        xdr.struct('Page', { records: xdr.array(xdr.varOpaque(RECORD_MAX), PAGE_RECORDS_MAX), end: xdr.bool() }),
      ),
    ),
  },
} as const;
