import { scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Random } from '../base/random.ts';

/** log2 of the cost of new hashes: 16 MiB and some 40 ms a guess. */
export const LOG_N = 14;
/** The dearest hash that is taken from a file: 128 MiB a guess, so that a login cannot take all memory. */
export const LOG_N_MAX = 17;
const LOG_N_MIN = 10;
const BLOCK = 8;
const SALT_BYTES = 16;
const SALT_MIN = 8;
const SALT_MAX = 64;
const HASH_BYTES = 32;
const MEMORY_MAX = 2 ** (LOG_N_MAX + 8) * BLOCK;

/** A password's hash, taken apart. */
export interface PasswordHash {
  readonly logN: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const stretch = promisify<Uint8Array, Uint8Array, number, object, Buffer>(scrypt);

function stretched(password: Uint8Array, logN: number, salt: Buffer): Promise<Buffer> {
  return stretch(password, salt, HASH_BYTES, { N: 2 ** logN, r: BLOCK, p: 1, maxmem: MEMORY_MAX });
}

const base64 = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');

/** A new hash of a password, as it stands in a file: `$scrypt$ln=14,r=8,p=1$SALT$HASH`, base64 without padding (the PHC string format; RFC 7914). */
export async function hashPassword(password: Uint8Array, random: Random, logN: number = LOG_N): Promise<string> {
  const salt = random.bytes(SALT_BYTES);
  const hash = await stretched(password, logN, salt);
  return `$scrypt$ln=${logN},r=${BLOCK},p=1$${base64(salt)}$${base64(hash)}`;
}

/** Reads a hash; or says why it is none. */
export function parseHash(text: string): PasswordHash | string {
  const [, cost, salt, hash] =
    /^\$scrypt\$ln=([0-9]{1,2}),r=8,p=1\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(text) ?? [];
  if (cost === undefined) return 'is no scrypt hash, as "magma pc-user" makes them ($scrypt$ln=14,r=8,p=1$...)';
  const parsed = { logN: Number(cost), salt: Buffer.from(salt!, 'base64'), hash: Buffer.from(hash!, 'base64') };
  if (parsed.logN < LOG_N_MIN || parsed.logN > LOG_N_MAX)
    return `has ln=${parsed.logN}; it must be ${LOG_N_MIN} to ${LOG_N_MAX}`;
  if (parsed.salt.length < SALT_MIN || parsed.salt.length > SALT_MAX)
    return `has a salt of ${parsed.salt.length} bytes; it must have ${SALT_MIN} to ${SALT_MAX}`;
  return parsed.hash.length === HASH_BYTES ? parsed : `has a hash of ${parsed.hash.length} bytes, not ${HASH_BYTES}`;
}

/** Whether that password has that hash. Takes as long when it has not. */
export async function isPassword(password: Uint8Array, { logN, salt, hash }: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await stretched(password, logN, salt), hash);
}

/** A hash that no password has, for names that nobody has: a guess at those takes as long as at others. */
export function noPassword(random: Random): PasswordHash {
  return { logN: LOG_N, salt: random.bytes(SALT_BYTES), hash: random.bytes(HASH_BYTES) };
}
