/** Who may be on the other side: a volcano of the network, or a client that asks volcanos for files. */
export type Role = 'volcano' | 'client';

/** Bytes of what names a key. */
export const KEY_ID_BYTES = 8;
/** The longest name of a client, in characters. */
export const CLIENT_NAME_MAX = 32;
/** The highest number of a client's key. */
export const CLIENT_NUMBER_MAX = 2 ** 32 - 1;

/** What a client's key is of: its name, and the number that changes when it is revoked. The name is empty for the key that clients share. */
export interface ClientName {
  readonly name: string;
  /** 0, with an empty name: whoever has the network's key itself, and calls as a client. */
  readonly number: number;
}

/** As who has the network's key itself asks for files as a client: that cannot be revoked, short of another key. */
export const OF_THE_NETWORK: ClientName = { name: '', number: 0 };
/** The first key that clients share. That of version 1 counts as it. */
export const FIRST_SHARED: ClientName = { name: '', number: 1 };

/** What a PSK identity says. `keyId` names the network's key that it is of; null: of version 1, which did not name it. */
export type Identity =
  | { readonly role: 'volcano'; readonly networkId: string; readonly keyId: string | null }
  | { readonly role: 'client'; readonly networkId: string; readonly keyId: string | null; readonly client: ClientName }
  | { readonly role: 'joiner'; readonly keyId: string | null };

const NAME = /^(?:[a-z0-9][a-z0-9._-]*)?$/;
const NETWORK = '[0-9a-f]{32}';
const KEY = `[0-9a-f]{${2 * KEY_ID_BYTES}}`;
const FIRST = new RegExp(`^magma/1/(?:(joiner)|(volcano|client)/(${NETWORK}))$`);
const JOINER = new RegExp(`^magma/2/joiner/(${KEY})$`);
const VOLCANO = new RegExp(`^magma/2/volcano/(${NETWORK})/(${KEY})$`);
const CLIENT = new RegExp(
  `^magma/2/client/(${NETWORK})/(${KEY})/([a-z0-9._-]{0,${CLIENT_NAME_MAX}})/(0|[1-9][0-9]{0,9})$`,
);

/** Whether that may be the name of a client, or is empty. */
export function isClientName(name: string): boolean {
  return name.length <= CLIENT_NAME_MAX && NAME.test(name);
}

/**
 * The PSK identity (RFC 8446 §4.2.11): `magma/2/joiner/KEY`, `magma/2/volcano/NETWORK/KEY`, `magma/2/client/NETWORK/KEY/NAME/NUMBER`; of version 1 `magma/1/joiner`,
 * `magma/1/volcano/NETWORK`, `magma/1/client/NETWORK`.
 */
export function identityText(identity: Identity): string {
  const { role, keyId } = identity;
  if (role === 'joiner') return keyId === null ? 'magma/1/joiner' : `magma/2/joiner/${keyId}`;
  if (keyId === null) return `magma/1/${role}/${identity.networkId}`;
  const head = `magma/2/${role}/${identity.networkId}/${keyId}`;
  return role === 'volcano' ? head : `${head}/${identity.client.name}/${identity.client.number}`;
}

/** What a PSK identity says; null when it is none. */
export function parseIdentity(text: string): Identity | null {
  const first = FIRST.exec(text);
  if (first !== null) {
    const [, joiner, role, networkId = ''] = first;
    if (joiner !== undefined) return { role: 'joiner', keyId: null };
    if (role === 'volcano') return { role, networkId, keyId: null };
    return { role: 'client', networkId, keyId: null, client: FIRST_SHARED };
  }
  const joiner = JOINER.exec(text);
  if (joiner !== null) return { role: 'joiner', keyId: joiner[1]! };
  const volcano = VOLCANO.exec(text);
  if (volcano !== null) return { role: 'volcano', networkId: volcano[1]!, keyId: volcano[2]! };
  const client = CLIENT.exec(text);
  if (client === null) return null;
  const [, networkId, keyId, name, digits] = client;
  const number = Number(digits);
  if (!isClientName(name!) || number > CLIENT_NUMBER_MAX || (number === 0 && name !== '')) return null;
  return { role: 'client', networkId: networkId!, keyId: keyId!, client: { name: name!, number } };
}

/** What a client's key is called, for people. */
export function clientText({ name, number }: ClientName): string {
  if (number === 0) return "the network's key, as a client";
  return name === '' ? `the key that clients share (number ${number})` : `${name} (number ${number})`;
}
