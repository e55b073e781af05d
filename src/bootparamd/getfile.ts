import type { BootClient } from './clients.ts';
import { toBootAddress } from './whoami.ts';

/** Asked for by SunOS though few have one: it is told that it has none, and goes on. */
const DUMP = 'dump';

/** This server, as clients are told of it. */
export interface Here {
  readonly name: string;
  /** The IPv4 address that was asked; null: it was asked otherwise. */
  readonly address: string | null;
  /** The address of another server. */
  readonly addressOf: (server: string) => string | undefined;
}

/** GETFILE: where a file of a client lies; null: nothing is known of it, and another server may know more. */
export function getfile(clients: readonly BootClient[], name: string, file: string, here: Here) {
  const client = clients.find((one) => one.name === name);
  if (client === undefined) return null;
  const found = client.files.get(file);
  if (found === undefined && file !== DUMP) return null;
  if (found === undefined || found.path === '')
    return { server: Buffer.alloc(0), address: toBootAddress('0.0.0.0'), path: Buffer.alloc(0) };
  const address = found.server === null ? here.address : here.addressOf(found.server);
  if (address === null || address === undefined) return null;
  const server = Buffer.from(found.server ?? here.name, 'latin1');
  return { server, address: toBootAddress(address), path: Buffer.from(found.path, 'latin1') };
}
