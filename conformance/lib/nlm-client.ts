import { createSocket, type Socket } from 'node:dgram';
import { opaque, type Reply, TcpWire, UdpWire, u32, type Wire } from './wire.ts';
import { Words } from './words.ts';

/*
 * A client of the network lock manager (XNFS chapters 10, 11, 14), written by hand and knowing nothing of src/lockd, with a portmapper, a lock manager and a status monitor of its own at one UDP port.
 */

export const NLM = 100_021;
export const NSM = 100_024;

export const Status = {
  GRANTED: 0,
  DENIED: 1,
  NOLOCKS: 2,
  BLOCKED: 3,
  GRACE: 4,
  STALE_FH: 7,
  FBIG: 8,
  FAILED: 9,
} as const;

/** Where the server is: not the address that the host would call from by itself. */
export const SERVER = '127.0.0.9';

/** What is locked. */
export interface Place {
  readonly handle: Buffer;
  readonly offset?: bigint;
  /** 0: to the end. */
  readonly length?: bigint;
  readonly svid?: number;
  readonly owner?: string;
  readonly exclusive?: boolean;
  readonly block?: boolean;
  readonly reclaim?: boolean;
  readonly state?: number;
  readonly cookie?: string;
}

/** A call that has come to this client. */
export interface Incoming {
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly args: Words;
  /** Answers it; not being called is no answer. */
  answer(results?: Buffer): void;
  readonly from: string;
}

export interface NlmClientOptions {
  /** The server's. */
  readonly port: number;
  /** This client's portmapper. */
  readonly portmapPort: number;
  readonly address: string;
  readonly name: string;
  readonly protocol: 'udp' | 'tcp';
}

/** One client at an address of its own. */
export class NlmClient {
  readonly wire: Wire;
  readonly address: string;
  readonly name: string;
  version = 1;
  readonly #socket: Socket;
  readonly #come: Incoming[] = [];
  readonly #waiting: ((call: Incoming) => void)[] = [];
  /** How often its portmapper was asked. */
  asked = 0;
  /** Its portmapper knows nothing. */
  unregistered = false;

  private constructor(wire: Wire, socket: Socket, { address, name, portmapPort }: NlmClientOptions) {
    this.wire = wire;
    this.address = address;
    this.name = name;
    this.#socket = socket;
    socket.on('message', (data, from) => {
      const xid = data.readUInt32BE(0);
      const reply = (results: Buffer): void =>
        socket.send(Buffer.concat([u32(xid, 1, 0, 0, 0, 0), results]), from.port, from.address);
      const [program, version, procedure] = [12, 16, 20].map((at) => data.readUInt32BE(at)) as [number, number, number];
      const credential = data.readUInt32BE(28);
      const args = new Words(data.subarray(32 + ((credential + 3) & ~3) + 8));
      if (program === 100_000) {
        this.asked += 1;
        const port = this.unregistered ? 0 : portmapPort;
        // Over IPv6 it is rpcbind (RFC 1833), which says universal addresses (RFC 5665).
        reply(version === 2 ? u32(port) : opaque(`${address}.${port >> 8}.${port & 255}`));
        return;
      }
      const call = { program, version, procedure, args, from: from.address };
      this.#arrived({ ...call, answer: (results = Buffer.alloc(0)) => reply(results) });
    });
  }

