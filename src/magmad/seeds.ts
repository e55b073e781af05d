import { parseAddress } from '../base/address.ts';
import type { Endpoint } from '../base/net.ts';
import type { Resolver } from '../base/resolver.ts';
import { messageOf } from './lifecycle.ts';

/** The node program's port when nobody says another one. */
export const NODE_PORT = 12_001;

/** A volcano to join through, as it was named. */
export interface Seed {
  /** An address, or a host name. */
  readonly host: string;
  readonly port: number;
}

const HOST = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/;

/** What `ADDR[:PORT]` means; null when it means nothing. An IPv6 address with a port stands in brackets, without one it may. */
export function parseSeed(text: string): Seed | null {
  if (text.startsWith('[')) {
    const [, host, port] = /^\[([^\]]+)\](?::([0-9]{1,5}))?$/.exec(text) ?? [];
    return host === undefined || !host.includes(':') || parseAddress(host) === null ? null : seedOf(host, port);
  }
  if (text.split(':').length > 2) return parseAddress(text) === null ? null : seedOf(text, undefined);
  const [, host, port] = /^([^:]+)(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  return host === undefined || !HOST.test(host) ? null : seedOf(host, port);
}

function seedOf(host: string, port: string | undefined): Seed | null {
  const number = port === undefined ? NODE_PORT : Number(port);
  return number >= 1 && number <= 65_535 ? { host, port: number } : null;
}

/** The endpoints of seeds, in their order. Rejects when a name is of no host, and no other seed has an address. */
export async function resolveSeeds(seeds: readonly Seed[], resolver: Resolver): Promise<Endpoint[]> {
  const found: Endpoint[] = [];
  const reasons: string[] = [];
  for (const { host, port } of seeds) {
    if (parseAddress(host) !== null) found.push({ address: host, port });
    else {
      try {
        for (const address of await resolver.resolve(host)) found.push({ address, port });
      } catch (error) {
        reasons.push(`${host}: ${messageOf(error)}`);
      }
    }
  }
  if (found.length === 0 && reasons.length > 0)
    throw new Error(`cannot find whom to join: ${reasons.join('; ')}. Cure: give --join an address`);
  return found;
}
