import type { Endpoint, Stream } from '../net.ts';
import type { SimulatedProcess } from './process.ts';
import type { Tcp, TcpUser } from './tcp.ts';

/** With so many bytes queued a writer is told to stop, and with so many read ahead no more are, as Node does. */
const HIGH_WATER_BYTES = 64 * 1024;

/** A connection as a process has it: what `SystemStream` is to the host's sockets. */
export class SimulatedStream implements Stream, TcpUser {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #process: SimulatedProcess;
  readonly #tcp: Tcp;
  readonly #onData: ((data: Buffer) => void)[] = [];
  readonly #onDrain: (() => void)[] = [];
  readonly #halfOpen: boolean;
  #onClose: ((error?: Error) => void) | undefined;
  #onEnd: () => void = () => this.end();
  /** What is being handed to the host, and how many bytes of it were queued together. */
  #handing: { readonly chunks: Uint8Array[]; readonly bytes: number } | null = null;
  #waiting: Uint8Array[] = [];
  #queued = 0;
  #corked = 0;
  #needDrain = false;
  #ending = false;
  /** Null: nobody has asked for data yet. */
  #flowing: boolean | null = null;
  readonly #ahead: Buffer[] = [];
  #aheadBytes = 0;
  #reading = false;
  #readEnded = false;
  #closed = false;
  #told = false;
  #error: Error | undefined;
  /** Why the connection is gone, for who looks: nobody has, yet. */
  #failure: string | null = null;

  /** `halfOpen`: it may go on writing when the peer has ended, as streams may that came in. */
  constructor(process: SimulatedProcess, tcp: Tcp, halfOpen: boolean) {
    this.#halfOpen = halfOpen;
    this.#process = process;
    this.#tcp = tcp;
    this.local = tcp.local;
    this.remote = tcp.remote;
    process.streams.add(this);
  }

  get queued(): number {
    return this.#queued;
  }

  onData(handler: (data: Buffer) => void): void {
    this.#onData.push(handler);
    if (this.#flowing === null) this.resume();
  }

  onClose(handler: (error?: Error) => void): void {
    this.#onClose = handler;
    if (this.#told) this.#soon(() => handler(this.#error));
  }

  onEnd(handler: () => void): void {
    this.#onEnd = handler;
  }

  onDrain(handler: () => void): void {
    this.#onDrain.push(handler);
  }

  write(data: Uint8Array): boolean {
    if (this.#closed || this.#ending || !this.#process.alive) return false;
    if (this.#failure !== null) {
      this.#close(this.#failure);
      return false;
    }
    this.#queued += data.length;
    const enough = this.#queued >= HIGH_WATER_BYTES;
    this.#needDrain ||= enough;
    this.#waiting.push(data);
    this.#hand();
    return !enough;
  }

  cork(): void {
    this.#corked += 1;
  }

  uncork(): void {
    if (this.#corked > 0) this.#corked -= 1;
    this.#hand();
  }

  pause(): void {
    this.#flowing = false;
  }

  resume(): void {
    if (this.#flowing === true) return;
    this.#flowing = true;
    this.#process.clock.soon(() => this.readable());
  }

  end(): void {
    if (this.#closed || this.#ending) return;
    this.#ending = true;
    this.#corked = 0;
    this.#hand();
  }

  destroy(): void {
    this.#close(null);
  }

  /** Its process died: the host closes the connection, nobody is told. */
  abandon(): void {
    this.#closed = true;
    this.#tcp.release();
  }

  opened(): void {}

  readable(): void {
    if (this.#reading) return;
    this.#reading = true;
    try {
      this.#read();
    } finally {
      this.#reading = false;
    }
    // With too much read ahead, nobody looks what else there is.
    if (this.#closed || !this.#process.alive || this.#aheadBytes >= HIGH_WATER_BYTES) return;
    if (this.#tcp.ended && this.#aheadBytes === 0 && !this.#readEnded) {
      this.#readEnded = true;
      this.#onEnd();
      if (!this.#halfOpen) this.end();
      this.#closeWhenOver();
    }
    if (this.#failure !== null) this.#close(this.#failure);
  }

  /** Reads ahead, as Node does whether or not anyone wants the data, and gives what is wanted. */
  #read(): void {
    while (!this.#closed && this.#process.alive) {
      const given = this.#flowing === true ? this.#ahead.shift() : undefined;
      if (given !== undefined) {
        this.#aheadBytes -= given.length;
        for (const handler of this.#onData) handler(given);
        continue;
      }
      const data = this.#aheadBytes < HIGH_WATER_BYTES ? this.#tcp.read() : null;
      if (data === null) return;
      this.#ahead.push(data);
      this.#aheadBytes += data.length;
    }
  }

  writable(): void {
    if (this.#process.alive) this.#hand();
  }

  failed(code: string): void {
    if (this.#closed || !this.#process.alive) return;
    this.#failure = code;
    if (this.#queued > 0) this.#close(code);
    else this.readable();
  }

  /** Hands the host what it takes. */
  #hand(): void {
    while (!this.#closed) {
      if (this.#handing === null) {
        if (this.#corked > 0 || this.#waiting.length === 0) break;
        this.#handing = { chunks: this.#waiting, bytes: this.#waiting.reduce((sum, chunk) => sum + chunk.length, 0) };
        this.#waiting = [];
      }
      if (!this.#handOver(this.#handing.chunks)) return;
      this.#queued -= this.#handing.bytes;
      this.#handing = null;
    }
    if (this.#closed || this.#queued > 0) return;
    if (this.#needDrain) {
      this.#needDrain = false;
      this.#soon(() => {
        if (!this.#closed) for (const handler of this.#onDrain) handler();
      });
    }
    if (this.#ending) {
      this.#tcp.shut();
      this.#closeWhenOver();
    }
  }

  /** False when the host has no more room. */
  #handOver(chunks: Uint8Array[]): boolean {
    for (;;) {
      const chunk = chunks[0];
      if (chunk === undefined) return true;
      const room = this.#tcp.gone ? 0 : this.#tcp.room;
      if (room <= 0) return false;
      this.#tcp.write(chunk.subarray(0, room));
      if (this.#closed) return false;
      if (chunk.length > room) chunks[0] = chunk.subarray(room);
      else chunks.shift();
    }
  }

  #closeWhenOver(): void {
    if (this.#readEnded && this.#ending && this.#queued === 0) this.#close(null);
  }

  #close(code: string | null): void {
    if (this.#closed || !this.#process.alive) return;
    this.#closed = true;
    if (code !== null) this.#error = Object.assign(new Error(`${code}: simulated`), { code });
    this.#tcp.release();
    this.#process.streams.delete(this);
    this.#soon(() => {
      this.#told = true;
      this.#onClose?.(this.#error);
    });
  }

  #soon(run: () => void): void {
    queueMicrotask(() => {
      if (this.#process.alive) run();
    });
  }
}
