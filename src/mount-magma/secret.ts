import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { CLIENT_SECRET_CHARACTERS_MAX, ClientSecretError, parseClientSecret } from '../dht/client-secret.ts';
import type { ClientSecret } from '../dht/secrets.ts';
import { ExitError, ExitStatus } from './exit.ts';

/** The longest key file that is read, in bytes. */
export const KEY_FILE_MAX = 4096;
/** Permissions that no key file may have: others than its owner could use it. */
const TOO_WIDE = 0o077;

const CLIENT_PREFIX = /^\s*magma-client\//i;

function refused(message: string): ExitError {
  return new ExitError(ExitStatus.usage, message);
}

/**
 * The first line of a file that holds a secret, for the caller to wipe; `option` is what named the file. Throws `ExitError` when it cannot be read, when others could read it too,
 * or when it has more than `KEY_FILE_MAX` bytes.
 */
export function readSecretFile(option: string, path: string): Buffer {
  const where = `${option} ${path}`;
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw refused(`${where}: ${(error as Error).message}`);
  }
  const bytes = Buffer.alloc(KEY_FILE_MAX + 1);
  try {
    const { mode } = fstatSync(fd);
    if ((mode & TOO_WIDE) !== 0) {
      throw refused(
        `${where}: its mode is 0${(mode & 0o777).toString(8)}, so others can use it. Cure: chmod 600 ${path}`,
      );
    }
    const length = readAll(fd, bytes);
    if (length > KEY_FILE_MAX) throw refused(`${where}: it has more than ${KEY_FILE_MAX} bytes`);
    const end = bytes.indexOf('\n');
    return Buffer.from(bytes.subarray(0, end >= 0 && end < length ? end : length));
  } catch (error) {
    if (error instanceof ExitError) throw error;
    throw refused(`${where}: ${(error as Error).message}`);
  } finally {
    bytes.fill(0);
    closeSync(fd);
  }
}

/** A pipe gives what it has by and by. */
function readAll(fd: number, into: Buffer): number {
  let length = 0;
  for (let got = -1; got !== 0 && length < into.length; length += got) {
    got = readSync(fd, into, length, into.length - length, null);
  }
  return length;
}

/** The key in the first line of a key file. Throws `ExitError` as `readSecretFile`, and when there is none. */
export function readKeyFile(path: string): string {
  const bytes = readSecretFile('keyfile', path);
  const line = bytes.toString('utf8').replace(/\r$/, '');
  bytes.fill(0);
  if (line.trim() === '') throw refused(`keyfile ${path}: there is no key in its first line`);
  return line;
}

/** What a key says: what `magma key client` prints, or else a network's key. Throws `ExitError` for a client's that is damaged. */
export function secretOf(key: string): { readonly client: ClientSecret } | { readonly network: string } {
  if (!CLIENT_PREFIX.test(key)) return { network: key };
  if (key.length > CLIENT_SECRET_CHARACTERS_MAX) throw refused('the key is too long');
  try {
    return { client: parseClientSecret(key) };
  } catch (error) {
    if (error instanceof ClientSecretError) throw refused(`the key: ${error.message}`);
    throw error;
  }
}
