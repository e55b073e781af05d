import * as xdr from '@stellar/js-xdr';
import type { Value } from '../../../rpc/xdr.ts';
import { KEYS_MAX } from '../../keys/chain.ts';
import { CLIENT_NAME_MAX } from '../../keys/identity.ts';
import { KeyIdSchema, type KeyPlan, KeyPlanSchema, planFromWire, wirePlan } from '../../keys/plan.ts';
import { REVOKED_MAX, type Revoked } from '../../keys/revoked.ts';
import { type KeyUser, USERS_MAX } from '../../keys/users.ts';

/** The longest address of a caller, in bytes. */
const ADDRESS_MAX = 64;

/** What a volcano tells of keys. */
export interface KeysTold {
  /** The network's notes were read anew for this: what is revoked is all that is. */
  readonly fresh: boolean;
  /** Names the network's key that it calls others with. */
  readonly keyId: string;
  /** Names all keys of the network that it has. */
  readonly has: readonly string[];
  /** The plan that it goes by; null: the network's key has never been changed. */
  readonly plan: KeyPlan | null;
  readonly revoked: readonly Revoked[];
  /** Who has called it with which key, since it started. */
  readonly users: readonly KeyUser[];
}

export const ClientNameSchema = xdr.varOpaque(CLIENT_NAME_MAX);
const keyId = KeyIdSchema;

export const RevokedSchema = xdr.struct('RevokedName', {
  name: ClientNameSchema,
  number: xdr.uint32(),
  seconds: xdr.uint64(),
});

export const KeysSchema = xdr.struct('Keys', {
  fresh: xdr.bool(),
  keyId,
  has: xdr.array(keyId, KEYS_MAX),
  plan: xdr.option(KeyPlanSchema),
  revoked: xdr.array(RevokedSchema, REVOKED_MAX),
  users: xdr.array(
    xdr.struct('KeyUser', {
      keyId,
      client: xdr.option(xdr.struct('KeyClient', { name: ClientNameSchema, number: xdr.uint32() })),
      address: xdr.string(ADDRESS_MAX),
      quietMs: xdr.uint64(),
    }),
    USERS_MAX,
  ),
});

/** What is revoked, as it goes over the wire. */
export function wireRevoked({ name, number, seconds }: Revoked): Value<typeof RevokedSchema> {
  return { name: Buffer.from(name, 'latin1'), number, seconds };
}

export function revokedFromWire({ name, number, seconds }: Value<typeof RevokedSchema>): Revoked {
  return { name: name.toString('latin1'), number, seconds };
}

/** What a volcano tells of keys, as it goes over the wire. */
export function wireKeys({ fresh, keyId, has, plan, revoked, users }: KeysTold): Value<typeof KeysSchema> {
  return {
    fresh,
    keyId: Buffer.from(keyId, 'hex'),
    has: has.map((id) => Buffer.from(id, 'hex')),
    plan: plan === null ? null : wirePlan(plan),
    revoked: revoked.slice(0, REVOKED_MAX).map(wireRevoked),
    users: users.slice(0, USERS_MAX).map(({ keyId, client, address, quietMs }) => ({
      keyId: Buffer.from(keyId, 'hex'),
      client: client === null ? null : { name: Buffer.from(client.name, 'latin1'), number: client.number },
      address: Buffer.from(address, 'latin1').subarray(0, ADDRESS_MAX),
      quietMs: Math.max(0, Math.round(quietMs)),
    })),
  };
}

export function keysFromWire({ fresh, keyId, has, plan, revoked, users }: Value<typeof KeysSchema>): KeysTold {
  return {
    fresh,
    keyId: keyId.toString('hex'),
    has: has.map((id) => id.toString('hex')),
    plan: plan === null ? null : planFromWire(plan),
    revoked: revoked.map(revokedFromWire),
    users: users.map(({ keyId, client, address, quietMs }) => ({
      role: client === null ? 'volcano' : 'client',
      keyId: keyId.toString('hex'),
      client: client === null ? null : { name: client.name.toString('latin1'), number: client.number },
      address: address.toString(),
      quietMs,
    })),
  };
}
