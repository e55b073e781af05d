import { formatAddress, parseAddress } from '../../base/address.ts';
import type { Endpoint } from '../../base/net.ts';

/** The transports that can be registered, by the names of RFC 5665 §5.2.3.2. */
export const NETIDS = ['udp', 'tcp', 'udp6', 'tcp6'] as const;
export type NetId = (typeof NETIDS)[number];

/** What is known of each: its IP protocol number (RFC 1833 §3.1), and how v4's GETADDRLIST describes it (RFC 1833 §2.1). */
export const NETID_FACTS: Record<NetId, { protocol: number; semantics: number; family: string; proto: string }> = {
  udp: { protocol: 17, semantics: 1, family: 'inet', proto: 'udp' },
  tcp: { protocol: 6, semantics: 3, family: 'inet', proto: 'tcp' },
  udp6: { protocol: 17, semantics: 1, family: 'inet6', proto: 'udp' },
  tcp6: { protocol: 6, semantics: 3, family: 'inet6', proto: 'tcp' },
};

/** The netid of that name; undefined when it is none that can be registered. */
export function netidOf(name: string): NetId | undefined {
  return NETIDS.find((netid) => netid === name);
}

/** The netid by which a call came. */
export function netidOfCall(call: { readonly transport: 'udp' | 'tcp'; readonly server: Endpoint }): NetId {
  return call.server.address.includes(':') ? `${call.transport}6` : call.transport;
}

/** An endpoint as a universal address, `192.0.2.1.8.1` (RFC 5665 §5.2.3.3): the port's two bytes come last, in decimal. */
export function toUniversal(endpoint: Endpoint): string {
  const address = parseAddress(endpoint.address);
  const text = address === null ? endpoint.address : formatAddress(address);
  return `${text}.${endpoint.port >> 8}.${endpoint.port & 0xff}`;
}

/** What a universal address means; null when it is none. */
export function fromUniversal(text: string): Endpoint | null {
  const [, host, high, low] = /^(.+)\.([0-9]{1,3})\.([0-9]{1,3})$/.exec(text) ?? [];
  const address = host === undefined ? null : parseAddress(host);
  if (address === null || Number(high) > 255 || Number(low) > 255) return null;
  return { address: formatAddress(address), port: Number(high) * 256 + Number(low) };
}

const AF_INET = 2;
const AF_INET6 = 10;
const SOCKADDR_IN_BYTES = 16;
const SOCKADDR_IN6_BYTES = 28;

/**
 * A universal address as the transport address that UADDR2TADDR answers with: Linux's `sockaddr_in` or `sockaddr_in6`, the family little endian (as on
 * the machines that run magma), the rest big endian. Empty when the universal address is none.
 */
export function toTransportAddress(universal: string): Buffer {
  const endpoint = fromUniversal(universal);
  if (endpoint === null) return Buffer.alloc(0);
  const address = parseAddress(endpoint.address)!;
  const isV4 = address.length === 4;
  const bytes = Buffer.alloc(isV4 ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES);
  bytes.writeUInt16LE(isV4 ? AF_INET : AF_INET6, 0);
  bytes.writeUInt16BE(endpoint.port, 2);
  bytes.set(address, isV4 ? 4 : 8);
  return bytes;
}

/** The other way round, for TADDR2UADDR; empty when the bytes are no such address. */
export function fromTransportAddress(bytes: Buffer): string {
  if (bytes.length < SOCKADDR_IN_BYTES) return '';
  const family = bytes.readUInt16LE(0);
  const port = bytes.readUInt16BE(2);
  if (family === AF_INET) return toUniversal({ address: formatAddress(bytes.subarray(4, 8)), port });
  if (family !== AF_INET6 || bytes.length < SOCKADDR_IN6_BYTES) return '';
  return toUniversal({ address: formatAddress(bytes.subarray(8, 24)), port });
}