  static async open(options: NlmClientOptions): Promise<NlmClient> {
    const { port, portmapPort, address, protocol } = options;
    const wire = await (protocol === 'udp' ? UdpWire : TcpWire).open(
      port,
      address.includes(':') ? '::1' : SERVER,
      address,
    );
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(portmapPort, address, resolve);
    });
    return new NlmClient(wire, socket, options);
  }

  #arrived(call: Incoming): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#come.push(call);
    else waiting(call);
  }

  /** The next call that comes to this client. */
  incoming(): Promise<Incoming> {
    const come = this.#come.shift();
    if (come !== undefined) return Promise.resolve(come);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Calls that have come and were not looked at. */
  get unread(): number {
    return this.#come.length;
  }

  close(): void {
    this.wire.close();
    this.#socket.close();
  }

  /** A call; the reply as it is. */
  call(program: number, version: number, procedure: number, args: Buffer): Promise<Reply> {
    return this.wire.call({ xid: this.wire.nextXid(), program, version, procedure, args });
  }

  /** A call that succeeds. */
  async ask(program: number, procedure: number, args: Buffer, version = this.version): Promise<Words> {
    const reply = await this.call(program, program === NSM ? 1 : version, procedure, args);
    if (reply.denied || reply.status !== 0) throw new Error(`no success: ${JSON.stringify(reply)}`);
    return new Words(reply.results);
  }

  offset(value: bigint): Buffer {
    if (this.version !== 4) return u32(Number(value));
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(value);
    return bytes;
  }

  place({ handle, offset = 0n, length = 0n, svid = 1, owner = 'o' }: Place): Buffer {
    const where = [this.offset(offset), this.offset(length)];
    return Buffer.concat([opaque(this.name), opaque(handle), opaque(owner), u32(svid), ...where]);
  }

  testArgs(place: Place): Buffer {
    const { cookie = 'test', exclusive = true } = place;
    return Buffer.concat([opaque(cookie), u32(exclusive ? 1 : 0), this.place(place)]);
  }

  lockArgs(place: Place): Buffer {
    const { cookie = 'lock', exclusive = true, block = false, reclaim = false, state = 1 } = place;
    return Buffer.concat([
      ...[opaque(cookie), u32(block ? 1 : 0, exclusive ? 1 : 0), this.place(place)],
      u32(reclaim ? 1 : 0, state),
    ]);
  }

  cancelArgs(place: Place): Buffer {
    const { cookie = 'cancel', exclusive = true, block = true } = place;
    return Buffer.concat([opaque(cookie), u32(block ? 1 : 0, exclusive ? 1 : 0), this.place(place)]);
  }

  unlockArgs(place: Place): Buffer {
    return Buffer.concat([opaque(place.cookie ?? 'unlock'), this.place(place)]);
  }

  /** LOCK, or NM_LOCK; the status. */
  async lock(place: Place, procedure = 2): Promise<number> {
    return this.#status(await this.ask(NLM, procedure, this.lockArgs(place)), place.cookie ?? 'lock');
  }

  async unlock(place: Place): Promise<number> {
    return this.#status(await this.ask(NLM, 4, this.unlockArgs(place)), place.cookie ?? 'unlock');
  }

  async cancel(place: Place): Promise<number> {
    return this.#status(await this.ask(NLM, 3, this.cancelArgs(place)), place.cookie ?? 'cancel');
  }

  /** TEST: the status, and in words who is in the way. */
  async test(place: Place): Promise<string> {
    const words = await this.ask(NLM, 1, this.testArgs(place));
    words.text();
    return this.tested(words);
  }

  tested(words: Words): string {
    const status = words.number();
    if (status !== Status.DENIED) return `${status}`;
    const mode = words.number() === 1 ? 'exclusive' : 'shared';
    const [svid, owner] = [words.number(), words.text()];
    return `${mode} ${svid} ${owner} ${words.offset(this.version)}+${words.offset(this.version)}`;
  }

  /** SHARE (20) or UNSHARE (21). */
  async share(procedure: 20 | 21, handle: Buffer, owner: string, access: number, deny: number): Promise<number> {
    const who = [opaque('share'), opaque(this.name), opaque(handle), opaque(owner)];
    const words = await this.ask(
      NLM,
      procedure,
      Buffer.concat([...who, u32(deny, access, 0)]),
      Math.max(3, this.version),
    );
    const status = this.#status(words, 'share', 4);
    return status;
  }

  #status(words: Words, cookie: string, more = 0): number {
    const came = words.text();
    if (came !== cookie) throw new Error(`the cookie ${came} in place of ${cookie}`);
    const status = words.number();
    if (words.rest !== more) throw new Error(`${words.rest} bytes are left over`);
    return status;
  }

  /** NOTIFY to the server's status monitor: this machine has started anew. */
  async notify(state: number, name = this.name): Promise<void> {
    await this.ask(NSM, 6, Buffer.concat([opaque(name), u32(state)]));
  }

  /** The server's state number, by STAT. */
  async state(): Promise<number> {
    const words = await this.ask(NSM, 1, opaque('anybody'));
    words.number();
    return words.number();
  }
}

/** An answer to GRANTED: the cookie that came, and a status. */
export function granted({ args }: Incoming, status: number): Buffer {
  return Buffer.concat([opaque(args.text()), u32(status)]);
}
