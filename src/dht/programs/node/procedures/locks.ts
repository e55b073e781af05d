import * as xdr from '@stellar/js-xdr';
import { LOCKS_LISTED_MAX } from '../../../../flare/store/locks/keeper.ts';
import { compile } from '../../../../rpc/xdr.ts';
import { FlareLockSchema, HolderSchema, LOCK_PLACE_MAX } from '../../locks.ts';
import { resultOf } from '../../result.ts';
import { head } from './head.ts';

/** What operators do with locks. */
export const locksProcedures = {
  /** What is locked there, and the end of all that somebody has locked there. */
  HELD: {
    number: 30,
    arguments: compile(xdr.struct('AskHeld', { ...head, from: xdr.varOpaque(LOCK_PLACE_MAX) })),
    result: compile(
      resultOf(
        'HeldResult',
        xdr.struct('Held', {
          locks: xdr.array(FlareLockSchema, LOCKS_LISTED_MAX),
          next: xdr.option(xdr.varOpaque(LOCK_PLACE_MAX)),
        }),
      ),
    ),
  },
  FREEHOLDER: {
    number: 31,
    arguments: compile(xdr.struct('FreeHolder', { ...head, holder: HolderSchema })),
    result: compile(resultOf('FreeHolderResult', xdr.uint32())),
  },
} as const;
