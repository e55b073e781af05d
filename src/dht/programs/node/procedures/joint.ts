import * as xdr from '@stellar/js-xdr';
import { OPERATION_ID_BYTES } from '../../../../flare/joint.ts';
import { compile } from '../../../../rpc/xdr.ts';
import { nothingResult, resultOf } from '../../result.ts';
import { CallerSchema } from '../../types.ts';
import { STEPS_MAX, StepAnswerSchema, StepSchema } from '../steps.ts';
import { head } from './head.ts';

const operation = xdr.opaque(OPERATION_ID_BYTES);
const DecisionSchema = xdr.enumType('Decision', { committed: 0, pending: 1, unknown: 2 });

/** Operations over several owners (docs/architecture.md). */
export const jointProcedures = {
  /** `slice` is one of those whose owner the caller takes this volcano for. */
  PREPARE: {
    number: 7,
    arguments: compile(
      xdr.struct('Prepare', {
        ...head,
        operation,
        slice: xdr.uint32(),
        coordinator: xdr.uint32(),
        caller: CallerSchema,
        steps: xdr.array(StepSchema, STEPS_MAX),
      }),
    ),
    result: compile(resultOf('PrepareResult', xdr.array(StepAnswerSchema, STEPS_MAX))),
  },
  OUTCOME: {
    number: 8,
    arguments: compile(xdr.struct('Outcome', { ...head, operation, slice: xdr.uint32(), committed: xdr.bool() })),
    result: nothingResult,
  },
  /** Asks the owner of the coordinator's slice, `slice`, what became of an operation. */
  DECISION: {
    number: 9,
    arguments: compile(xdr.struct('AskDecision', { ...head, operation, slice: xdr.uint32() })),
    result: compile(resultOf('DecisionResult', DecisionSchema)),
  },
} as const;
