import type { NetworkInterfaceInfo } from 'node:os';
import { parseAddress } from '../base/address.ts';
import { ADDRESSES_MAX } from '../dht/projection/types.ts';

/** The host's addresses by interface, as `networkInterfaces` of node:os gives them. */
export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

const LOOPBACK = ['127.0.0.1', '::1'];
/** Addresses that mean something on one link only (RFC 3927, RFC 4291 §2.5.6). */
const LINK_LOCAL = /^(169\.254\.|fe[89ab])/i;
const ANY = new Map([
  ['0.0.0.0', 'IPv4'],
  ['::', ''],
]);

function ofHost(interfaces: Interfaces, family: string): string[] {
  const all = Object.values(interfaces).flatMap((one) => one ?? []);
  const fit = (one: NetworkInterfaceInfo): boolean => family === '' || one.family === family;
  const there = all.filter((one) => fit(one) && !one.internal && !LINK_LOCAL.test(one.address));
  if (there.length > 0) return there.map(({ address }) => address);
  const loopback = all.filter((one) => fit(one) && one.internal).map(({ address }) => address);
  return LOOPBACK.filter((address) => loopback.includes(address));
}

/**
 * The numeric addresses under which others reach a volcano that listens on `listen`: those, or, where it listens on all, the host's own; loopback only when there is nothing
 * else. As many as a volcano may have.
 */
export function reachableAddresses(listen: readonly string[], interfaces: Interfaces): string[] {
  const found =
    listen.length === 0
      ? ofHost(interfaces, '')
      : listen.flatMap((address) => {
          const family = ANY.get(address);
          return family === undefined ? [address] : ofHost(interfaces, family);
        });
  return [...new Set(found)].filter((address) => parseAddress(address) !== null).slice(0, ADDRESSES_MAX);
}
