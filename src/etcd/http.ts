import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import type { Clock } from '../base/clock.ts';
import type { EtcdOptions } from './options.ts';

/** How long an answer is waited for, in milliseconds. */
export const ANSWER_MS = 5_000;
/** The longest answer that is taken, in bytes. */
export const ANSWER_BYTES_MAX = 8 * 1024 * 1024;
/** Silence on a connection, in milliseconds, after which the host asks whether the peer is still there. */
const KEEP_ALIVE_MS = 5_000;

/** An answer that is none of success: etcd's gRPC code and text (google.rpc.Code). */
export class EtcdError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.name = 'EtcdError';
    this.code = code;
  }
}

/** The endpoint was not reached: nothing was done there. */
export class UnreachedError extends Error {}

const REFUSED = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT']);

/** JSON over HTTP to the gateway of one etcd endpoint (etcd, "gRPC gateway"). */
export class Gateway {
  readonly url: URL;
  readonly #clock: Clock;
  readonly #tls: EtcdOptions['tls'];
  readonly #agent: PlainAgent | SecureAgent;

  constructor(url: URL, clock: Clock, tls: EtcdOptions['tls']) {
    this.url = url;
    this.#clock = clock;
    this.#tls = tls;
    const options = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS };
    this.#agent = url.protocol === 'https:' ? new SecureAgent(options) : new PlainAgent(options);
  }

  /** Asks, and gives what is answered. Rejects with `EtcdError`, `UnreachedError`, or another error when there is no answer, or not within `ANSWER_MS`. */
  async ask(path: string, body: object, token: string | null): Promise<unknown> {
    const abort = new AbortController();
    const timer = this.#clock.after(ANSWER_MS, () =>
      abort.abort(new Error(`${this.url.host} did not answer within ${ANSWER_MS} ms`)),
    );
    try {
      const answer = await this.#send(path, body, token, abort.signal);
      let text = '';
      answer.setEncoding('utf8');
      for await (const piece of answer) {
        text += piece;
        if (text.length > ANSWER_BYTES_MAX)
          throw new Error(`${this.url.host} answered with more than ${ANSWER_BYTES_MAX} bytes`);
      }
      return this.#understood(answer, text);
    } catch (error) {
      throw abort.signal.aborted ? abort.signal.reason : error;
    } finally {
      timer.cancel();
    }
  }

  /** Asks for a stream of answers, one JSON object a line. Resolves when it has begun; rejects when it has not within `ANSWER_MS`. */
  async stream(path: string, body: object, token: string | null, signal: AbortSignal): Promise<IncomingMessage> {
    const late = new AbortController();
    const timer = this.#clock.after(ANSWER_MS, () => late.abort());
    const begun = this.#send(path, body, token, AbortSignal.any([signal, late.signal]));
    const answer = await begun
      .catch((error: unknown) => {
        throw late.signal.aborted ? new Error(`${this.url.host} did not answer within ${ANSWER_MS} ms`) : error;
      })
      .finally(() => timer.cancel());
    if (answer.statusCode === 200) return answer;
    answer.destroy();
    throw new EtcdError(
      answer.statusCode === 401 ? UNAUTHENTICATED : 2,
      `${this.url.host} answered with ${answer.statusCode}`,
    );
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(path: string, body: object, token: string | null, signal: AbortSignal): Promise<IncomingMessage> {
    const bytes = Buffer.from(JSON.stringify(body));
    const headers = {
      'content-type': 'application/json',
      'content-length': bytes.length,
      ...(token === null ? {} : { authorization: token }),
    };
    const secure = this.url.protocol === 'https:';
    return new Promise((resolve, reject) => {
      const options = { method: 'POST', headers, signal, agent: this.#agent, ...(secure ? this.#tls : {}) };
      const request = (secure ? secureRequest : plainRequest)(new URL(path, this.url), options, resolve);
      request.once('error', (error: NodeJS.ErrnoException) => {
        const { host } = this.url;
        const unreached =
          error.syscall === 'connect' || error.syscall === 'getaddrinfo' || REFUSED.has(error.code ?? '');
        reject(unreached ? new UnreachedError(`${host} cannot be reached: ${error.message}`, { cause: error }) : error);
      });
      request.end(bytes);
    });
  }

  #understood({ statusCode }: IncomingMessage, text: string): unknown {
    let answer: { readonly code?: unknown; readonly error?: unknown; readonly message?: unknown };
    try {
      answer = JSON.parse(text);
    } catch {
      throw new Error(`${this.url.host} answered with ${statusCode} and no JSON: is that etcd's client URL?`);
    }
    if (statusCode === 200) return answer;
    const { code, error, message } = answer;
    const why = String(message ?? error ?? statusCode);
    throw new EtcdError(typeof code === 'number' ? code : 2, `${this.url.host}: ${why}`);
  }
}

/** google.rpc.Code: the token is none, or is not valid any more. */
export const UNAUTHENTICATED = 16;
