import { hkdfSync, scrypt } from 'node:crypto';
import { identityText, KEY_ID_BYTES, parseIdentity } from './keys/identity.ts';

/** Bytes of a network's id. */
export const NETWORK_ID_BYTES = 16;
/** Bytes of a stretched network key and of all keys that come from it. */
export const KEY_BYTES = 32;
/** The longest network key that is taken, in bytes of UTF-8. */
export const NETWORK_KEY_BYTES_MAX = 1024;
/** scrypt's cost (RFC 7914): 32 MiB and about 80 ms of a core a guess. Never changed without a new version in the identities: other keys would come out. */
export const STRETCH_COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 } as const;

/** What who knows a network's key knows: it yields all keys of the network. */
export interface NetworkSecrets {
  readonly networkId: Buffer;
  /** Names the network's key, and tells nothing of it: in hexadecimal. */
  readonly keyId: string;
  /** The network's key, stretched for this network. */
  readonly stretched: Buffer;
  /** The key under which heartbeats are authenticated. */
  readonly heartbeat: Buffer;
}

/** What a client knows: a key of its own, or one that clients share. It opens no node program. */
export interface ClientSecret {
  readonly networkId: Buffer;
  /** The PSK identity of the key. */
  readonly identity: string;
  readonly key: Buffer;
}

/** What who knows a network's key, but not which network it is of, begins with. It opens nothing but the first words of the node program. */
export interface JoinerSecret {
  readonly keyId: string;
  readonly stretched: Buffer;
}

/** As whom somebody connects, and what he proves that with. */
export interface Self {
  readonly identity: string;
  readonly key: Buffer;
}

/** What the network key is stretched with when there is no id to do it with. */
const JOINER_SALT = Buffer.from('magma/1/joiner/\0', 'latin1');
const NAMED = 'magma/2/key-id';

/** All keys that an operator's network key yields. Stretching it takes a while. */
export interface Keyring {
  /** The same for all networks with that network key. */
  joiner(): Promise<JoinerSecret>;
  network(networkId: Uint8Array): Promise<NetworkSecrets>;
}

function derive(stretched: Uint8Array, info: string, bytes = KEY_BYTES): Buffer {
  return Buffer.from(hkdfSync('sha256', stretched, Buffer.alloc(0), info, bytes));
}

/**
 * Stretches the operator's network key by scrypt, with the network id as salt, for all keys to be derived from that. The key is taken as its UTF-8 bytes. Rejects with RangeError when it is
 * empty or too long.
 */
export async function stretchNetworkKey(key: string, networkId: Uint8Array): Promise<NetworkSecrets> {
  if (networkId.length !== NETWORK_ID_BYTES) throw new RangeError(`a network id has ${NETWORK_ID_BYTES} bytes`);
  return secretsFrom(await stretch(key, networkId), networkId);
}

/** The keys of an operator's network key, stretched when they are asked for. RangeError as for `stretchNetworkKey`. */
export function keyringOf(key: string): Keyring {
  return {
    joiner: async () => joinerSecretFrom(await stretch(key, JOINER_SALT)),
    network: (networkId) => stretchNetworkKey(key, networkId),
  };
}

async function stretch(key: string, salt: Uint8Array): Promise<Buffer> {
  const bytes = Buffer.from(key, 'utf8');
  if (bytes.length === 0 || bytes.length > NETWORK_KEY_BYTES_MAX) {
    throw new RangeError(`a network key has 1 to ${NETWORK_KEY_BYTES_MAX} bytes, not ${bytes.length}`);
  }
  return new Promise<Buffer>((resolve, reject) => {
    scrypt(bytes, salt, KEY_BYTES, STRETCH_COST, (error, derived) => {
      if (error === null) resolve(derived);
      else reject(error);
    });
  });
}

function keyIdOf(stretched: Uint8Array): string {
  return derive(stretched, NAMED, KEY_ID_BYTES).toString('hex');
}

/** What comes from a network key that was stretched for no network. */
export function joinerSecretFrom(stretched: Uint8Array): JoinerSecret {
  return { keyId: keyIdOf(stretched), stretched: Buffer.from(stretched) };
}

/** What comes from a stretched network key. Simulated networks begin here. */
export function secretsFrom(stretched: Uint8Array, networkId: Uint8Array): NetworkSecrets {
  return {
    networkId: Buffer.from(networkId),
    keyId: keyIdOf(stretched),
    stretched: Buffer.from(stretched),
    heartbeat: derive(stretched, `magma/1/heartbeat/${Buffer.from(networkId).toString('hex')}`),
  };
}

/**
 * The key of a PSK identity of that network key: by HKDF-SHA-256 (RFC 5869), the identity as info. Null when the identity is none, of another network or of another key. Identities of version 1
 * name no key, and are of any.
 */
export function keyOfIdentity(secrets: NetworkSecrets, text: string): Buffer | null {
  const identity = parseIdentity(text);
  if (identity === null || identity.role === 'joiner') return null;
  if (identity.networkId !== secrets.networkId.toString('hex')) return null;
  if (identity.keyId !== null && identity.keyId !== secrets.keyId) return null;
  return derive(secrets.stretched, text);
}

/** The same of who does not know the network. */
export function keyOfJoiner({ keyId, stretched }: JoinerSecret, text: string): Buffer | null {
  const identity = parseIdentity(text);
  if (identity?.role !== 'joiner' || (identity.keyId !== null && identity.keyId !== keyId)) return null;
  return derive(stretched, text);
}

/** As whom a volcano of the network, or the operator's tool, calls volcanos. */
export function volcanoSelf(secrets: NetworkSecrets): Self {
  const { keyId } = secrets;
  const identity = identityText({ role: 'volcano', networkId: secrets.networkId.toString('hex'), keyId });
  return { identity, key: keyOfIdentity(secrets, identity)! };
}

/** As whom somebody calls a volcano who does not know its network yet. */
export function joinerSelf(secret: JoinerSecret): Self {
  const identity = identityText({ role: 'joiner', keyId: secret.keyId });
  return { identity, key: keyOfJoiner(secret, identity)! };
}
