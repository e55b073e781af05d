import type { Endpoint, Stream } from '../base/net.ts';
import type { SecureStream } from '../base/secure-net.ts';
import type { RpcBounds } from './bounds.ts';
import type { Dispatcher, Exchange, Peer } from './dispatch.ts';
import { Outgoing } from './outgoing.ts';
import { FRAGMENT_HEADER, LAST_FRAGMENT, NextRecordMemory, RecordReader } from './record.ts';
import { XdrError, type XdrWriter } from './xdr.ts';

/** From so many bytes on, replies are sent from where they were made and not copied first. */
const DIRECT_BYTES = 4096;
/** Replies of one read event are sent together, but no more than about this many bytes at a time. */
const BATCH_BYTES = 256 * 1024;
/**
 * After so many calls that were run, or so many milliseconds spent on them, a connection waits for the next turn of the event loop: who sends many expensive
 * calls at once does not keep others waiting for longer than this and one call more.
 */
export const TURN_CALLS_MAX = 128;
export const TURN_MS_MAX = 2;

/** One TCP connection: finds records, has them dispatched, and holds the caller back when there is too much of anything. */
export class Connection implements Peer {
  readonly transport = 'tcp';
  readonly markBytes = FRAGMENT_HEADER;
  readonly replyBytesMax = LAST_FRAGMENT - 1;
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly identity: string | undefined;
  readonly #exchange: Exchange;
  readonly #bounds: RpcBounds;
  readonly #dispatcher: Dispatcher;
  readonly #stream: Stream;
  readonly #records: RecordReader;
  readonly #turn = () => this.#run();
  readonly #nextTurn = () => {
    this.#turnCalls = this.#turnMs = 0;
    this.#over = false;
    this.#run();
  };
  /** Calls, and milliseconds spent on them, since the connection last waited for a turn. */
  #turnCalls = 0;
  #turnMs = 0;
  /** Its share of this turn is used up. */
  #over = false;
  /** Replies to calls that had to wait. */
  readonly #late: Outgoing;
  #inFlight = 0;
  #running = false;
  #paused = false;
  /** The peer does not take its replies: nothing more is read from it. */
  #stalled = false;
  #stalledSince = 0;
  #queuedBefore = 0;
  #lastCall: number;
  #stopped = false;
  /** The peer has sent its last call. */
  #peerEnded = false;
  #ended = false;
  #closed = false;

  constructor(exchange: Exchange, bounds: RpcBounds, dispatcher: Dispatcher, stream: Stream, gone: () => void) {
    this.#exchange = exchange;
    this.#bounds = bounds;
    this.#dispatcher = dispatcher;
    this.#stream = stream;
    this.client = stream.remote;
    this.server = stream.local;
    this.identity = 'identity' in stream ? (stream as SecureStream).identity : undefined;
    this.#records = new RecordReader(bounds, { memory: new NextRecordMemory() });
    this.#late = new Outgoing(exchange.clock, stream, (data) => {
      this.#write(data);
      this.#throttle();
    });
    this.#lastCall = exchange.clock.monotonic();
    stream.onClose(() => {
      this.#closed = true;
      exchange.load.forget(this.#turn);
      gone();
    });
    stream.onDrain(() => {
      this.#stalled = false;
      this.#run();
    });
    stream.onEnd(() => {
      this.#peerEnded = true;
      this.#run();
    });
    stream.onData((data) => {
      if (this.#ended) return;
      this.#records.push(data);
      this.#run();
    });
  }

  send(writer: XdrWriter, start: number): void {
    writer.patchU32(start, (LAST_FRAGMENT | (writer.position - start - FRAGMENT_HEADER)) >>> 0);
    // During a receive the reply stays in the writer, and leaves with the others.
    if (this.#running) return;
    this.#late.append(writer.written(start));
    writer.position = start;
    if (start === 0) writer.clear();
  }

  enter(): void {
    this.#inFlight += 1;
  }

  leave(): void {
    this.#inFlight -= 1;
    this.#run();
  }

  /** Takes no more calls; those under way are still answered. */
  refuse(): void {
    this.#stopped = true;
    this.#run();
  }

  /** Closes when the replies have left. */
  end(): void {
    if (this.#ended) return;
    this.#late.flush();
    this.#ended = true;
    this.#stream.end();
    // What still comes is not looked at, but without reading the peer's own end would not be seen.
    this.#stream.resume();
  }

  destroy(reset = false): void {
    this.#closed = true;
    this.#stream.destroy(reset);
  }

  /** Closes the connection if it has been of no use for too long. To be called now and then. */
  sweep(now: number): void {
    if (this.#closed) return;
    const { queued } = this.#stream;
    if (queued < this.#queuedBefore) this.#stalledSince = now;
    this.#queuedBefore = queued;
    if (this.#stalled && now - this.#stalledSince >= this.#bounds.stallMs) {
      this.#giveUp(`took none of its replies for ${this.#bounds.stallMs} ms`);
      return;
    }
    const idle = this.#inFlight === 0 && !this.#paused && queued === 0;
    if (!idle || now - this.#lastCall < this.#bounds.idleMs) return;
    this.#exchange.logger.debug({ client: this.client.address }, 'an idle connection was closed');
    this.destroy();
  }

  #take(writer: XdrWriter, start: number): Buffer {
    const data = writer.copy(start);
    writer.position = start;
    if (start === 0) writer.clear();
    return data;
  }

  /** Sends what the writer holds from `start` on. */
  #flush(writer: XdrWriter, start: number): void {
    if (this.#stream.queued > 0 || writer.position - start < DIRECT_BYTES) {
      this.#write(this.#take(writer, start));
      return;
    }
    this.#write(writer.written(start));
    // What the host has not taken must not be written over.
    if (this.#stream.queued > 0) writer.handOver(start);
    else writer.position = start;
    if (start === 0) writer.clear();
  }

  #blocked(): boolean {
    if (this.#over || this.#stalled || this.#stopped || this.#inFlight >= this.#bounds.inFlightPerClient) return true;
    if (!this.#exchange.load.full) return false;
    this.#exchange.load.wait(this.#turn);
    return true;
  }

  #run(): void {
    if (this.#running || this.#closed) return;
    const { writer, clock } = this.#exchange;
    const start = writer.position;
    let now = clock.monotonic();
    let broken: XdrError | undefined;
    let allRead = false;
    this.#running = true;
    try {
      while (!this.#closed && !this.#blocked()) {
        const record = this.#records.next();
        if (record === undefined) {
          allRead = true;
          break;
        }
        this.#lastCall = now;
        this.#dispatcher.dispatch(record, this);
        const before = now;
        now = clock.monotonic();
        this.#spend(now - before);
        if (writer.position - start >= BATCH_BYTES) this.#flush(writer, start);
      }
    } catch (error) {
      if (!(error instanceof XdrError)) throw error;
      broken = error;
    } finally {
      this.#running = false;
      if (writer.position > start) this.#flush(writer, start);
    }
    if (broken !== undefined) this.#giveUp(broken.message);
    else if (this.#peerEnded && allRead && this.#inFlight === 0) this.end();
    else this.#throttle();
  }

  /** Counts a call; when that was enough, the rest waits for the next turn. */
  #spend(milliseconds: number): void {
    this.#turnCalls++;
    this.#turnMs += milliseconds;
    if (this.#turnCalls < TURN_CALLS_MAX && this.#turnMs < TURN_MS_MAX) return;
    this.#over = true;
    this.#exchange.clock.soon(this.#nextTurn);
  }

  /** Reads on, or stops reading. */
  #throttle(): void {
    const pause = this.#blocked();
    if (pause === this.#paused || this.#ended || this.#closed) return;
    this.#paused = pause;
    if (pause) this.#stream.pause();
    else this.#stream.resume();
  }

  #write(data: Buffer): void {
    if (this.#closed) return;
    if (!this.#stream.write(data) && !this.#stalled) {
      this.#stalled = true;
      this.#stalledSince = this.#exchange.clock.monotonic();
    }
    const { queued } = this.#stream;
    if (queued > this.#bounds.queuedBytes) this.#giveUp(`${queued} bytes of replies were not taken`);
  }

  #giveUp(cause: string): void {
    this.#exchange.logger.warn(
      { client: this.client.address, port: this.client.port, cause },
      'a connection was closed',
    );
    this.destroy();
  }
}
