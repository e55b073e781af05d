import * as xdr from '@stellar/js-xdr';
import type { NoteStore } from '../../flare/service.ts';
import { compile, type Value } from '../../rpc/xdr.ts';
import { KEY_ID_BYTES } from './identity.ts';

/** The most keys of the network that are let in at a time: the one, and during a rotation the other one. */
export const ACCEPTED_MAX = 2;
/** The network's note with the plan, by the network's id: a network that was restored from a backup is another one, and so are the names of its keys. */
const PLAN_NOTE = 'keys/plan/';
/** The network's note of what its first key is checked with (`magmad/identity.ts`): it is true no more. */
export const CHECK_NOTE = 'network/key';

/** Which keys of the network volcanos let in, and with which they call each other. It names them, and tells nothing of them. */
export interface KeyPlan {
  /** Counts the plans of the network, from 1. */
  readonly number: number;
  /** The one that volcanos call each other with. */
  readonly dial: string;
  /** Those that are let in; the older one first. */
  readonly accept: readonly string[];
  /** From then on only `dial` is let in, in seconds since 1970; 0: until there is another plan. */
  readonly until: number;
}

export const KeyIdSchema = xdr.opaque(KEY_ID_BYTES);
export const KeyPlanSchema = xdr.struct('KeyPlan', {
  number: xdr.uint32(),
  dial: KeyIdSchema,
  accept: xdr.array(KeyIdSchema, ACCEPTED_MAX),
  until: xdr.uint64(),
});
const codec = compile(KeyPlanSchema);

export function wirePlan({ number, dial, accept, until }: KeyPlan): Value<typeof KeyPlanSchema> {
  return { number, dial: Buffer.from(dial, 'hex'), accept: accept.map((id) => Buffer.from(id, 'hex')), until };
}

export function planFromWire({ number, dial, accept, until }: Value<typeof KeyPlanSchema>): KeyPlan {
  return { number, dial: dial.toString('hex'), accept: accept.map((id) => id.toString('hex')), until };
}

/** Whether both say the same. */
export function samePlan(one: KeyPlan, other: KeyPlan): boolean {
  return codec.encode(wirePlan(one)).equals(codec.encode(wirePlan(other)));
}

/** What is planned for the whole network; null: its key has never been changed. */
export function planOf(notes: NoteStore, networkId: string): KeyPlan | null {
  const value = notes.note(PLAN_NOTE + networkId);
  return value === null ? null : planFromWire(codec.decode(value));
}

/** Makes it the network's plan; durable when it resolves. RangeError for one that makes no sense. */
export async function setPlan(notes: NoteStore, networkId: string, plan: KeyPlan): Promise<void> {
  const { dial, accept, until } = plan;
  const count = accept.length;
  if (!accept.includes(dial) || count > ACCEPTED_MAX || new Set(accept).size !== count)
    throw new RangeError(`volcanos let in the key that they call with, and at most ${ACCEPTED_MAX - 1} more`);
  if (until > 0 && (count === 1 || dial !== accept[1]))
    throw new RangeError('what is let in until some time is a key older than the one that volcanos call with');
  await notes.setNote(PLAN_NOTE + networkId, codec.encode(wirePlan(plan)));
  if (notes.note(CHECK_NOTE) !== null) await notes.setNote(CHECK_NOTE, null);
}
