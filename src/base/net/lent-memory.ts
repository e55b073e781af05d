import type { OnReadOpts } from 'node:net';

/** What one read of a socket takes at most. */
const READ_BYTES = 64 * 1024;

/** Memory that a socket reads into again and again. A buffer for each read is taken from the host, and V8 looks through its heap again and again to give them back. */
export class LentMemory {
  readonly #handlers: ((data: Buffer) => void)[] = [];
  /** What came before anybody asked for it. */
  readonly #early: Buffer[] = [];

  /** Node's option of that name. */
  readonly onread: OnReadOpts = {
    buffer: Buffer.allocUnsafeSlow(READ_BYTES),
    callback: (length, bytes) => {
      const data = Buffer.from(bytes.buffer, bytes.byteOffset, length);
      if (this.#handlers.length === 0) this.#early.push(Buffer.from(data));
      for (const handler of this.#handlers) handler(data);
      return true;
    },
  };

  /** Called for what is read; valid until the handler returns. */
  onData(handler: (data: Buffer) => void): void {
    this.#handlers.push(handler);
    for (const data of this.#early.splice(0)) handler(data);
  }
}
