import type { Clock } from '../base/clock.ts';
import { isPending } from '../base/eventually.ts';
import type { Logger } from '../base/logger.ts';
import type { Endpoint } from '../base/net.ts';
import { Call } from './call.ts';
import { noCredential } from './credential.ts';
import type { Load } from './load.ts';
import * as message from './message.ts';
import { AcceptStat, type CallHeader, NotACall } from './message.ts';
import type { CallOutcome, RpcObserver } from './observer.ts';
import { DROP, type Procedure, type Program, RpcRefusal } from './program.ts';
import { XdrError, XdrReader, type XdrWriter } from './xdr.ts';

/** Where a call came from and its reply goes: a datagram's sender or a connection. */
export interface Peer {
  readonly transport: 'udp' | 'tcp';
  readonly client: Endpoint;
  readonly server: Endpoint;
  /** Who the other end has proved to be; undefined where nothing is proved. */
  readonly identity?: string | undefined;
  /** Bytes to leave free in front of a reply. */
  readonly markBytes: number;
  /** The longest reply that can be sent. */
  readonly replyBytesMax: number;
  /** Sends the reply that the writer holds from `start` (the mark included) on; it may leave it there for later, if it came during a receive. */
  send(writer: XdrWriter, start: number): void;
  /** A call of this peer goes on after the receive, and has ended. */
  enter(): void;
  leave(): void;
}

/** What the dispatchers of one server share. */
export interface Exchange {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: RpcObserver | undefined;
  readonly load: Load;
  /** Replies are made here, one behind the other like a stack: who writes takes its bytes away again. */
  readonly writer: XdrWriter;
  /** Calls under way, by xid. */
  readonly inProgress: Map<number, Call[]>;
}

interface Served {
  readonly program: Program;
  readonly low: number;
  readonly high: number;
}

/** A call between its arrival and its end. */
interface Pending {
  readonly peer: Peer;
  readonly header: Readonly<Omit<CallHeader, 'credential'>>;
  readonly requestBytes: number;
  readonly began: number;
}

/** Finds the procedure that a message calls, runs it, and answers (RFC 5531 §9). Never throws. */
export class Dispatcher {
  readonly #exchange: Exchange;
  readonly #programs = new Map<number, Served>();
  readonly #reader = new XdrReader(Buffer.alloc(0));
  readonly #header: CallHeader = { xid: 0, program: 0, version: 0, procedure: 0, credential: noCredential };

  constructor(exchange: Exchange, programs: readonly Program[]) {
    this.#exchange = exchange;
    for (const program of programs) {
      if (this.#programs.has(program.number)) throw new Error(`program ${program.number} is served twice on one port`);
      const versions = [...program.versions.keys()];
      this.#programs.set(program.number, { program, low: Math.min(...versions), high: Math.max(...versions) });
    }
  }

  /** Takes one whole message, which is valid until this returns. */
  dispatch(bytes: Buffer, peer: Peer): void {
    const { observer, clock } = this.#exchange;
    const reader = this.#reader.reset(bytes);
    const header = this.#header;
    header.program = header.version = header.procedure = 0;
    const found = message.readCallHeader(reader, header);
    if (found === NotACall.NOTHING) return;
    const began = observer === undefined ? 0 : clock.monotonic();
    if (found !== 0) {
      this.#refuse(found, { peer, header, requestBytes: bytes.length, began });
      return;
    }
    const call = new Call(
      peer.transport,
      peer.client,
      peer.server,
      header,
      bytes,
      reader.offset,
      bytes.length,
      peer.identity,
      peer.transport === 'tcp' ? peer : undefined,
    );
    const pending: Pending = { peer, header: call, requestBytes: bytes.length, began };
    const procedure = this.#find(pending);
    if (procedure === undefined) return;
    if (this.#isDuplicate(call)) this.#report(pending, 'DUPLICATE', 0);
    else this.#run(procedure, call, pending);
  }

  /** Tells the observer of a message that was dropped unread. */
  overload(bytes: Buffer, peer: Peer): void {
    const header = { xid: 0, program: 0, version: 0, procedure: 0 };
    this.#report({ peer, header, requestBytes: bytes.length, began: this.#exchange.clock.monotonic() }, 'OVERLOAD', 0);
  }

  /** Answers with MSG_DENIED: RPC_MISMATCH, or AUTH_ERROR with that status. */
  #refuse(found: number, pending: Pending): void {
    const { writer } = this.#exchange;
    const start = writer.position;
    writer.reserve(pending.peer.markBytes);
    if (found === NotACall.RPC_MISMATCH) message.writeRpcMismatch(writer, pending.header.xid);
    else message.writeAuthError(writer, pending.header.xid, found);
    this.#send(pending, start, found === NotACall.RPC_MISMATCH ? 'RPC_MISMATCH' : 'AUTH_ERROR');
  }

  #find(pending: Pending): Procedure<any, any> | undefined {
    const { program: number, version, procedure } = pending.header;
    const served = this.#programs.get(number);
    if (served === undefined) {
      this.#answer(pending, 'PROG_UNAVAIL');
      return undefined;
    }
    const procedures = served.program.versions.get(version);
    if (procedures === undefined) {
      const { writer } = this.#exchange;
      const start = writer.position;
      writer.reserve(pending.peer.markBytes);
      message.writeProgramMismatch(writer, pending.header.xid, served.low, served.high);
      this.#send(pending, start, 'PROG_MISMATCH');
      return undefined;
    }
    const found = procedures.get(procedure);
    if (found === undefined) this.#answer(pending, 'PROC_UNAVAIL');
    return found;
  }

