const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** The four bytes of a dotted quad; null when it is none. Parts with leading zeros are refused: some read them as octal. */
function parseIPv4(text: string): Uint8Array | null {
  const parts = text.split('.', 5);
  if (parts.length !== 4) return null;
  const bytes = new Uint8Array(4);
  for (let at = 0; at < 4; at++) {
    const part = parts[at]!;
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return null;
    bytes[at] = Number(part);
  }
  return bytes;
}

/** The 16-bit groups of one side of `::`; null when something else is there. Only the last group may be a dotted quad. */
function parseGroups(text: string, quadAllowed: boolean): number[] | null {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':', 9);
  for (const [at, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const quad = quadAllowed && at === parts.length - 1 ? parseIPv4(part) : null;
    if (quad === null) return null;
    groups.push((quad[0]! << 8) | quad[1]!, (quad[2]! << 8) | quad[3]!);
  }
  return groups;
}

function parseIPv6(text: string): Uint8Array | null {
  const sides = text.split('::', 3);
  if (sides.length > 2) return null;
  const head = parseGroups(sides[0]!, sides.length === 1);
  const tail = sides.length === 2 ? parseGroups(sides[1]!, true) : [];
  if (head === null || tail === null) return null;
  const given = head.length + tail.length;
  if (sides.length === 2 ? given > 7 : given !== 8) return null;
  const bytes = new Uint8Array(16);
  for (const [at, group] of head.entries()) bytes.set([group >> 8, group & 0xff], at * 2);
  for (const [at, group] of tail.entries()) bytes.set([group >> 8, group & 0xff], 16 - (tail.length - at) * 2);
  return bytes;
}

/**
 * The bytes of a numeric address: 4 for IPv4, 16 for IPv6 (RFC 4291 §2.2); null when it is none. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`)
 * gives the 4 bytes of its IPv4 address. A zone (`%eth0`) is left out.
 */
export function parseAddress(text: string): Uint8Array | null {
  if (text.length > 100) return null;
  if (!text.includes(':')) return parseIPv4(text);
  const zone = text.indexOf('%');
  const bytes = parseIPv6(zone < 0 ? text : text.slice(0, zone));
  if (bytes !== null && MAPPED_PREFIX.every((byte, at) => bytes[at] === byte)) return bytes.slice(12);
  return bytes;
}

/** An address of 4 or 16 bytes as text: a dotted quad, or IPv6 as RFC 5952 wants it. */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, at) => ((bytes[at * 2]! << 8) | bytes[at * 2 + 1]!).toString(16));
  let longest = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && groups[at + length] === '0') length++;
    if (length > longest.length) longest = { at, length };
  }
  if (longest.at < 0) return groups.join(':');
  return `${groups.slice(0, longest.at).join(':')}::${groups.slice(longest.at + longest.length).join(':')}`;
}

/** True for 127.0.0.0/8 and ::1: the caller is on this machine. */
export function isLoopback(address: string): boolean {
  const bytes = parseAddress(address);
  if (bytes === null) return false;
  if (bytes.length === 4) return bytes[0] === 127;
  return bytes[15] === 1 && bytes.subarray(0, 15).every((byte) => byte === 0);
}
