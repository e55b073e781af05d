import type { ServerResponse } from 'node:http';
import type { Timer } from '../base/clock.ts';
import { logLine } from './log-lines.ts';
import { Observer } from './observed.ts';
import type { WebParts } from './parts.ts';
import { Refused } from './refusal.ts';
import { stateOf } from './state.ts';

/** How often the state is told, in milliseconds. */
export const STATE_MS = 2_000;
/** For how long it is not made anew, in milliseconds: so much shorter that nobody who listens is told the same one twice. */
export const FRESH_MS = STATE_MS / 2;
/** Pages that listen at once. */
export const LISTENERS_MAX = 32;
/** What waits at most for a page that reads slowly, in bytes; then it is cut off. */
export const QUEUED_MAX = 4 * 1024 * 1024;
/** Lines of the log that a page is told when it begins to listen, and at a time later. */
export const LINES_MAX = 200;

/** A page that listens. */
interface Listener {
  readonly response: ServerResponse;
  /** Whether it still may. */
  readonly may: () => boolean;
}

/** The state of the network, and the log, for all who look: made once for all of them, and only while there are some. */
export class Events {
  readonly #parts: WebParts;
  readonly #observer: Observer;
  readonly #listeners = new Set<Listener>();
  #timer: Timer | null = null;
  #made: { readonly json: string; readonly at: number } | null = null;
  #making: Promise<string> | null = null;
  /** Lines of the log that were told, as `log.added` counts them. */
  #told = 0;
  /** How often the state was made. */
  made = 0;

  constructor(parts: WebParts) {
    this.#parts = parts;
    this.#observer = new Observer(parts.ring, parts.clock);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** The state as JSON, not older than `FRESH_MS`. */
  state(): Promise<string> {
    if (this.#made !== null && this.#parts.clock.monotonic() - this.#made.at < FRESH_MS)
      return Promise.resolve(this.#made.json);
    this.#making ??= this.#make().finally(() => {
      this.#making = null;
    });
    return this.#making;
  }

  async #make(): Promise<string> {
    this.made += 1;
    const json = JSON.stringify(stateOf(this.#parts, await this.#observer.all()));
    this.#made = { json, at: this.#parts.clock.monotonic() };
    return json;
  }

  /** Sends events (HTML Living Standard §9.2) until the connection ends. Throws `Refused` when too many listen. */
  listen(response: ServerResponse, may: () => boolean): void {
    if (this.#listeners.size >= LISTENERS_MAX)
      throw new Refused(503, `Too many pages are open (${LISTENERS_MAX}): close one.`, { 'retry-after': '10' });
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const { log, clock } = this.#parts;
    if (this.#listeners.size === 0) this.#told = log.added();
    const listener = { response, may };
    this.#listeners.add(listener);
    response.once('close', () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#timer?.cancel();
      this.#timer = null;
    });
    // Lines that others are told at the next turn are left to that.
    const waiting = log.added() - this.#told;
    const lines = log.lines(LINES_MAX + waiting);
    this.#send(listener, this.#lines(lines.slice(0, Math.max(0, lines.length - waiting)).slice(-LINES_MAX)));
    void this.#first(listener);
    this.#timer ??= clock.after(STATE_MS, () => void this.#tell());
  }

  async #first(listener: Listener): Promise<void> {
    try {
      this.#send(listener, event('state', await this.state()));
    } catch (error) {
      this.#parts.logger.error({ err: error }, 'the state of the network cannot be told');
    }
  }

  #lines(lines: readonly string[]): string {
    const now = Math.floor(this.#parts.clock.now() / 1000);
    return lines.map((line) => event('log', JSON.stringify(logLine(line, now)))).join('');
  }

  async #tell(): Promise<void> {
    const { log, clock, logger } = this.#parts;
    try {
      const text = event('state', await this.state());
      const added = log.added();
      const fresh = Math.min(added - this.#told, LINES_MAX);
      this.#told = added;
      const bytes = Buffer.from(text + (fresh > 0 ? this.#lines(log.lines(fresh)) : ''));
      for (const listener of this.#listeners) this.#send(listener, bytes);
    } catch (error) {
      logger.error({ err: error }, 'the state of the network cannot be told');
    }
    this.#timer = this.#listeners.size === 0 ? null : clock.after(STATE_MS, () => void this.#tell());
  }

  #send({ response, may }: Listener, what: string | Uint8Array): void {
    if (!may()) response.end();
    else if (response.writableLength > QUEUED_MAX) response.destroy();
    else if (what.length > 0) response.write(what);
  }

  /** Ends all that listen. */
  close(): void {
    for (const { response } of this.#listeners) response.end();
  }
}

/** JSON has no line ends in it. */
function event(name: string, json: string): string {
  return `event: ${name}\ndata: ${json}\n\n`;
}
