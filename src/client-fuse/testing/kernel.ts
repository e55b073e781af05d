import { constants } from 'node:os';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { type Random, seededRandom } from '../../base/random.ts';
import { type ManualClock, manualClock } from '../../base/testing/manual-clock.ts';
import type { FlareService } from '../../flare/service.ts';
import { MemoryService } from '../../flare/testing/memory-service.ts';
import type { Device, DeviceEvents } from '../device/device.ts';
import { Context } from '../files/context.ts';
import { IN_HEADER_BYTES, Opcode, type OpcodeName, ROOT_NODE } from '../protocol/numbers.ts';
import { Session } from '../session.ts';

/** A field of a request: a number of 4 or 8 bytes, bytes, or a text with its NUL. */
export type Field = { readonly u32: number } | { readonly u64: number } | Uint8Array | string;

export const u32 = (value: number): Field => ({ u32: value });
export const u64 = (value: number): Field => ({ u64: value });

/** The bytes of fields. */
export function bytesOf(fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.map((field) => {
      if (typeof field === 'string') return Buffer.from(`${field}\0`, 'latin1');
      if (field instanceof Uint8Array) return Buffer.from(field);
      const bytes = Buffer.alloc('u32' in field ? 4 : 8);
      if ('u32' in field) bytes.writeUInt32LE(field.u32 >>> 0);
      else bytes.writeBigUInt64LE(BigInt(field.u64));
      return bytes;
    }),
  );
}

/** Who asks, and about what. */
export interface About {
  readonly nodeid?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** An answer: 0 or the name of an error, and the bytes behind the header. */
export interface Answered {
  readonly error: string;
  readonly body: Buffer;
}

const ERRORS = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));
// The same number as EWOULDBLOCK.
ERRORS.set(constants.errno.EAGAIN, 'EAGAIN');

/** The other side of a session, in the kernel's stead: sends bytes and gets what is answered. */
export class FakeKernel implements Device {
  readonly answers = new Map<number, Answered>();
  /** Every message that was sent, in order. */
  readonly sent: Buffer[] = [];
  /** Messages that are no answers. */
  readonly notified: Buffer[] = [];
  /** What `notify` waits for, as for reads of pages that are to go. */
  lettingGo: Promise<void> = Promise.resolve();
  paused = false;
  closed = false;
  /** Answers to these requests are not waited for. */
  readonly aborted = new Set<number>();
  #events: DeviceEvents | null = null;
  #next = 2;
  readonly #waiting = new Map<number, (answer: Answered) => void>();

  start(events: DeviceEvents): void {
    this.#events = events;
  }

  send(parts: readonly Uint8Array[]): boolean {
    const message = Buffer.concat(parts);
    const unique = Number(message.readBigUInt64LE(8));
    if (message.readUInt32LE(0) !== message.length) throw new Error('an answer whose length is wrong');
    if (unique === 0) {
      this.notified.push(message);
      return true;
    }
    if (this.aborted.has(unique)) return false;
    this.sent.push(message);
    const number = -message.readInt32LE(4);
    const error = number === 0 ? 'OK' : (ERRORS.get(number) ?? String(number));
    const answer = { error, body: Buffer.from(message.subarray(16)) };
    if (this.answers.has(unique)) throw new Error('a second answer to one request');
    this.answers.set(unique, answer);
    this.#waiting.get(unique)?.(answer);
    return true;
  }

  async notify(message: Uint8Array): Promise<void> {
    this.notified.push(Buffer.from(message));
    await this.lettingGo;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  /** As when it is unmounted. */
  end(error: Error | null = null): void {
    this.#events!.ended(error);
  }

  /** A whole request. */
  request(opcode: number, fields: readonly Field[], about: About = {}): { bytes: Buffer; unique: number } {
    const unique = this.#next;
    this.#next += 2;
    const body = bytesOf(fields);
    const { nodeid = ROOT_NODE, uid = 0, gid = 0 } = about;
    const header = [u32(IN_HEADER_BYTES + body.length), u32(opcode), u64(unique), u64(nodeid), u32(uid), u32(gid)];
    return { bytes: Buffer.concat([bytesOf([...header, u32(0), u32(0)]), body]), unique };
  }

  /** Hands bytes over as read; the memory is overwritten as soon as it may be. */
  deliver(bytes: Buffer, length = bytes.length): void {
    const kept = this.#events!.request(bytes, length);
    if (kept === null) bytes.fill(0xee);
    else void kept.then(() => bytes.fill(0xee));
  }

  /** Sends a request and does not wait; its number. */
  tell(name: OpcodeName, fields: readonly Field[], about?: About): number {
    const { bytes, unique } = this.request(Opcode[name], fields, about);
    this.deliver(bytes);
    return unique;
  }

  /** The answer to a request, when it comes. */
  answer(unique: number): Promise<Answered> {
    const there = this.answers.get(unique);
    if (there !== undefined) return Promise.resolve(there);
    return new Promise((resolve) => this.#waiting.set(unique, resolve));
  }

  /** Sends a request and waits for its answer. */
  ask(name: OpcodeName, fields: readonly Field[], about?: About): Promise<Answered> {
    return this.answer(this.tell(name, fields, about));
  }
}

/** Kernel 7.39 with all flags that there are. */
export const INIT_FIELDS: readonly Field[] = [
  u32(7),
  u32(39),
  u32(131072),
  u32(0x7fffffff),
  u32(0xffff),
  Buffer.alloc(44),
];

/** A session over a fake kernel. */
export interface FakeMount {
  readonly kernel: FakeKernel;
  readonly session: Session;
  readonly context: Context;
  readonly clock: ManualClock;
  readonly service: FlareService;
  /** What was logged as an error or a warning. */
  readonly logged: string[];
}

export interface FakeOptions {
  readonly service?: FlareService;
  readonly random?: Random;
  readonly clock?: ManualClock;
  readonly leaseMs?: number;
}

/** A session that has not been asked anything yet. */
export async function fakeMount(options: FakeOptions = {}): Promise<FakeMount> {
  const clock = options.clock ?? manualClock();
  const random = options.random ?? seededRandom(1);
  const service = options.service ?? new MemoryService({ clock, random, root: { mode: 0o777 } });
  const logged: string[] = [];
  const keep = (_fields: object, message: string): void => void logged.push(message);
  const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep, fatal: keep, child: () => logger };
  const context = await Context.open({
    service,
    clock: clock as Clock,
    random,
    logger,
    leaseMs: options.leaseMs ?? 60_000,
  });
  const kernel = new FakeKernel();
  const session = new Session({ device: kernel, context, clock, logger });
  session.start();
  return { kernel, session, context, clock, service, logged };
}

/** A session that kernel 7.39 has agreed with. */
export async function readyMount(options: FakeOptions = {}): Promise<FakeMount> {
  const made = await fakeMount(options);
  await made.kernel.ask('INIT', INIT_FIELDS, { nodeid: 0 });
  await made.session.ready;
  return made;
}
