import { isIPv4, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Endpoint } from '../net.ts';

/** An IPv4-mapped IPv6 address becomes the IPv4 address that it stands for; others stay, with their scope if they have one. */
export function normalAddress(address: string): string {
  if (!address.startsWith('::') || address.length < 9) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const hex = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(address);
  if (hex === null) return address;
  const [high, low] = [Number.parseInt(hex[1]!, 16), Number.parseInt(hex[2]!, 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** An endpoint with its address normalised. */
export function normalEndpoint(address: string, port: number): Endpoint {
  return { address: normalAddress(address), port };
}

/** 4 or 6. Throws `TypeError` when the address is neither. */
export function familyOf(address: string): 4 | 6 {
  if (isIPv4(address)) return 4;
  if (isIPv6(address.replace(/%.*$/, ''))) return 6;
  throw new TypeError(`${JSON.stringify(address)} is no numeric IPv4 or IPv6 address`);
}

/** The host's addresses at this moment; link-local ones with their scope (`fe80::1%eth0`). */
export function hostAddresses(): string[] {
  const found = new Set<string>();
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    for (const one of addresses ?? []) {
      const scoped = one.family === 'IPv6' && one.scopeid !== 0 && !one.address.includes('%');
      found.add(scoped ? `${one.address}%${name}` : one.address);
    }
  }
  return [...found];
}
