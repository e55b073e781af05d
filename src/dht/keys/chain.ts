import * as xdr from '@stellar/js-xdr';
import type { NoteStore } from '../../flare/service.ts';
import { compile } from '../../rpc/xdr.ts';
import {
  type JoinerSecret,
  joinerSecretFrom,
  KEY_BYTES,
  keyOfIdentity,
  keyOfJoiner,
  type NetworkSecrets,
  secretsFrom,
} from '../secrets.ts';
import { parseIdentity, type Role } from './identity.ts';
import { ACCEPTED_MAX, KeyIdSchema, type KeyPlan, KeyPlanSchema, planFromWire, wirePlan } from './plan.ts';

/** A volcano's own note of the network's keys. */
export const KEYS_NOTE = 'volcano/keys';
/** The most keys that a volcano keeps: those that are let in, and one that it was given for later. */
export const KEYS_MAX = ACCEPTED_MAX + 1;
/** The most keys that were let in once whose names are remembered; the oldest gives way. */
export const RETIRED_MAX = 16;

/** A key of the network, as volcanos have it. */
export interface NetworkKey {
  readonly secrets: NetworkSecrets;
  readonly joiner: JoinerSecret;
}

/** Both of them, `KEY_BYTES` each, are the whole of a key. */
export const StretchedKeySchema = xdr.struct('StretchedKey', {
  stretched: xdr.opaque(KEY_BYTES),
  joiner: xdr.opaque(KEY_BYTES),
});
const codec = compile(
  xdr.struct('KeptKeys', {
    keys: xdr.array(StretchedKeySchema, KEYS_MAX),
    plan: xdr.option(KeyPlanSchema),
    retired: xdr.array(KeyIdSchema, RETIRED_MAX),
  }),
);

/** A key that came from another volcano, or from the operator's tool. */
export function networkKeyFrom(key: { stretched: Buffer; joiner: Buffer }, networkId: Uint8Array): NetworkKey {
  return { secrets: secretsFrom(key.stretched, networkId), joiner: joinerSecretFrom(key.joiner) };
}

export function wireKey({ secrets, joiner }: NetworkKey): { stretched: Buffer; joiner: Buffer } {
  return { stretched: secrets.stretched, joiner: joiner.stretched };
}

const idOf = ({ secrets }: NetworkKey): string => secrets.keyId;

/** The network's keys that a volcano has, and the plan that it goes by. What it has is a note of its own, which never goes to another volcano. */
export class KeyChain {
  readonly #notes: NoteStore;
  #keys: readonly NetworkKey[];
  #plan: KeyPlan | null = null;
  #retired: readonly string[] = [];
  /** Whether that is what the note says. */
  readonly kept: boolean;

  /** As the data directory has it; else with the key that was given. */
  constructor(notes: NoteStore, given: NetworkKey) {
    const value = notes.note(KEYS_NOTE);
    this.#notes = notes;
    this.#keys = [given];
    this.kept = value !== null;
    if (value === null) return;
    const { keys, plan, retired } = codec.decode(value);
    this.#keys = keys.map((key) => networkKeyFrom(key, given.secrets.networkId));
    this.#plan = plan === null ? null : planFromWire(plan);
    this.#retired = retired.map((id) => id.toString('hex'));
  }

  /** Of which network they are, in hexadecimal. */
  get networkId(): string {
    return this.#keys[0]!.secrets.networkId.toString('hex');
  }

  /** The plan that this volcano goes by; null: none was made yet. */
  get plan(): KeyPlan | null {
    return this.#plan;
  }

  /** Those that are let in, the older one first. Never empty. */
  get accepted(): readonly NetworkKey[] {
    const plan = this.#plan;
    if (plan === null) return this.#keys.slice(0, 1);
    const found = plan.accept.flatMap((id) => this.find(id) ?? []);
    return found.length > 0 ? found : this.#keys;
  }

