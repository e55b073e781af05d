import type { FlareService } from '../flare/service.ts';
import type { Attributes, Caller } from '../flare/types.ts';

/** How much is read of a file at a time. */
const READ_BYTES = 64 * 1024;
const LF = 0x0a;
const CR = 0x0d;

/** The file changed while it was sent. */
export class ChangedError extends Error {}

/** Ends of lines as netascii has them: CR LF, and CR NUL for a CR alone (RFC 764). */
function netascii(bytes: Buffer): Buffer {
  const out: number[] = [];
  for (const byte of bytes) {
    if (byte === LF) out.push(CR, LF);
    else if (byte === CR) out.push(CR, 0);
    else out.push(byte);
  }
  return Buffer.from(out);
}

/** The bytes of one file, from its beginning, as they are sent. */
export class Source {
  readonly #service: FlareService;
  readonly #caller: Caller;
  readonly #file: Attributes;
  readonly #netascii: boolean;
  #offset = 0;
  #kept: Buffer = Buffer.alloc(0);
  #end = false;

  constructor(service: FlareService, caller: Caller, file: Attributes, mode: 'octet' | 'netascii') {
    this.#service = service;
    this.#caller = caller;
    this.#file = file;
    this.#netascii = mode === 'netascii';
  }

  /** Reads the beginning: whether the file may be read is known then. Rejects as `next` does. */
  begin(): Promise<void> {
    return this.#more();
  }

  /** The next `count` bytes; fewer only at the end. Rejects with `ChangedError` when the file is not the one any more that was begun with, and with what the service says. */
  async next(count: number): Promise<Buffer> {
    while (this.#kept.length < count && !this.#end) await this.#more();
    const taken = this.#kept.subarray(0, count);
    this.#kept = this.#kept.subarray(taken.length);
    return taken;
  }

  async #more(): Promise<void> {
    const { data, attributes } = await this.#service.read(this.#caller, this.#file, this.#offset, READ_BYTES);
    if (attributes.version !== this.#file.version) throw new ChangedError('the file has changed meanwhile');
    this.#offset += data.length;
    this.#end = data.length < READ_BYTES;
    // What is read is somebody else's memory.
    this.#kept = Buffer.concat([this.#kept, this.#netascii ? netascii(data) : data]);
  }
}
