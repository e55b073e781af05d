import { setTimeout as pause } from 'node:timers/promises';
import { TcpWire, UdpWire } from '../../conformance/lib/wire.ts';
import { mount, Nfs2Wire } from '../../conformance/lib/wire-nfs2.ts';
import { keyOf, ROOT_KEY, sliceOf } from '../../src/flare/keys.ts';
import type { RingMember } from './ring.ts';

const DIRECTORY = 'load';
const BYTES = 4096;
/** Over TCP a call is sent once and waited for as long as this: far above any failover. */
const PATIENCE = { retransmitMs: 10_000, transmissions: 60 };
/** Between two calls of one file, in milliseconds: a load, and not as much as goes. */
const REST_MS = 20;

/** A file that is written all the time. */
interface Writer {
  readonly slice: number;
  /** The longest that a call took of those that were under way at the mark or begun later, in milliseconds, and when it was over, in milliseconds since 1970. */
  longest: number;
  over: number;
  /** Calls begun since the mark that were answered. */
  since: number;
}

/** Writes files through some volcanos, each by calls one after the other, and knows how long these took. */
export class WriteLoad {
  readonly #writers: Writer[] = [];
  readonly #wires: TcpWire[] = [];
  #mark = Number.POSITIVE_INFINITY;
  #stopped = false;
  #failure: Error | null = null;
  #running: Promise<unknown> = Promise.resolve();

  static async start(through: readonly RingMember[], files: number): Promise<WriteLoad> {
    const load = new WriteLoad();
    const all = [];
    for (const { nfs } of through) {
      const wire = await TcpWire.open(nfs);
      load.#wires.push(wire);
      all.push(new Nfs2Wire(wire, { patience: PATIENCE }));
    }
    const mounting = await UdpWire.open(through[0]!.mount);
    const root = await mount(mounting, '/');
    mounting.close();
    const { handle: home } = await all[0]!.ok('MKDIR', root, DIRECTORY, { mode: 0o755 });
    const running: Promise<void>[] = [];
    for (let n = 0; n < files; n++) {
      const nfs = all[n % all.length]!;
      const { handle } = await nfs.ok('CREATE', home!, `f${n}`, { mode: 0o644 });
      const slice = sliceOf(keyOf(keyOf(ROOT_KEY, DIRECTORY), `f${n}`));
      const writer: Writer = { slice, longest: 0, over: 0, since: 0 };
      load.#writers.push(writer);
      running.push(load.#write(nfs, handle!, writer));
    }
    load.#running = Promise.all(running).catch((error: Error) => {
      load.#failure = error;
    });
    return load;
  }

  /** From now on it is counted how long calls take. */
  mark(): void {
    this.#mark = performance.now();
  }

  /** Resolves when each file has had a call that was begun since the mark, and answered. */
  async allAnswered(): Promise<void> {
    while (this.#writers.some(({ since }) => since === 0)) {
      if (this.#failure !== null) throw this.#failure;
      await pause(REST_MS);
    }
  }

  /** Of the files in such slices the longest wait, in milliseconds, and when the last such was over. */
  longest(of: (slice: number) => boolean): { readonly ms: number; readonly over: number } {
    const writers = this.#writers.filter(({ slice }) => of(slice));
    const ms = Math.max(0, ...writers.map(({ longest }) => longest));
    return { ms, over: Math.max(0, ...writers.map(({ over }) => over)) };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const wire of this.#wires) wire.close();
    await this.#running;
  }

  async #write(nfs: Nfs2Wire, handle: Buffer, writer: Writer): Promise<void> {
    const data = Buffer.alloc(BYTES, 0x6d);
    for (let n = 0; !this.#stopped; n = (n + 1) % 16) {
      const began = performance.now();
      await nfs.ok('WRITE', handle, n * BYTES, data);
      const now = performance.now();
      if (now >= this.#mark) {
        if (now - began > writer.longest) Object.assign(writer, { longest: now - began, over: Date.now() });
        if (began >= this.#mark) writer.since += 1;
      }
      await pause(REST_MS);
    }
  }
}