  /** Those that others are called with: the second one when the first one is not let in there. */
  get dialed(): readonly NetworkKey[] {
    const accepted = this.accepted;
    const first = accepted.find((key) => idOf(key) === this.#plan?.dial) ?? accepted[0]!;
    return [first, ...accepted.filter((key) => key !== first)];
  }

  /** Names all that it has. */
  get ids(): readonly string[] {
    return this.#keys.map(idOf);
  }

  find(keyId: string): NetworkKey | null {
    return this.#keys.find((key) => idOf(key) === keyId) ?? null;
  }

  accepts(keyId: string): boolean {
    return this.accepted.some((key) => idOf(key) === keyId);
  }

  /** Whether it was let in once, and is no more. */
  isRetired(keyId: string): boolean {
    return this.#retired.includes(keyId) && !this.accepts(keyId);
  }

  /** The key of a PSK identity that is let in here in one of those roles; null: it is not. An identity that names no key is of the oldest. */
  keyOf(text: string, roles: readonly (Role | 'joiner')[]): Buffer | null {
    const identity = parseIdentity(text);
    if (identity === null || !roles.includes(identity.role)) return null;
    const { accepted } = this;
    const asked = identity.keyId === null ? accepted.slice(0, 1) : accepted;
    for (const { secrets, joiner } of asked) {
      const key = identity.role === 'joiner' ? keyOfJoiner(joiner, text) : keyOfIdentity(secrets, text);
      if (key !== null) return key;
    }
    return null;
  }

  /** Keeps a key for later, in place of another one that no plan has named. Durable when it resolves. */
  async take(key: NetworkKey): Promise<void> {
    if (this.find(idOf(key)) !== null) return;
    await this.#keep([...this.accepted, key], this.#plan, this.#retired);
  }

  /** Goes by a plan, with further keys that it names. Keys that it does not name are retired. Durable when it resolves. */
  async follow(plan: KeyPlan, more: readonly NetworkKey[]): Promise<void> {
    const all = [...this.#keys, ...more];
    const keys = plan.accept.flatMap((id) => all.find((key) => idOf(key) === id) ?? []);
    const gone = this.accepted.map(idOf).filter((id) => !plan.accept.includes(id));
    await this.#keep(keys.length > 0 ? keys : this.#keys, plan, this.#without(gone));
  }

  /** Lets the older key in no more: its time is over. Durable when it resolves. */
  async expire(): Promise<void> {
    const plan = this.#plan!;
    await this.follow({ ...plan, accept: [plan.dial], until: 0 }, []);
  }

  /** Has one key and no other, which others have been seen to let in. Durable when it resolves. */
  async adopt(key: NetworkKey): Promise<void> {
    const gone = this.ids.filter((id) => id !== idOf(key));
    await this.#keep([key], null, this.#without(gone));
  }

  /** Has the note say what is: a key that is in the configuration only is not there any more after the next rotation. */
  async settle(): Promise<void> {
    await this.#keep(this.#keys, this.#plan, this.#retired);
  }

  #without(gone: readonly string[]): readonly string[] {
    return [...this.#retired.filter((id) => !gone.includes(id)), ...gone].slice(-RETIRED_MAX);
  }

  async #keep(keys: readonly NetworkKey[], plan: KeyPlan | null, retired: readonly string[]): Promise<void> {
    const value = codec.encode({
      keys: keys.map(wireKey),
      plan: plan === null ? null : wirePlan(plan),
      retired: retired.map((id) => Buffer.from(id, 'hex')),
    });
    await this.#notes.setNote(KEYS_NOTE, value);
    this.#keys = keys;
    this.#plan = plan;
    this.#retired = retired;
  }
}

/** Names the keys that a data directory has, as its notes say; null: it goes by the key that it is given. */
export function keptKeyIds(notes: NoteStore, networkId: Uint8Array): readonly string[] | null {
  const value = notes.note(KEYS_NOTE);
  if (value === null) return null;
  return codec.decode(value).keys.map((key) => networkKeyFrom(key, networkId).secrets.keyId);
}
