import type { LogLine, State } from '../api.ts';

/** So long without a word, and the connection counts as lost; in milliseconds. States come every two seconds. */
export const SILENCE_MS = 10_000;
/** Waits before it is tried again, in milliseconds; the last one goes on. */
export const WAITS_MS = [1000, 2000, 4000, 8000] as const;

/** What the feed tells. */
export interface FeedEvents {
  state(state: State): void;
  log(line: LogLine): void;
  /** Connected, or not any more. */
  connected(yes: boolean): void;
  /** Not connected: is the session still good? When it is not, the feed is told to stop. */
  doubted(): void;
}

/** The volcano's events, with a new connection whenever the old one is lost or silent. */
export class Feed {
  readonly #events: FeedEvents;
  #source: EventSource | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #tries = 0;
  #running = false;

  constructor(events: FeedEvents) {
    this.#events = events;
  }

  /** It listens, or is about to. */
  get running(): boolean {
    return this.#running;
  }

  start(): void {
    this.stop();
    this.#running = true;
    const source = new EventSource('api/events');
    this.#source = source;
    const alive = (): void => {
      this.#tries = 0;
      this.#later(SILENCE_MS, () => this.#lost());
    };
    source.addEventListener('state', ({ data }: MessageEvent<string>) => {
      alive();
      this.#events.connected(true);
      this.#events.state(JSON.parse(data));
    });
    source.addEventListener('log', ({ data }: MessageEvent<string>) => {
      alive();
      this.#events.log(JSON.parse(data));
    });
    source.addEventListener('error', () => this.#lost());
    this.#later(SILENCE_MS, () => this.#lost());
  }

  stop(): void {
    this.#running = false;
    this.#source?.close();
    this.#source = null;
    clearTimeout(this.#timer);
  }

  #lost(): void {
    this.stop();
    this.#events.connected(false);
    const wait = WAITS_MS[Math.min(this.#tries, WAITS_MS.length - 1)]!;
    this.#tries += 1;
    this.#running = true;
    this.#later(wait, () => this.start());
    this.#events.doubted();
  }

  #later(milliseconds: number, act: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, milliseconds);
  }
}
