import type { Clock } from '../base/clock.ts';
import type { Endpoint, Net } from '../base/net.ts';
import type { Random } from '../base/random.ts';
import { type RemoteProcedure, RpcClient, RpcError } from '../rpc/client.ts';
import { type Patience, TcpTransport } from '../rpc/client-transport.ts';
import { noCredential } from '../rpc/credential.ts';
import { RetryError } from './owners.ts';
import type { RpcCaller } from './programs/result.ts';

/** How long an answer is waited for, in milliseconds. When none comes the connection is given up. */
export const ANSWER_MS = 10_000;
/** How long a connection may take to open, in milliseconds, for each address. */
export const CONNECT_MS = 3_000;
/** The most calls under way on one connection, or waiting for it. */
export const CALLS_MAX = 1024;
/** After a connection failed the next is tried no sooner than after about this long, in milliseconds; twice as long each further time. */
export const BACK_OFF_FIRST_MS = 50;
/** No such pause is longer, in milliseconds. */
export const BACK_OFF_MAX_MS = 5_000;

/** What a link is made with. */
export interface LinkOptions {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  /** The nickname of the volcano at the other end. */
  readonly name: string;
  /** Tried in this order. */
  readonly to: readonly Endpoint[];
  /** The largest reply that is taken, in bytes. */
  readonly replyBytes: number;
  /** Long answers are valid until the next turn of the event loop only. */
  readonly lent?: boolean;
  /** Done on each new connection before anything else; when it rejects the connection is given up. */
  readonly greet?: (caller: RpcCaller) => Promise<void>;
}

/** What has become of a link so far. */
export interface LinkFigures {
  readonly connected: boolean;
  /** Connections that were made, and tries that failed. */
  readonly connects: number;
  readonly failures: number;
  /** Calls that were asked for, those of them that got no answer, and those under way. */
  readonly calls: number;
  readonly failed: number;
  readonly inFlight: number;
  /** Why the last try or connection failed; null when none has. */
  readonly lastError: string | null;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * A connection to one program of another volcano, made at the first call, and again at the first call after it broke, with growing pauses while that fails. Calls that get no answer, for
 * whatever reason, reject with `RetryError`, whose `cause` says why: they may have been done.
 */
export class Link implements RpcCaller {
  readonly #options: LinkOptions;
  #client: RpcClient | null = null;
  #connecting: Promise<RpcClient> | null = null;
  #closed = false;
  #notBefore = Number.NEGATIVE_INFINITY;
  #pause = 0;
  #connects = 0;
  #failures = 0;
  #calls = 0;
  #failed = 0;
  #inFlight = 0;
  #lastError: string | null = null;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get figures(): LinkFigures {
    return {
      connected: this.#client !== null,
      connects: this.#connects,
      failures: this.#failures,
      calls: this.#calls,
      failed: this.#failed,
      inFlight: this.#inFlight,
      lastError: this.#lastError,
    };
  }

  /** Rejects at once while a pause lasts, above `CALLS_MAX`, and when it has been closed. */
  async call<A, R>(
    procedure: RemoteProcedure<A, R>,
    args: A,
    options: { readonly patience?: Patience } = {},
  ): Promise<R> {
    this.#calls += 1;
    if (this.#inFlight >= CALLS_MAX) throw this.#noAnswer(new Error(`${CALLS_MAX} calls are under way`));
    this.#inFlight += 1;
    try {
      // What is open is used at once: the arguments may lie in memory that changes after this turn.
      const client = this.#client ?? (await this.#connect());
      try {
        return await client.call(procedure, args, options);
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        if (error.kind === 'TIMEOUT' || error.kind === 'BAD_REPLY') this.#giveUp(client, error);
        throw this.#noAnswer(error);
      }
    } finally {
      this.#inFlight -= 1;
    }
  }

  /** Gives the connection up: calls under way are rejected, the next one makes another. */
  giveUp(): void {
    if (this.#client !== null) this.#giveUp(this.#client, new Error('its slices are served by others now'));
  }

  /** Closes the connection; calls under way, and all later ones, are rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    const connecting = this.#connecting?.catch(() => null);
    const client = this.#client;
    this.#client = null;
    await client?.close();
    await connecting;
  }

  #noAnswer(cause: unknown): RetryError {
    this.#failed += 1;
    return cause instanceof RetryError
      ? cause
      : new RetryError(`${this.#options.name} did not answer: ${textOf(cause)}`, { cause });
  }

  #giveUp(client: RpcClient, error: Error): void {
    if (this.#client !== client) return;
    this.#client = null;
    this.#lastError = error.message;
    void client.close();
  }

  async #connect(): Promise<RpcClient> {
    try {
      if (this.#closed) throw new Error('the link has been closed');
      const left = this.#notBefore - this.#options.clock.monotonic();
      if (this.#connecting === null && left > 0) {
        throw new Error(`${this.#lastError}; the next try is in ${Math.ceil(left)} ms`);
      }
      this.#connecting ??= this.#open().finally(() => {
        this.#connecting = null;
      });
      return await this.#connecting;
    } catch (error) {
      throw this.#noAnswer(error);
    }
  }

  async #open(): Promise<RpcClient> {
    const { clock, random, greet } = this.#options;
    let client: RpcClient | undefined;
    try {
      const transport = await this.#reach();
      const patience = { timeoutMs: ANSWER_MS, tries: 1 };
      const made = new RpcClient(transport, random.below(2 ** 32), noCredential, patience);
      client = made;
      let gone = false;
      transport.gone.then(() => {
        gone = true;
        if (this.#client === made) this.#client = null;
      });
      await greet?.(made);
      // Who was greeted may have gone in the moment after the answer: nobody would notice any more.
      if (gone) throw new Error('the connection was closed');
      if (this.#closed) throw new Error('the link has been closed');
      this.#client = made;
      this.#connects += 1;
      this.#pause = 0;
      return made;
    } catch (error) {
      this.#failures += 1;
      this.#lastError = textOf(error);
      this.#pause = Math.min(BACK_OFF_MAX_MS, Math.max(BACK_OFF_FIRST_MS, this.#pause * 2));
      // Half of it is chance, so that those who lost the same volcano do not come back all at once.
      this.#notBefore = clock.monotonic() + this.#pause / 2 + random.below(Math.ceil(this.#pause / 2));
      void client?.close();
      throw error;
    }
  }

  async #reach(): Promise<TcpTransport> {
    const { net, clock, to, replyBytes, lent = false } = this.#options;
    let last: unknown = new Error('it has no address');
    for (const endpoint of to) {
      try {
        const stream = await net.connect(endpoint, { timeoutMs: CONNECT_MS, lent });
        return new TcpTransport(stream, clock, replyBytes, lent);
      } catch (error) {
        last = error;
      }
    }
    throw last;
  }
}
