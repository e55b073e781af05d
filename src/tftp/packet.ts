/*
 * TFTP's packets (RFC 1350 §5, RFC 2347), as bytes.
 */

const Opcode = { RRQ: 1, WRQ: 2, DATA: 3, ACK: 4, ERROR: 5, OACK: 6 } as const;

/** Error codes (RFC 1350 appendix I, RFC 2347). */
export const TftpError = {
  UNDEFINED: 0,
  NOT_FOUND: 1,
  ACCESS: 2,
  ILLEGAL: 4,
  UNKNOWN_TID: 5,
  OPTIONS: 8,
} as const;
export type TftpErrorCode = (typeof TftpError)[keyof typeof TftpError];

/** The longest request, in bytes (RFC 2347). */
export const REQUEST_MAX = 512;
/** The longest text of an error, in bytes: it is for people. */
const TEXT_MAX = 200;

/** A request to read or to write. */
export interface Request {
  readonly write: boolean;
  /** Bytes as a Latin-1 string, as they came. */
  readonly file: string;
  /** In small letters: `octet`, `netascii`, or what else was asked. */
  readonly mode: string;
  /** By their names in small letters, in the order in which they came; of one that came twice the first. */
  readonly options: ReadonlyMap<string, string>;
}

/** Takes a request apart; null when it is none. */
export function parseRequest(bytes: Buffer): Request | null {
  if (bytes.length < 6 || bytes.length > REQUEST_MAX || bytes.at(-1) !== 0) return null;
  const opcode = bytes.readUInt16BE(0);
  if (opcode !== Opcode.RRQ && opcode !== Opcode.WRQ) return null;
  const [file, mode, ...words] = bytes.toString('latin1', 2, bytes.length - 1).split('\0');
  if (file === undefined || mode === undefined || file === '' || words.length % 2 !== 0) return null;
  const options = new Map<string, string>();
  for (let at = 0; at < words.length; at += 2) {
    const name = words[at]!.toLowerCase();
    if (!options.has(name)) options.set(name, words[at + 1]!);
  }
  return { write: opcode === Opcode.WRQ, file, mode: mode.toLowerCase(), options };
}

/** What a client says during a transfer. */
export type Said =
  | { readonly kind: 'ack'; readonly block: number }
  | { readonly kind: 'error'; readonly code: number; readonly text: string }
  | { readonly kind: 'other' };

/** Reads what a client says during a transfer. */
export function parseSaid(bytes: Buffer): Said {
  if (bytes.length < 4) return { kind: 'other' };
  const [opcode, number] = [bytes.readUInt16BE(0), bytes.readUInt16BE(2)];
  if (opcode === Opcode.ACK) return { kind: 'ack', block: number };
  if (opcode !== Opcode.ERROR) return { kind: 'other' };
  return { kind: 'error', code: number, text: bytes.toString('latin1', 4, 4 + TEXT_MAX).split('\0', 1)[0]! };
}

function packet(opcode: number, number: number, rest: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(opcode, 0);
  head.writeUInt16BE(number, 2);
  return Buffer.concat([head, rest]);
}

/** One block. Its number is that modulo 65,536: after 65,535 comes 0, as clients expect that load files of more than 32 MB. */
export function dataPacket(block: number, data: Uint8Array): Buffer {
  return packet(Opcode.DATA, block & 0xffff, data);
}

export function errorPacket(code: TftpErrorCode, text: string): Buffer {
  return packet(Opcode.ERROR, code, Buffer.from(`${text.slice(0, TEXT_MAX)}\0`, 'latin1'));
}

/** Which options hold (RFC 2347). */
export function oackPacket(options: ReadonlyMap<string, string>): Buffer {
  const words = [...options].flat().map((word) => `${word}\0`);
  return Buffer.concat([Buffer.of(0, Opcode.OACK), Buffer.from(words.join(''), 'latin1')]);
}
