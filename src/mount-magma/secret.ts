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

/** The first line of a key file. Throws `ExitError` when it cannot be read, when others could read it too, or when there is nothing in it. */
export function readKeyFile(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw refused(`keyfile ${path}: ${(error as Error).message}`);
  }
  try {
    const { mode } = fstatSync(fd);
    if ((mode & TOO_WIDE) !== 0) {
      throw refused(
        `keyfile ${path}: its mode is 0${(mode & 0o777).toString(8)}, so others can use it. Cure: chmod 600 ${path}`,
      );
    }
    const bytes = Buffer.alloc(KEY_FILE_MAX + 1);
    const length = readSync(fd, bytes, 0, bytes.length, 0);
    if (length > KEY_FILE_MAX) throw refused(`keyfile ${path}: it has more than ${KEY_FILE_MAX} bytes`);
    const [line = ''] = bytes.toString('utf8', 0, length).split('\n');
    bytes.fill(0);
    if (line.trim() === '') throw refused(`keyfile ${path}: there is no key in its first line`);
    return line.replace(/\r$/, '');
  } catch (error) {
    if (error instanceof ExitError) throw error;
    throw refused(`keyfile ${path}: ${(error as Error).message}`);
  } finally {
    closeSync(fd);
  }
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
