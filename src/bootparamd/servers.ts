import type { Resolver } from '../base/resolver.ts';
import { type BootClient, ipv4Of } from './clients.ts';

/** The IPv4 addresses of the servers that clients are told of, by name. Rejects with an error that begins with `where` and names the one that has none. */
export async function resolveServers(
  clients: readonly BootClient[],
  resolver: Resolver,
  where: string,
): Promise<ReadonlyMap<string, string>> {
  const names = new Set(clients.flatMap(({ files }) => [...files.values()].flatMap(({ server }) => server ?? [])));
  const found = new Map<string, string>();
  for (const name of names) {
    const addresses = ipv4Of(name) === null ? await resolver.resolve(name).catch(() => []) : [name];
    const address = addresses.map(ipv4Of).find((one) => one !== null);
    if (address === undefined || address === null)
      throw new Error(`${where}: ${name} has no IPv4 address. Cure: write the address, or put it into /etc/hosts`);
    found.set(name, address);
  }
  return found;
}
