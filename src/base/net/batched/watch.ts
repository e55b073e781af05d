import type { Host } from './host.ts';
import { UV_POLL } from './layout.ts';

/** A descriptor that the event loop watches. */
export interface Watch {
  /** Changes what is waited for. */
  want(events: number): void;
  /** Stops watching; the descriptor may be closed at once, and the promise resolves when libuv has let go. */
  close(): Promise<void>;
}

interface Handle {
  /** The `uv_poll_t`, which must stay referenced until libuv has let go of it. */
  readonly memory: ArrayBuffer;
  readonly ready: (events: number) => void;
  seen: number;
  closed: (() => void) | undefined;
}

/**
 * Lets Node's own event loop wait for descriptors, through libuv's poll handles: no second thread, no copies, no wake-ups. A handle keeps
 * the process alive, as every open socket does.
 */
export class Watcher {
  readonly #host: Host;
  readonly #handles = new Map<number, Handle>();
  readonly #onPoll: unknown;
  readonly #onClose: unknown;

  constructor(host: Host) {
    this.#host = host;
    this.#onPoll = host.pollCallback((at, status, events) => this.#poll(at, status < 0 ? -1 : events));
    this.#onClose = host.closeCallback((at) => this.#gone(at));
  }

  /**
   * Calls `ready` with the events, once a round of the event loop however many there were, or with -1 when libuv found an error on the descriptor
   * and watches it no more until `want` is called. Throws when the loop does not take the descriptor.
   */
  watch(fd: number, events: number, ready: (events: number) => void): Watch {
    const host = this.#host;
    const memory = new ArrayBuffer(host.uv_handle_size(UV_POLL));
    const at = host.addressOf(memory);
    const failed = host.uv_poll_init(host.uv_default_loop(), at, fd);
    if (failed < 0) throw new Error(`the event loop does not watch descriptor ${fd}: error ${failed}`);
    const handle: Handle = { memory, ready, seen: 0, closed: undefined };
    this.#handles.set(at, handle);
    const want = (wanted: number): void => {
      if (handle.closed === undefined) host.uv_poll_start(at, wanted, this.#onPoll);
    };
    want(events);
    return {
      want,
      close: () =>
        new Promise((resolve) => {
          handle.closed = resolve;
          host.uv_close(at, this.#onClose);
        }),
    };
  }

  #poll(at: number, events: number): void {
    const handle = this.#handles.get(at);
    if (handle === undefined) return;
    // C calls back outside of Node's bookkeeping (microtasks, uncaught errors). An immediate is inside of it, and runs in the same round of the loop.
    if (handle.seen === 0) setImmediate(deliver, handle);
    handle.seen = events < 0 || handle.seen < 0 ? -1 : handle.seen | events;
  }

  #gone(at: number): void {
    const closed = this.#handles.get(at)?.closed;
    this.#handles.delete(at);
    if (closed !== undefined) setImmediate(closed);
  }
}

function deliver(handle: Handle): void {
  const { seen } = handle;
  handle.seen = 0;
  if (handle.closed === undefined) handle.ready(seen);
}
