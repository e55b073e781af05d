import { formatAddress, parseAddress } from '../base/address.ts';
import { FILE_ID_MAX, NAME_MAX, PATH_MAX } from './schema.ts';

/** Where a file of a client lies. */
export interface BootFile {
  /** Null: here, at the address that was asked. Else a name or an address. */
  readonly server: string | null;
  readonly path: string;
}

/** A machine that boots. */
export interface BootClient {
  readonly name: string;
  /** An IPv4 address. */
  readonly address: string;
  readonly files: ReadonlyMap<string, BootFile>;
}

const HOST = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** The IPv4 address that a text is; null when it is none. */
export function ipv4Of(text: string): string | null {
  const bytes = parseAddress(text);
  return bytes === null || bytes.length !== 4 ? null : formatAddress(bytes);
}

function fileOf(text: string): readonly [string, BootFile] | string {
  const equals = text.indexOf('=');
  const [id, value] = [text.slice(0, equals), text.slice(equals + 1)];
  if (equals < 1 || id.length > FILE_ID_MAX) return `"${text}" is no FILE=[HOST:]PATH`;
  const colon = value.startsWith('/') ? -1 : value.indexOf(':');
  const [server, path] = colon < 0 ? [null, value] : [value.slice(0, colon), value.slice(colon + 1)];
  if (server !== null && (!HOST.test(server) || server.length > NAME_MAX)) return `"${server}" is no host`;
  if (path !== '' && !path.startsWith('/')) return `the path of ${id} must begin with a /`;
  return path.length > PATH_MAX ? `the path of ${id} is too long` : [id, { server, path }];
}

/** Reads `NAME ADDRESS FILE=[HOST:]PATH ...`; or says what is wrong with it. */
export function parseBootClient(text: string): BootClient | string {
  const [name = '', address = '', ...rest] = text.trim().split(/\s+/);
  if (!HOST.test(name) || name.length > NAME_MAX) return `"${name}" is no name of a machine`;
  const ip = ipv4Of(address);
  if (ip === null) return `"${address}" is no IPv4 address`;
  const files = new Map<string, BootFile>();
  for (const word of rest) {
    const file = fileOf(word);
    if (typeof file === 'string') return file;
    if (files.has(file[0])) return `${file[0]} is there twice`;
    files.set(...file);
  }
  return files.size === 0 ? 'it has no files, such as root=/export/root/sun1' : { name, address: ip, files };
}

/** What two machines have in common that they must not; null when all is well. */
export function clashOf(clients: readonly BootClient[]): string | null {
  const seen = new Set<string>();
  for (const { name, address } of clients)
    for (const each of [name, address]) {
      if (seen.has(each)) return `${each} is there twice`;
      seen.add(each);
    }
  return null;
}
