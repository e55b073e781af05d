import type { Clock, Timer } from '../../base/clock.ts';
import type { Endpoint, Net } from '../../base/net.ts';

/** What came of asking for a file. */
export interface Fetched {
  /** The bytes that came; null: an error, or silence. */
  readonly data: Buffer | null;
  /** The error, `CODE TEXT`; or `silence`. */
  readonly error: string;
  /** The options that the server named. */
  readonly options: Readonly<Record<string, string>>;
  /** The numbers of the blocks that were taken, as they stood in their packets. */
  readonly blocks: readonly number[];
}

/** How a file is asked for. */
export interface Asking {
  readonly net: Net;
  readonly clock: Clock;
  readonly server: Endpoint;
  readonly mode?: string;
  readonly options?: Readonly<Record<string, string | number>>;
  /** Opcode of the request: 1 reads, 2 writes. */
  readonly opcode?: number;
  /** Called before each ACK is sent; false: neither that nor anything else is sent any more. */
  readonly onBlock?: (number: number) => boolean;
}

/** Milliseconds after which the client sends its last packet again, and how often it does. */
const AGAIN_MS = 1_500;
const TRIES = 30;

/** Words with a NUL behind each. */
export function words(opcode: number, ...texts: (string | number)[]): Buffer {
  return Buffer.concat([Buffer.of(0, opcode), Buffer.from(texts.map((text) => `${text}\0`).join(''), 'latin1')]);
}

function namesAndValues(bytes: Buffer): Record<string, string> {
  const texts = bytes.toString('latin1').split('\0');
  const found: Record<string, string> = {};
  for (let at = 0; at + 1 < texts.length; at += 2) found[texts[at]!] = texts[at + 1]!;
  return found;
}

/** A TFTP client for tests, written for itself (RFC 1350, 2347): it asks for one file. */
export async function fetchFile(file: string, asking: Asking): Promise<Fetched> {
  const { net, clock, server, mode = 'octet', options = {}, opcode = 1, onBlock = () => true } = asking;
  const socket = await net.bindDatagram([], 0, { sole: true });
  const over = Promise.withResolvers<Fetched>();
  const pieces: Buffer[] = [];
  const blocks: number[] = [];
  let told: Record<string, string> = {};
  let peer: Endpoint | null = null;
  let blockBytes = 512;
  let next = 1;
  let packet = words(opcode, file, mode, ...Object.entries(options).flat());
  let tries = 0;
  let mute = false;
  let timer: Timer | undefined;
  const end = (data: Buffer | null, error: string): void => over.resolve({ data, error, options: told, blocks });
  const send = (): void => {
    timer?.cancel();
    if (mute) return;
    tries += 1;
    socket.send(packet, peer ?? server);
    timer = clock.after(AGAIN_MS, tries < TRIES ? send : () => end(null, 'silence'));
  };
  const acknowledge = (block: number): void => {
    packet = Buffer.alloc(4);
    packet.writeUInt16BE(4, 0);
    packet.writeUInt16BE(block, 2);
    tries = 0;
    mute = !onBlock(block);
    send();
  };
  socket.onMessage((bytes, from) => {
    if (peer !== null && from.port !== peer.port) return;
    peer = { ...from };
    const [kind, number] = [bytes.readUInt16BE(0), bytes.readUInt16BE(2)];
    if (kind === 5) end(null, `${number} ${bytes.toString('latin1', 4, bytes.length - 1)}`);
    else if (kind === 6) {
      told = namesAndValues(bytes.subarray(2));
      blockBytes = Number(told.blksize ?? 512);
      acknowledge(0);
    } else if (kind === 3 && number === (next & 0xffff)) {
      const data = Buffer.from(bytes.subarray(4));
      pieces.push(data);
      blocks.push(number);
      next += 1;
      acknowledge(number);
      if (data.length < blockBytes) end(Buffer.concat(pieces), '');
    } else if (kind === 3 && number === ((next - 1) & 0xffff)) send();
  });
  send();
  const fetched = await over.promise;
  timer?.cancel();
  await socket.close();
  return fetched;
}
