import { inNetwork, type Network, parseNetwork } from '../../acl/network.ts';
import { parseAddress } from '../../base/address.ts';

type Net = Extract<Network, { kind: 'net' }>;

/** The IPv4 network that a text is; null when it is none. */
export function bootNetworkOf(text: string): Net | null {
  const read = parseNetwork(text);
  if ('fault' in read || read.network.kind !== 'net' || read.network.address.length !== 4) return null;
  return read.network;
}

/** Whether an address is in one of these networks. */
export function allowing(networks: readonly string[]): (address: string) => boolean {
  const nets = networks.map((text) => bootNetworkOf(text)!);
  return (address) => {
    const bytes = parseAddress(address);
    return bytes !== null && nets.some((net) => inNetwork(bytes, net));
  };
}
