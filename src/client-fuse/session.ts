import { constants } from 'node:os';
import type { Clock, Timer } from '../base/clock.ts';
import { isPending } from '../base/eventually.ts';
import type { Logger } from '../base/logger.ts';
import { Throttle } from '../rpc/throttle.ts';
import type { Device } from './device/device.ts';
import type { Answer, Context } from './files/context.ts';
import { removeHidden } from './operations/hide.ts';
import { OPERATIONS, type Operation } from './operations/table.ts';
import { type Negotiated, negotiate } from './protocol/init.ts';
import { Opcode, OUT_HEADER_BYTES } from './protocol/numbers.ts';
import { errnoOf, ProtocolError } from './protocol/refusal.ts';
import { attributesChanged, contentsChanged, putHeader, Reply } from './protocol/reply.ts';
import { Request } from './protocol/request.ts';

const { errno } = constants;

/** Requests under way at most, and of those with data that are kept; beyond that the kernel's wait in the kernel. */
export const REQUESTS_MAX = 4096;
export const KEPT_MAX = 64;
/**
 * How long a request goes on that whoever asked wants to be rid of, in milliseconds; then it is answered with EINTR, whatever becomes of it. A change that is under way is
 * not broken off by every signal, and no process hangs for ever.
 */
export const INTERRUPT_MS = 1_000;

/** What a session is made with. */
export interface SessionOptions {
  readonly device: Device;
  readonly context: Context;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A request that is not answered yet. */
interface Pending {
  readonly request: Request;
  readonly operation: Operation;
  interrupted: Timer | null;
}

/**
 * One mounted tree: reads what the kernel asks, has it done, answers. `ready` resolves when the kernel and this side have agreed on how to talk; `ended` when it is
 * over, with the error if it was not an unmount.
 */
export class Session {
  readonly ready: Promise<Negotiated>;
  readonly ended: Promise<Error | null>;
  readonly #options: SessionOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #ready = Promise.withResolvers<Negotiated>();
  readonly #ended = Promise.withResolvers<Error | null>();
  /** While a volcano is away every request fails: a line now and then says so. */
  readonly #complaints: Throttle;
  #negotiated = false;
  /** Requests whose handlers have not come to their end, also those that were answered with EINTR. */
  #running = 0;
  #kept = 0;
  #paused = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#complaints = new Throttle(options.clock);
    options.context.attributesChanged = (nodeid) => void options.device.send([attributesChanged(nodeid)]);
    options.context.contentsChanged = (nodeid) => options.device.notify(contentsChanged(nodeid));
    this.ready = this.#ready.promise;
    this.ended = this.#ended.promise;
    // Who does not wait for it does not need to hear that it failed.
    this.ready.catch(() => {});
  }

  /** Requests that are not answered yet. */
  get underWay(): number {
    return this.#pending.size;
  }

