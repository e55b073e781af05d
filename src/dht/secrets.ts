import { hkdfSync, scrypt } from 'node:crypto';

/** Bytes of a network's id. */
export const NETWORK_ID_BYTES = 16;
/** Bytes of a stretched network key and of all keys that come from it. */
export const KEY_BYTES = 32;
/** The longest network key that is taken, in bytes of UTF-8. */
export const NETWORK_KEY_BYTES_MAX = 1024;
/** scrypt's cost (RFC 7914): 32 MiB and about 80 ms of a core a guess. Never changed without a new version in the identities: other keys would come out. */
export const STRETCH_COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 } as const;

/** Who may be on the other side: a volcano of the network, or a client that asks volcanos for files. */
export type Role = 'volcano' | 'client';

const ROLES: readonly Role[] = ['volcano', 'client'];

/** What a volcano knows: all keys of its network. */
export interface NetworkSecrets {
  readonly networkId: Buffer;
  readonly roles: Readonly<Record<Role, Buffer>>;
  /** The key under which heartbeats are authenticated. */
  readonly heartbeat: Buffer;
}

/** What a client knows: the key of its role, which opens no node program. */
export interface ClientSecret {
  readonly networkId: Buffer;
  readonly key: Buffer;
}

/** The PSK identity (RFC 8446 §4.2.11) of a role in a network: `magma/1/volcano/<network id in hexadecimal>`. */
export function pskIdentity(role: Role, networkId: Uint8Array): string {
  return `magma/1/${role}/${Buffer.from(networkId).toString('hex')}`;
}

/**
 * The PSK identity of a volcano that wants to join and does not know the network's id yet. It opens nothing but the first words of the node program.
 */
export const JOINER_IDENTITY = 'magma/1/joiner';
/** What the network key is stretched with when there is no id to do it with. */
const JOINER_SALT = Buffer.from('magma/1/joiner/\0', 'latin1');

/** All keys that an operator's network key yields. Stretching it takes a while. */
export interface Keyring {
  /** The key of `JOINER_IDENTITY`: the same for all networks with that network key. */
  joiner(): Promise<Buffer>;
  network(networkId: Uint8Array): Promise<NetworkSecrets>;
}

function derive(stretched: Uint8Array, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', stretched, Buffer.alloc(0), info, KEY_BYTES));
}

/**
 * Stretches the operator's network key by scrypt, with the network id as salt, and derives the keys of the roles and of heartbeats from that by
 * HKDF-SHA-256 (RFC 5869), the identity as info. The key is taken as its UTF-8 bytes. Rejects with RangeError when it is empty or too long.
 */
export async function stretchNetworkKey(key: string, networkId: Uint8Array): Promise<NetworkSecrets> {
  if (networkId.length !== NETWORK_ID_BYTES) throw new RangeError(`a network id has ${NETWORK_ID_BYTES} bytes`);
  return secretsFrom(await stretch(key, networkId), networkId);
}

/** The keys of an operator's network key, stretched when they are asked for. RangeError as for `stretchNetworkKey`. */
export function keyringOf(key: string): Keyring {
  return {
    joiner: async () => joinerKeyFrom(await stretch(key, JOINER_SALT)),
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

/** The key of `JOINER_IDENTITY` that comes from a network key stretched for it. */
export function joinerKeyFrom(stretched: Uint8Array): Buffer {
  return derive(stretched, JOINER_IDENTITY);
}

/** The keys that come from a stretched network key. Simulated networks begin here. */
export function secretsFrom(stretched: Uint8Array, networkId: Uint8Array): NetworkSecrets {
  return {
    networkId: Buffer.from(networkId),
    roles: {
      volcano: derive(stretched, pskIdentity('volcano', networkId)),
      client: derive(stretched, pskIdentity('client', networkId)),
    },
    heartbeat: derive(stretched, `magma/1/heartbeat/${Buffer.from(networkId).toString('hex')}`),
  };
}

/** The keys that a listener lets in, by PSK identity: of those roles, in this network, and no other. */
export function keysOfRoles(
  secrets: NetworkSecrets,
  roles: readonly Role[] = ROLES,
): (identity: string) => Buffer | null {
  const keys = new Map(roles.map((role) => [pskIdentity(role, secrets.networkId), secrets.roles[role]]));
  return (identity) => keys.get(identity) ?? null;
}
