import { crc32 } from 'node:zlib';
import type { Endpoint } from '../base/net.ts';
import type { CallHeader } from './message.ts';
import type { CallContext, RpcCredential } from './program.ts';
import { OWN_BYTES_MAX } from './record.ts';

const scratch = Buffer.alloc(27);

/** A call under way. Its arguments lie in the receive buffer, which is valid until the handler returns or first awaits. */
export class Call implements CallContext {
  readonly transport: 'udp' | 'tcp';
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly identity: string | undefined;
  readonly connection: object | undefined;
  readonly xid: number;
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly credential: RpcCredential;
  #message: Buffer | undefined;
  readonly lasting: boolean;
  readonly #start: number;
  readonly #end: number;
  #replayIdentity = '';

  /** `start` and `end` bound the arguments in `message`. */
  constructor(
    transport: 'udp' | 'tcp',
    client: Endpoint,
    server: Endpoint,
    header: CallHeader,
    message: Buffer,
    start: number,
    end: number,
    identity: string | undefined,
    connection: object | undefined,
  ) {
    this.transport = transport;
    this.client = client;
    this.server = server;
    this.identity = identity;
    this.connection = connection;
    this.xid = header.xid;
    this.program = header.program;
    this.version = header.version;
    this.procedure = header.procedure;
    this.credential = header.credential;
    this.#message = message;
    this.lasting = transport === 'tcp' && message.length <= OWN_BYTES_MAX;
    this.#start = start;
    this.#end = end;
  }

  replayIdentity(): string {
    if (this.#replayIdentity === '' && this.#message !== undefined) {
      const { client } = this;
      const args = this.#message.subarray(this.#start, this.#end);
      const udp = this.transport === 'udp';
      scratch[0] = udp ? 17 : 6;
      scratch.writeUInt16BE(udp ? client.port : 0, 1);
      scratch.writeUInt32BE(this.xid, 3);
      scratch.writeUInt32BE(this.program, 7);
      scratch.writeUInt32BE(this.version, 11);
      scratch.writeUInt32BE(this.procedure, 15);
      scratch.writeUInt32BE(args.length, 19);
      scratch.writeUInt32BE(crc32(args), 23);
      this.#replayIdentity = scratch.toString('latin1') + client.address;
    }
    return this.#replayIdentity;
  }

  /** Works the identity out while the receive buffer is still valid, and lets go of the buffer. */
  settle(): void {
    this.replayIdentity();
    this.release();
  }

  /** Lets go of the buffer. */
  release(): void {
    this.#message = undefined;
  }
}
