import { createHash } from 'node:crypto';
import { type ClientName, FIRST_SHARED, identityText, parseIdentity } from './keys/identity.ts';
import { type ClientSecret, KEY_BYTES, keyOfIdentity, NETWORK_ID_BYTES, type NetworkSecrets } from './secrets.ts';

const PREFIX = 'magma-client';
const VERSION = '2';
/** How many parts a text of each version has. */
const PARTS: Readonly<Record<string, number>> = { 1: 5, 2: 8 };
const CHECKSUM_BYTES = 4;
/** The longest text that is looked at, in characters. */
export const CLIENT_SECRET_CHARACTERS_MAX = 1024;

/** Says why a text is no client secret, and what to do. The text itself is never in the message. */
export class ClientSecretError extends Error {
  override readonly name = 'ClientSecretError';
}

function checksum(text: string): string {
  return createHash('sha256')
    .update(text, 'latin1')
    .digest('hex')
    .slice(0, 2 * CHECKSUM_BYTES);
}

/** What a client of that name knows, by the network's key. */
export function secretOfClient(secrets: NetworkSecrets, client: ClientName): ClientSecret {
  const { networkId, keyId } = secrets;
  const identity = identityText({ role: 'client', networkId: networkId.toString('hex'), keyId, client });
  return { networkId, identity, key: keyOfIdentity(secrets, identity)! };
}

/**
 * What `magma key client` prints: `magma-client/2/NETWORK/KEY-ID/NAME/NUMBER/KEY/CHECKSUM`, in hexadecimal but for name and number, which are those of the client. The checksum is the beginning
 * of the SHA-256 of all before it; it finds slips of the pen, it proves nothing.
 */
export function clientSecret(secrets: NetworkSecrets, client: ClientName = FIRST_SHARED): string {
  const { identity, key } = secretOfClient(secrets, client);
  const [, , , ...named] = identity.split('/');
  const body = `${PREFIX}/${VERSION}/${named.join('/')}/${key.toString('hex')}`;
  return `${body}/${checksum(body)}`;
}

/**
 * Reads what `clientSecret` made, with white space around it, and texts of version 1, `magma-client/1/NETWORK/KEY/CHECKSUM`, which are of the key that clients share. Throws `ClientSecretError`.
 */
export function parseClientSecret(text: string): ClientSecret {
  if (text.length > CLIENT_SECRET_CHARACTERS_MAX) {
    throw new ClientSecretError(`a client secret has at most ${CLIENT_SECRET_CHARACTERS_MAX} characters`);
  }
  const parts = text.trim().toLowerCase().split('/');
  const [prefix, version = '', networkId = ''] = parts;
  if (prefix !== PREFIX) {
    throw new ClientSecretError(`a client secret begins with ${PREFIX}/: \`magma key client\` on a volcano prints it`);
  }
  if (!Object.hasOwn(PARTS, version)) {
    throw new ClientSecretError(
      `a client secret of another version than ${Object.keys(PARTS).join(' and ')}: this program and the volcano that printed it do not fit together`,
    );
  }
  const [key = '', sum = ''] = parts.slice(-2);
  const identity = `magma/${version}/client/${parts.slice(2, -2).join('/')}`;
  const shaped = [networkId, key].every((part) => /^[0-9a-f]*$/.test(part)) && parts.length === PARTS[version];
  const lengths = networkId.length === 2 * NETWORK_ID_BYTES && key.length === 2 * KEY_BYTES;
  const whole = sum === checksum(parts.slice(0, -1).join('/'));
  if (!shaped || !lengths || !whole || parseIdentity(identity) === null) {
    throw new ClientSecretError('the client secret is damaged: a character is missing, too many or another one');
  }
  return { networkId: Buffer.from(networkId, 'hex'), identity, key: Buffer.from(key, 'hex') };
}
