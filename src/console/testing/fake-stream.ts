import type { Endpoint, Stream } from '../../base/net.ts';

/** A connection without a network: a test types into it, and reads what the console shows. */
export class FakeStream implements Stream {
  readonly local: Endpoint = { address: '127.0.0.1', port: 12002 };
  readonly remote: Endpoint;
  /** All that was sent, as it was (bytes as a Latin-1 string). */
  sent = '';
  paused = false;
  ended = false;
  destroyed = false;
  /** Nothing is taken by the other side. */
  stuck = false;
  queued = 0;
  #onData: (data: Buffer) => void = () => {};
  #onEnd: () => void = () => {};
  #onClose: () => void = () => {};
  #onDrain: () => void = () => {};
  #listeners: (() => void)[] = [];

  constructor(address = '127.0.0.1') {
    this.remote = { address, port: 40000 };
  }

  onData(handler: (data: Buffer) => void): void {
    this.#onData = handler;
  }

  onEnd(handler: () => void): void {
    this.#onEnd = handler;
  }

  onClose(handler: () => void): void {
    this.#onClose = handler;
  }

  onDrain(handler: () => void): void {
    this.#onDrain = handler;
  }

  write(data: Uint8Array): boolean {
    this.sent += Buffer.from(data).toString('latin1');
    if (this.stuck) this.queued += data.length;
    for (const listener of this.#listeners.splice(0)) listener();
    return !this.stuck;
  }

  cork(): void {}

  uncork(): void {}

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    for (const listener of this.#listeners.splice(0)) listener();
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.ended = true;
    this.#onClose();
    for (const listener of this.#listeners.splice(0)) listener();
  }

  /** The other side reads again. */
  drain(): void {
    this.stuck = false;
    this.queued = 0;
    this.#onDrain();
  }

  /** The client sends these bytes (a Latin-1 string). */
  type(bytes: string): void {
    this.#onData(Buffer.from(bytes, 'latin1'));
  }

  /** The client sends nothing more. */
  typeEnd(): void {
    this.#onEnd();
  }

  /** What was sent, as text: TELNET commands taken out, ends of lines `\n`. */
  get text(): string {
    return this.sent.replace(/\xff(?:[\xfb-\xfe][\s\S]|[\s\S])/g, '').replaceAll('\r\n', '\n');
  }

  /** Resolves when `done` holds; looked at whenever something is sent, or the connection ends. */
  async until(done: (stream: this) => boolean): Promise<void> {
    while (!done(this)) await new Promise<void>((resolve) => this.#listeners.push(resolve));
  }

  /** Types a line, and resolves with what is shown until the next prompt (or the end). */
  async command(line: string, end = '\n'): Promise<string> {
    await this.until(({ text }) => atPrompt(text));
    const before = this.text.length;
    this.type(`${line}${end}`);
    await this.until(({ text, ended }) => ended || (text.length > before && atPrompt(text.slice(before))));
    return this.text.slice(before).replace(/MAGMA \[[^\n]*> $/, '');
  }
}

function atPrompt(text: string): boolean {
  return /MAGMA \[[^\n]*\]:[^\n]*> $/.test(text);
}
