import type { Clock } from '../base/clock.ts';
import type { Stream } from '../base/net.ts';
import { FRAGMENT_HEADER, LAST_FRAGMENT } from './record.ts';
import { WRITER_BYTES_KEPT, XdrWriter } from './xdr/writer.ts';

/** What has come together leaves before the end of the turn when it is more than this many bytes. */
export const TURN_BYTES = 256 * 1024;
/** So many pieces of memory are kept for the next turns, of at most `WRITER_BYTES_KEPT` bytes each. */
const SPARE_MAX = 4;

/**
 * Messages on their way into a stream: those of one turn of the event loop leave together, as one write. On a secure stream each write is a record of its own, with a
 * system call here and a read event there, and costs more than most messages do otherwise.
 */
export class Outgoing {
  readonly #clock: Clock;
  readonly #stream: Stream;
  readonly #send: (data: Buffer) => void;
  #writer = new XdrWriter();
  #due = false;
  /** Memory that the stream may still read, and memory that nobody does. */
  #lent: XdrWriter[] = [];
  #spare: XdrWriter[] = [];
  readonly #leave = () => {
    this.#due = false;
    this.flush();
  };

  /** `send` gets what is to be written to the stream. */
  constructor(clock: Clock, stream: Stream, send: (data: Buffer) => void = (data) => void stream.write(data)) {
    this.#clock = clock;
    this.#stream = stream;
    this.#send = send;
  }

  /** Puts one record of one fragment behind the others (RFC 5531 §11): what `write` writes. When that throws nothing is put, and the error is passed on. */
  put(write: (writer: XdrWriter) => void): void {
    const writer = this.#writer;
    const start = writer.reserve(FRAGMENT_HEADER);
    try {
      write(writer);
    } catch (error) {
      writer.position = start;
      throw error;
    }
    writer.patchU32(start, (LAST_FRAGMENT | (writer.position - start - FRAGMENT_HEADER)) >>> 0);
    this.#arrange();
  }

  /** Puts bytes, with their record mark, behind the others. They are copied. */
  append(bytes: Uint8Array): void {
    this.#writer.append(bytes);
    this.#arrange();
  }

  /** Sends what is there now. */
  flush(): void {
    const writer = this.#writer;
    if (writer.position === 0) return;
    if (this.#stream.queued === 0) this.#takeBack();
    this.#send(writer.written());
    if (this.#stream.queued === 0) {
      writer.clear();
      return;
    }
    this.#lent.push(writer);
    this.#writer = this.#spare.pop() ?? new XdrWriter();
  }

  #arrange(): void {
    if (this.#writer.position >= TURN_BYTES) this.flush();
    else if (!this.#due) {
      this.#due = true;
      this.#clock.soon(this.#leave);
    }
  }

  #takeBack(): void {
    for (const writer of this.#lent) {
      if (this.#spare.length >= SPARE_MAX || writer.buffer.length > WRITER_BYTES_KEPT) continue;
      writer.clear();
      this.#spare.push(writer);
    }
    this.#lent = [];
  }
}
