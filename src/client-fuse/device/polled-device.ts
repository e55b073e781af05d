import { closeSync, write, writeSync, writevSync } from 'node:fs';
import { constants } from 'node:os';
import { UV_READABLE } from '../../base/net/batched/layout.ts';
import type { Watch } from '../../base/net/batched/watch.ts';
import { IO_MAX } from '../protocol/init.ts';
import { WRITE_HEAD_BYTES } from '../protocol/numbers.ts';
import type { Device, DeviceEvents } from './device.ts';
import { fuseHost, fuseWatcher, hostError } from './host.ts';

const { errno } = constants;

/** What one read takes at most: the largest WRITE, and a page, as the kernel wants it. */
export const REQUEST_BYTES_MAX = IO_MAX + Math.max(WRITE_HEAD_BYTES, 4096);
/** Requests that are read in one turn of the event loop, at most. */
const TURN_REQUESTS = 64;
/** Pieces of memory for requests that are kept to be used again. */
const MEMORY_KEPT = 8;

interface Memory {
  readonly bytes: Buffer;
  readonly at: number;
}

/**
 * `/dev/fuse`, read without blocking on the main thread whenever the event loop finds it readable. That is where the service is, so no request changes threads on its
 * way (docs/performance.md has what that saves).
 */
export class PolledDevice implements Device {
  readonly #fd: number;
  readonly #free: Memory[] = [];
  #events: DeviceEvents | null = null;
  #watch: Watch | null = null;
  #paused = false;
  #done = false;

  /** Takes over the descriptor, which must not block. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  start(events: DeviceEvents): void {
    this.#events = events;
    this.#watch = fuseWatcher().watch(this.#fd, UV_READABLE, (ready) => this.#turn(ready));
  }

  send(parts: readonly Uint8Array[]): boolean {
    if (this.#done) return false;
    try {
      if (parts.length === 1) writeSync(this.#fd, parts[0]!);
      else writevSync(this.#fd, parts);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Whoever asked was interrupted, or all is unmounted.
      if (code === 'ENOENT' || code === 'ENODEV') return false;
      throw error;
    }
  }

  /** In a thread of the pool: the main one answers what the kernel waits for meanwhile. What is wrong shows itself when requests are read. */
  notify(message: Uint8Array): Promise<void> {
    if (this.#done) return Promise.resolve();
    return new Promise((resolve) => write(this.#fd, message, () => resolve()));
  }

  pause(): void {
    this.#paused = true;
    this.#watch?.want(0);
  }

  resume(): void {
    this.#paused = false;
    this.#watch?.want(UV_READABLE);
  }

  async close(): Promise<void> {
    if (this.#done) return;
    this.#done = true;
    const gone = this.#watch?.close();
    closeSync(this.#fd);
    await gone;
  }

  #turn(ready: number): void {
    for (let count = 0; count < TURN_REQUESTS && !this.#paused && !this.#done; count++) {
      const memory = this.#memory();
      const length = fuseHost().read(this.#fd, memory.at, REQUEST_BYTES_MAX);
      if (length > 0) {
        const kept = this.#events!.request(memory.bytes, length);
        if (kept === null) this.#giveBack(memory);
        else void kept.finally(() => this.#giveBack(memory));
        continue;
      }
      this.#giveBack(memory);
      const why = length === 0 ? errno.ENODEV : fuseHost().errno();
      if (why === errno.EAGAIN) break;
      // A request that was given up between being announced and being read.
      if (why === errno.ENOENT || why === errno.EINTR) continue;
      this.#end(why === errno.ENODEV ? null : hostError('read', why, '/dev/fuse'));
      return;
    }
    // After an error the loop waits no more by itself.
    if (ready < 0 && !this.#paused && !this.#done) this.#watch?.want(UV_READABLE);
  }

  #end(error: Error | null): void {
    if (this.#done) return;
    void this.close();
    this.#events!.ended(error);
  }

  #memory(): Memory {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const bytes = Buffer.allocUnsafeSlow(REQUEST_BYTES_MAX);
    return { bytes, at: fuseHost().addressOf(bytes.buffer) };
  }

  #giveBack(memory: Memory): void {
    if (this.#free.length < MEMORY_KEPT) this.#free.push(memory);
  }
}
