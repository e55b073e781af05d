import { formatAddress, parseAddress } from '../base/address.ts';

/** The longest host name (RFC 1035 §2.3.4). */
export const HOST_MAX = 253;

/** A set of client addresses, as a rule names it. */
export type Network =
  | { readonly kind: 'any' }
  | { readonly kind: 'net'; readonly address: Uint8Array; readonly bits: number }
  | { readonly kind: 'host'; readonly name: string };

/** A network that was read, or what is wrong with it and the cure. */
export type NetworkOrFault = { readonly network: Network } | { readonly fault: string };

const CURE = 'write an address, address/bits, address/netmask, a host name, or * for everyone';

function maskedTo(address: Uint8Array, bits: number): Uint8Array {
  return address.map((byte, at) => byte & (0xff << (8 - Math.min(8, Math.max(0, bits - at * 8)))));
}

/** The number of leading ones; null when there are ones after a zero. */
function maskBits(mask: Uint8Array): number | null {
  const digits = Array.from(mask, (byte) => byte.toString(2).padStart(8, '0')).join('');
  const bits = digits.indexOf('0') < 0 ? digits.length : digits.indexOf('0');
  return digits.slice(bits).includes('1') ? null : bits;
}

function parseHost(text: string): NetworkOrFault {
  const name = text.toLowerCase().replace(/\.$/, '');
  const fits = name.length <= HOST_MAX && /^[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*$/.test(name);
  // The last part of a host name is never a number: `10.0.0` or `10.0.0.256` is an address with a slip in it.
  if (!fits || /(^|\.)[0-9]+$/.test(name)) return { fault: `is no network; ${CURE}` };
  return { network: { kind: 'host', name } };
}

function parseBits(address: Uint8Array, text: string): number | string {
  const all = address.length * 8;
  if (/^[0-9]{1,3}$/.test(text)) {
    const bits = Number(text);
    return bits <= all ? bits : `has a prefix longer than the ${all} bits of its address`;
  }
  const mask = parseAddress(text);
  if (mask === null || mask.length !== address.length) return `has no prefix length or netmask after the /; ${CURE}`;
  return maskBits(mask) ?? 'has a netmask with ones after zeros; write its leading ones as a number of bits';
}

/** Reads the network of a rule. An IPv4-mapped IPv6 address means its IPv4 address. */
export function parseNetwork(text: string): NetworkOrFault {
  if (text === '*') return { network: { kind: 'any' } };
  const slash = text.indexOf('/');
  const base = slash < 0 ? text : text.slice(0, slash);
  if (base.includes('%')) return { fault: 'has a zone; leave out the % and what follows it' };
  const address = parseAddress(base);
  if (address === null) return slash < 0 ? parseHost(text) : { fault: `is no network; ${CURE}` };
  if (slash < 0) return { network: { kind: 'net', address, bits: address.length * 8 } };
  const mapped = address.length === 4 && base.includes(':');
  if (mapped) return { fault: `is an IPv4 network in IPv6 dress; write it as ${formatAddress(address)}/bits` };
  const bits = parseBits(address, text.slice(slash + 1));
  if (typeof bits === 'string') return { fault: bits };
  const masked = maskedTo(address, bits);
  if (!Buffer.from(masked).equals(address))
    return {
      fault: `has bits set behind its prefix; write ${formatAddress(masked)}/${bits}, or the address alone for one host`,
    };
  return { network: { kind: 'net', address, bits } };
}

/** The one spelling of a network: two that mean the same are spelt the same. */
export function formatNetwork(network: Network): string {
  if (network.kind === 'any') return '*';
  if (network.kind === 'host') return network.name;
  const whole = network.bits === network.address.length * 8;
  return `${formatAddress(network.address)}${whole ? '' : `/${network.bits}`}`;
}

/** True when the address lies in the network. */
export function inNetwork(
  address: Uint8Array,
  network: { readonly address: Uint8Array; readonly bits: number },
): boolean {
  if (address.length !== network.address.length) return false;
  const whole = network.bits >> 3;
  for (let at = 0; at < whole; at++) if (address[at] !== network.address[at]) return false;
  const rest = network.bits & 7;
  return rest === 0 || (address[whole]! ^ network.address[whole]!) >> (8 - rest) === 0;
}
