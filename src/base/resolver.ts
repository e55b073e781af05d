import { lookup } from 'node:dns/promises';

/** The only way from host names to addresses. */
export interface Resolver {
  /** The numeric addresses of a host, IPv4 and IPv6, in no order. Rejects with the host's error (`code` ENOTFOUND, ...). */
  resolve(name: string): Promise<readonly string[]>;
}

/** The host's resolver: its hosts file, then DNS, as it is set up. */
export const systemResolver: Resolver = {
  resolve: async (name) => (await lookup(name, { all: true })).map((found) => found.address),
};
