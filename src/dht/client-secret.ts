import { createHash } from 'node:crypto';
import { type ClientSecret, KEY_BYTES, NETWORK_ID_BYTES, type NetworkSecrets } from './secrets.ts';

const PREFIX = 'magma-client';
const VERSION = '1';
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

/**
 * What `magma key client` prints: `magma-client/1/<network id>/<key of the role client>/<checksum>`, the last three in hexadecimal. The checksum
 * is the beginning of the SHA-256 of all before it; it finds slips of the pen, it proves nothing.
 */
export function clientSecret(secrets: NetworkSecrets): string {
  const { networkId, roles } = secrets;
  const body = `${PREFIX}/${VERSION}/${networkId.toString('hex')}/${roles.client.toString('hex')}`;
  return `${body}/${checksum(body)}`;
}

/** Reads what `clientSecret` made, with white space around it. Throws `ClientSecretError`. */
export function parseClientSecret(text: string): ClientSecret {
  if (text.length > CLIENT_SECRET_CHARACTERS_MAX) {
    throw new ClientSecretError(`a client secret has at most ${CLIENT_SECRET_CHARACTERS_MAX} characters`);
  }
  const parts = text.trim().toLowerCase().split('/');
  if (parts[0] !== PREFIX) {
    throw new ClientSecretError(`a client secret begins with ${PREFIX}/: \`magma key client\` on a volcano prints it`);
  }
  if (parts[1] !== VERSION) {
    throw new ClientSecretError(
      `a client secret of another version than ${VERSION}: this program and the volcano that printed it do not fit together`,
    );
  }
  const [networkId = '', key = '', sum = ''] = parts.slice(2);
  const shaped = [networkId, key, sum].every((part) => /^[0-9a-f]*$/.test(part)) && parts.length === 5;
  const lengths = networkId.length === 2 * NETWORK_ID_BYTES && key.length === 2 * KEY_BYTES;
  if (!shaped || !lengths || sum !== checksum(parts.slice(0, 4).join('/'))) {
    throw new ClientSecretError('the client secret is damaged: a character is missing, too many or another one');
  }
  return { networkId: Buffer.from(networkId, 'hex'), key: Buffer.from(key, 'hex') };
}
