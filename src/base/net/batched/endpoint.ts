import { networkInterfaces } from 'node:os';
import { formatAddress, parseAddress } from '../../address.ts';
import type { Endpoint } from '../../net.ts';
import type { Host } from './host.ts';
import { ADDRESS_WORD, AF, NAME_WORDS, SCOPE_WORD, SOCKADDR_WORDS } from './layout.ts';

/** How many endpoints are remembered with their text; beyond that they are all made anew. */
export const ENDPOINTS_MAX = 4096;

/** The upper ten bits of a link-local IPv6 address (RFC 4291 §2.5.6), which means nothing without its interface. */
function isLinkLocal(high: number): boolean {
  return (high & 0xff) === 0xfe && (high & 0xc000) === 0x8000;
}

/** An endpoint that remembers its socket address. */
export class HostEndpoint implements Endpoint {
  readonly address: string;
  readonly port: number;
  readonly #words: Uint32Array;

  constructor(address: string, port: number, words: Uint32Array) {
    this.address = address;
    this.port = port;
    this.#words = words;
  }

  /** Its socket address in words, `NAME_WORDS` of them, if that endpoint is one of these. */
  static wordsOf(endpoint: Endpoint): Uint32Array | undefined {
    return #words in endpoint ? endpoint.#words : undefined;
  }
}

function portWord(family: 4 | 6, port: number): number {
  return (AF[family] | ((port >> 8) << 16) | ((port & 0xff) << 24)) >>> 0;
}

function portOf(word: number): number {
  return ((word >>> 8) & 0xff00) | (word >>> 24);
}

function interfaceName(index: number): string {
  for (const [name, addresses] of Object.entries(networkInterfaces()))
    if (addresses?.some((one) => one.family === 'IPv6' && one.scopeid === index)) return name;
  return String(index);
}

function interfaceIndex(host: Host, zone: string): number {
  return /^\d{1,9}$/.test(zone) ? Number(zone) : host.if_nametoindex(zone);
}

/** Turns socket addresses into endpoints and back; those seen lately cost no new text. */
export class Endpoints {
  readonly #host: Host;
  readonly #known4 = new Map<number, HostEndpoint>();
  readonly #known6 = new Map<string, HostEndpoint>();
  readonly #scratch = new Uint32Array(NAME_WORDS);
  readonly #scratchBytes = Buffer.from(this.#scratch.buffer);

  constructor(host: Host) {
    this.#host = host;
  }

  /** The IPv4 endpoint with that address, as it lies in memory, and that word of family and port. */
  ipv4(port: number, address: number): HostEndpoint {
    const key = address * 65_536 + (port >>> 16);
    const known = this.#known4.get(key);
    if (known !== undefined) return known;
    const words = new Uint32Array(NAME_WORDS);
    words[0] = port;
    words[1] = address;
    const text = `${address & 255}.${(address >>> 8) & 255}.${(address >>> 16) & 255}.${address >>> 24}`;
    const made = new HostEndpoint(text, portOf(port), words);
    if (this.#known4.size >= ENDPOINTS_MAX) this.#known4.clear();
    this.#known4.set(key, made);
    return made;
  }

  /** The IPv6 endpoint with that word of family and port, the address at `at` in `from`, and that scope. */
  ipv6(port: number, from: Uint32Array, at: number, scope: number): HostEndpoint {
    const scratch = this.#scratch;
    scratch[0] = port;
    for (let n = 0; n < 4; n++) scratch[ADDRESS_WORD[6] + n] = from[at + n]!;
    scratch[SCOPE_WORD] = isLinkLocal(from[at]!) ? scope : 0;
    const key = this.#scratchBytes.toString('latin1');
    const known = this.#known6.get(key);
    if (known !== undefined) return known;
    const text = formatAddress(this.#scratchBytes.subarray(ADDRESS_WORD[6] * 4, ADDRESS_WORD[6] * 4 + 16));
    const zone = scratch[SCOPE_WORD] === 0 ? '' : `%${interfaceName(scratch[SCOPE_WORD]!)}`;
    const made = new HostEndpoint(text + zone, portOf(port), scratch.slice());
    if (this.#known6.size >= ENDPOINTS_MAX) this.#known6.clear();
    this.#known6.set(key, made);
    return made;
  }

  /** The socket address of any endpoint, in `NAME_WORDS` words; undefined when its address or port is impossible. */
  words(endpoint: Endpoint): Uint32Array | undefined {
    return HostEndpoint.wordsOf(endpoint) ?? this.#parse(endpoint);
  }

  #parse({ address, port }: Endpoint): Uint32Array | undefined {
    const bytes = parseAddress(address);
    if (bytes === null || !Number.isInteger(port) || port < 0 || port > 65_535) return undefined;
    const family = bytes.length === 4 ? 4 : 6;
    const words = new Uint32Array(NAME_WORDS);
    words[0] = portWord(family, port);
    new Uint8Array(words.buffer).set(bytes, ADDRESS_WORD[family] * 4);
    const zone = address.indexOf('%');
    if (family === 6 && zone >= 0) words[SCOPE_WORD] = interfaceIndex(this.#host, address.slice(zone + 1));
    return words;
  }
}

/** True for `0.0.0.0` and `::`. */
export function isUnspecified(words: Uint32Array, family: 4 | 6): boolean {
  for (let at = ADDRESS_WORD[family]; at < (family === 4 ? SOCKADDR_WORDS[4] : SCOPE_WORD); at++)
    if (words[at] !== 0) return false;
  return true;
}

/** 4 or 6, by the family that a socket address begins with. */
export function familyOfWords(words: Uint32Array): 4 | 6 {
  return (words[0]! & 0xffff) === AF[4] ? 4 : 6;
}
