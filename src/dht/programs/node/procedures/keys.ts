import * as xdr from '@stellar/js-xdr';
import { compile } from '../../../../rpc/xdr.ts';
import { StretchedKeySchema } from '../../../keys/chain.ts';
import { KeyIdSchema, KeyPlanSchema } from '../../../keys/plan.ts';
import { nothingResult, resultOf } from '../../result.ts';
import { ClientNameSchema, KeysSchema, RevokedSchema } from '../keys.ts';
import { head } from './head.ts';

/** The network's keys, and what is revoked. */
export const keysProcedures = {
  /** What a volcano knows of keys: what is revoked, and who has called it with which. */
  KEYS: { number: 70, arguments: compile(xdr.void()), result: compile(resultOf('KeysResult', KeysSchema)) },
  /** The key that clients of a name have is to be let in no more, anywhere. */
  REVOKE: {
    number: 71,
    arguments: compile(xdr.struct('Revoke', { ...head, name: ClientNameSchema })),
    result: compile(resultOf('RevokeResult', RevokedSchema)),
  },
  /** A key of the network, for later. */
  TAKEKEY: { number: 72, arguments: compile(StretchedKeySchema), result: nothingResult },
  /** For a volcano that lacks a key which the plan names; null: it is not let in there. */
  GIVEKEY: {
    number: 73,
    arguments: compile(xdr.struct('GiveKey', { keyId: KeyIdSchema })),
    result: compile(resultOf('GiveKeyResult', xdr.option(StretchedKeySchema))),
  },
  /** Which keys volcanos are to let in, and to call each other with: the plan after the one before. */
  PLANKEYS: {
    number: 74,
    arguments: compile(xdr.struct('PlanKeys', { ...head, plan: KeyPlanSchema })),
    result: nothingResult,
  },
} as const;