  #run(procedure: Procedure<any, any>, call: Call, pending: Pending): void {
    let args: unknown;
    try {
      args = procedure.arguments.read(this.#reader);
      if (this.#reader.remaining > 0) throw new XdrError('bytes are left over behind the arguments');
    } catch (error) {
      if (error instanceof XdrError) this.#answer(pending, 'GARBAGE_ARGS');
      else this.#fail(procedure, pending, error);
      return;
    }
    try {
      const result = procedure.handle(args, call);
      if (isPending(result)) this.#wait(procedure, call, pending, result);
      else this.#succeed(procedure, pending, result);
    } catch (error) {
      this.#fail(procedure, pending, error);
    }
  }

  /** Who has proved who he is sends nothing twice on his connection, and says by himself which calls are the same: no sum is made of all that he sends. */
  #isDuplicate(call: Call): boolean {
    if (call.identity !== undefined) return false;
    const same = this.#exchange.inProgress.get(call.xid);
    if (same === undefined) return false;
    const identity = call.replayIdentity();
    return same.some((other) => other.replayIdentity() === identity);
  }

  #wait(procedure: Procedure<any, any>, call: Call, pending: Pending, result: Promise<unknown>): void {
    const { load, observer } = this.#exchange;
    if (call.identity === undefined) this.#remember(call);
    else call.release();
    const waiting = { client: pending.peer.client, began: pending.began };
    observer?.waits?.(waiting);
    load.enter();
    pending.peer.enter();
    const end = (answer: () => void) => {
      if (call.identity === undefined) this.#forget(call);
      observer?.waited?.(waiting);
      answer();
      pending.peer.leave();
      load.leave();
    };
    result.then(
      (value) => end(() => this.#succeed(procedure, pending, value)),
      (error) => end(() => this.#fail(procedure, pending, error)),
    );
  }

  #remember(call: Call): void {
    call.settle();
    const { inProgress } = this.#exchange;
    const same = inProgress.get(call.xid);
    if (same === undefined) inProgress.set(call.xid, [call]);
    else same.push(call);
  }

  #forget(call: Call): void {
    const { inProgress } = this.#exchange;
    const others = inProgress.get(call.xid)?.filter((other) => other !== call) ?? [];
    if (others.length === 0) inProgress.delete(call.xid);
    else inProgress.set(call.xid, others);
  }

  #succeed(procedure: Procedure<any, any>, pending: Pending, value: unknown): void {
    if (value === DROP) {
      this.#report(pending, 'DROPPED', 0);
      return;
    }
    const { writer } = this.#exchange;
    const { peer } = pending;
    const start = writer.position;
    try {
      writer.reserve(peer.markBytes);
      message.writeAccepted(writer, pending.header.xid, AcceptStat.SUCCESS);
      procedure.result.write(writer, value);
      const length = writer.position - start - peer.markBytes;
      if (length > peer.replyBytesMax) throw new XdrError(`a reply of ${length} bytes does not fit ${peer.transport}`);
    } catch (error) {
      writer.position = start;
      this.#fail(procedure, pending, error);
      return;
    }
    this.#send(pending, start, 'SUCCESS');
  }

  #fail(procedure: Procedure<any, any>, pending: Pending, error: unknown): void {
    const { peer, header } = pending;
    if (error instanceof RpcRefusal) {
      this.#refuse(error.status, pending);
      return;
    }
    const { xid, program, version } = header;
    const fields = { err: error, program, version, procedure: procedure.name, client: peer.client.address, xid };
    this.#exchange.logger.error(fields, 'a call failed and was answered with SYSTEM_ERR');
    this.#answer(pending, 'SYSTEM_ERR');
  }

  #answer(pending: Pending, status: Exclude<keyof typeof AcceptStat, 'SUCCESS' | 'PROG_MISMATCH'>): void {
    const { writer } = this.#exchange;
    const start = writer.position;
    writer.reserve(pending.peer.markBytes);
    message.writeAccepted(writer, pending.header.xid, AcceptStat[status]);
    this.#send(pending, start, status);
  }

  #send(pending: Pending, start: number, outcome: CallOutcome): void {
    const { writer, observer } = this.#exchange;
    const bytes = writer.position - start - pending.peer.markBytes;
    pending.peer.send(writer, start);
    if (observer !== undefined) this.#report(pending, outcome, bytes);
  }

  #report(pending: Pending, outcome: CallOutcome, replyBytes: number): void {
    const { observer, clock } = this.#exchange;
    if (observer === undefined) return;
    const { peer, requestBytes, began } = pending;
    const { xid, program, version, procedure } = pending.header;
    observer.call({
      transport: peer.transport,
      client: peer.client,
      xid,
      program,
      version,
      procedure,
      requestBytes,
      replyBytes,
      milliseconds: clock.monotonic() - began,
      outcome,
    });
  }
}