  start(): void {
    this.#options.device.start({
      request: (bytes, length) => this.#take(bytes, length),
      ended: (error) => void this.#end(error),
    });
  }

  /** Lets go of the connection. */
  async close(): Promise<void> {
    await this.#options.device.close();
    await this.#end(null);
  }

  #take(bytes: Buffer, length: number): Promise<unknown> | null {
    let request: Request;
    try {
      request = new Request(bytes, length);
    } catch (error) {
      this.#complaints.run(() => this.#options.logger.error({ err: error }, 'the kernel sent what is no request'));
      return null;
    }
    try {
      return this.#dispatch(request);
    } catch (error) {
      this.#fail(request, error);
      return null;
    }
  }

  #dispatch(request: Request): Promise<unknown> | null {
    if (Number.isNaN(request.unique)) throw new ProtocolError('a request that cannot be told from others');
    const { opcode } = request;
    if (opcode === Opcode.INIT) return this.#init(request);
    if (!this.#negotiated) throw new ProtocolError('a request before INIT');
    if (opcode === Opcode.INTERRUPT) return this.#interrupt(request);
    if (opcode === Opcode.DESTROY) return this.#answer(request, null);
    const operation = OPERATIONS.get(opcode);
    if (operation === undefined) return this.#refuse(request, errno.ENOSYS);
    if (operation.silent === true) {
      operation.handle(this.#options.context, request);
      return null;
    }
    const answer = operation.handle(this.#options.context, request);
    if (!isPending(answer)) return this.#answer(request, answer);
    return this.#wait(request, operation, answer);
  }

  #wait(request: Request, operation: Operation, answer: Promise<Answer>): Promise<unknown> | null {
    const { unique } = request;
    const pending: Pending = { request, operation, interrupted: null };
    this.#pending.set(unique, pending);
    this.#running += 1;
    if (operation.keeps === true) this.#kept += 1;
    this.#pace();
    const settled = answer.then(
      (value) => this.#settle(pending, () => this.#answer(request, value), value),
      (error) => this.#settle(pending, () => this.#fail(request, error), null),
    );
    return operation.keeps === true ? settled : null;
  }

  #settle(pending: Pending, send: () => void, value: Answer): void {
    const { request, operation, interrupted } = pending;
    interrupted?.cancel();
    this.#running -= 1;
    if (operation.keeps === true) this.#kept -= 1;
    // Otherwise it was answered with EINTR.
    if (this.#pending.get(request.unique) === pending) {
      this.#pending.delete(request.unique);
      send();
    } else if (value instanceof Reply) value.lose();
    this.#pace();
  }

  /** Reads on only while there is room for what comes. */
  #pace(): void {
    const full = this.#running >= REQUESTS_MAX || this.#kept >= KEPT_MAX;
    if (full === this.#paused) return;
    this.#paused = full;
    if (full) this.#options.device.pause();
    else this.#options.device.resume();
  }

  #init(request: Request): null {
    const answer = negotiate(request);
    if (answer.kind === 'refused') {
      this.#refuse(request, errno.EPROTO);
      this.#ready.reject(new Error(answer.why));
      return null;
    }
    if (answer.kind === 'agreed') {
      this.#negotiated = true;
      this.#options.context.mapsDirect = answer.negotiated.agreed.has('DIRECT_IO_ALLOW_MMAP');
      this.#ready.resolve(answer.negotiated);
    }
    return this.#answer(request, answer.reply);
  }

  /** INTERRUPT: whoever asked does not want to wait any more. */
  #interrupt(request: Request): null {
    const pending = this.#pending.get(request.u64());
    if (pending === undefined || pending.interrupted !== null) return null;
    pending.request.interrupted = true;
    pending.interrupted = this.#options.clock.after(INTERRUPT_MS, () => {
      if (this.#pending.get(pending.request.unique) !== pending) return;
      this.#pending.delete(pending.request.unique);
      this.#refuse(pending.request, errno.EINTR);
    });
    return null;
  }

  #answer({ unique }: Request, answer: Answer): null {
    const { device } = this.#options;
    if (answer instanceof Reply) {
      if (!device.send([answer.message(unique)])) answer.lose();
      return null;
    }
    const header = Buffer.allocUnsafe(OUT_HEADER_BYTES);
    putHeader(header, OUT_HEADER_BYTES + (answer?.length ?? 0), 0, unique);
    device.send(answer === null || answer.length === 0 ? [header] : [header, answer]);
    return null;
  }

  #refuse({ unique }: Request, number: number): null {
    const header = Buffer.allocUnsafe(OUT_HEADER_BYTES);
    putHeader(header, OUT_HEADER_BYTES, number, unique);
    this.#options.device.send([header]);
    return null;
  }

  #fail(request: Request, error: unknown): void {
    const known = errnoOf(error);
    const operation = OPERATIONS.get(request.opcode);
    if (known === null || error instanceof ProtocolError) {
      const what = { err: error, request: operation?.name ?? request.opcode };
      const sentence = known === null ? 'a request failed' : 'the kernel sent a request that is wrong';
      this.#complaints.run((held) => this.#options.logger.error(held === 0 ? what : { ...what, held }, sentence));
    }
    if (operation?.silent === true || Number.isNaN(request.unique)) return;
    this.#refuse(request, known ?? errno.EIO);
  }

  async #end(error: Error | null): Promise<void> {
    const { context } = this.#options;
    for (const { interrupted } of this.#pending.values()) interrupted?.cancel();
    this.#pending.clear();
    const hidden = new Set([...context.handles.values()].map(({ node }) => node));
    await Promise.all([context.locks.end(), ...[...hidden].map((node) => removeHidden(context, node))]);
    this.#ready.reject(error ?? new Error('it was unmounted before the kernel had asked anything'));
    this.#ended.resolve(error);
  }
}
