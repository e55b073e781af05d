import type { Clock, Timer } from '../base/clock.ts';
import type { Commit, KeyValue } from '../base/key-value.ts';
import type { Logger } from '../base/logger.ts';
import { EtcdError, Gateway, UNAUTHENTICATED, UnreachedError } from './http.ts';
import type { EtcdOptions } from './options.ts';
import { Watch } from './watch.ts';

/** What an etcd client is made with. */
export interface EtcdParts {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** An endpoint that has not answered for so long, in milliseconds, is not waited for alone: the next one is asked as well. */
export const HEDGE_MS = 500;

function base64(text: string): string {
  return Buffer.from(text, 'latin1').toString('base64');
}

const CLOSED = new Error('the connection has been closed');

function etcdError(cause: unknown): Error {
  return new Error(`etcd: ${(cause as Error).message}`, { cause });
}

/** The first key behind all that begin so (etcd API, "Range": `range_end`). */
export function endOf(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1);
  return prefix.slice(0, -1) + String.fromCharCode(last + 1);
}

/**
 * etcd's keys over its JSON gateway (etcd 3.4 and later, API v3), of several endpoints. Reads are linearizable, as etcd's are unless told otherwise; a cluster without a majority
 * answers nothing. What may have been done is not asked of another endpoint: it rejects. So it is first found out which endpoint answers: one whose machine is gone would be waited
 * for long, while a network waits for its new map.
 */
export class EtcdClient implements KeyValue {
  readonly #options: EtcdOptions;
  readonly #parts: EtcdParts;
  readonly #gateways: Gateway[];
  readonly #watches = new Set<Watch>();
  #token: string | null = null;
  #closed = false;

  constructor(options: EtcdOptions, parts: EtcdParts) {
    this.#options = options;
    this.#parts = parts;
    this.#gateways = options.endpoints.map((url) => new Gateway(url, parts.clock, options.tls));
    if (this.#gateways.length === 0) throw new RangeError('no endpoint of etcd was given');
  }

  async last(prefix: string): Promise<{ key: string; value: Buffer } | null> {
    const range = {
      key: base64(prefix),
      range_end: base64(endOf(prefix)),
      sort_order: 'DESCEND',
      sort_target: 'KEY',
      limit: 1,
    };
    const { kvs = [] } = (await this.#ask('/v3/kv/range', range, true)) as { kvs?: { key: string; value?: string }[] };
    const [found] = kvs;
    if (found === undefined) return null;
    return {
      key: Buffer.from(found.key, 'base64').toString('latin1'),
      value: Buffer.from(found.value ?? '', 'base64'),
    };
  }

  async commit({ there, absent, set }: Commit): Promise<boolean> {
    const version = (key: string, result: string) => ({ key: base64(key), target: 'VERSION', result, version: '0' });
    const txn = {
      compare: [...there.map((key) => version(key, 'GREATER')), ...absent.map((key) => version(key, 'EQUAL'))],
      success: [...set].map(([key, value]) => ({
        request_put: { key: base64(key), value: value.toString('base64') },
      })),
    };
    const [key = ''] = set.keys();
    await this.#ask('/v3/kv/range', { key: base64(key), keys_only: true }, true);
    const { succeeded = false } = (await this.#ask('/v3/kv/txn', txn, false)) as { succeeded?: boolean };
    return succeeded;
  }

  async remove(from: string, to: string): Promise<void> {
    await this.#ask('/v3/kv/deleterange', { key: base64(from), range_end: base64(to) }, true);
  }

  watch(prefix: string, changed: () => void): () => void {
    const create = { create_request: { key: base64(prefix), range_end: base64(endOf(prefix)) } };
    const watch = new Watch({
      ...this.#parts,
      begin: (signal) =>
        this.#oneByOne(
          (gateway) => this.#stream(gateway, create, signal),
          () => !signal.aborted,
        ),
      changed,
    });
    this.#watches.add(watch);
    return () => {
      this.#watches.delete(watch);
      watch.stop();
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const watch of this.#watches) watch.stop();
    for (const gateway of this.#gateways) gateway.close();
  }

  #ask(path: string, body: object, harmless: boolean): Promise<unknown> {
    const ask = (gateway: Gateway): Promise<unknown> =>
      this.#authorized(gateway, (token) => gateway.ask(path, body, token));
    return harmless ? this.#first(ask) : this.#oneByOne(ask, (error) => error instanceof UnreachedError);
  }

  #stream(gateway: Gateway, body: object, signal: AbortSignal): ReturnType<Gateway['stream']> {
    return this.#authorized(gateway, (token) => gateway.stream('/v3/watch', body, token, signal));
  }

  /** The first answer of the endpoints: each is asked when the one before has failed, or says nothing. */
  #first<T>(ask: (gateway: Gateway) => Promise<T>): Promise<T> {
    const left = [...this.#gateways];
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let underWay = 0;
    let answered = false;
    let timer: Timer | undefined;
    const next = (failed?: unknown): void => {
      timer?.cancel();
      const gateway = this.#closed ? undefined : left.shift();
      if (gateway === undefined) {
        if (underWay === 0) reject(etcdError(this.#closed ? CLOSED : failed));
        return;
      }
      underWay += 1;
      timer = this.#parts.clock.after(HEDGE_MS, next);
      ask(gateway).then(
        (answer) => {
          if (!answered) this.#prefer(gateway);
          answered = true;
          timer?.cancel();
          left.length = 0;
          resolve(answer);
        },
        (error) => {
          underWay -= 1;
          // Watches may have been there as well.
          if (this.#doubt(gateway, error)) for (const watch of this.#watches) watch.renew();
          next(error);
        },
      );
    };
    next();
    return promise;
  }

  /** Asks one endpoint after the other until one answers; after an error only if that says so of it. */
  async #oneByOne<T>(ask: (gateway: Gateway) => Promise<T>, another: (error: unknown) => boolean): Promise<T> {
    let last: unknown;
    for (const gateway of [...this.#gateways]) {
      if (this.#closed) throw etcdError(CLOSED);
      try {
        const answer = await ask(gateway);
        this.#prefer(gateway);
        return answer;
      } catch (error) {
        last = error;
        this.#doubt(gateway, error);
        if (!another(error)) break;
      }
    }
    throw etcdError(last);
  }

  /** Asks that one first from now on. */
  #prefer(gateway: Gateway): void {
    const at = this.#gateways.indexOf(gateway);
    if (at <= 0) return;
    this.#gateways.splice(at, 1);
    this.#gateways.unshift(gateway);
  }

  /** Asks that one last from now on, if it gave no answer. True when it was not last before. */
  #doubt(gateway: Gateway, error: unknown): boolean {
    const at = this.#gateways.indexOf(gateway);
    if (error instanceof EtcdError || (error as Error).name === 'AbortError') return false;
    if (at === this.#gateways.length - 1) return false;
    this.#gateways.splice(at, 1);
    this.#gateways.push(gateway);
    return true;
  }

  /** Does it with a token, where there is a user; once more with a new one when that is not valid any more, which is found out before anything is done. */
  async #authorized<T>(gateway: Gateway, ask: (token: string | null) => Promise<T>): Promise<T> {
    const { user } = this.#options;
    if (user === undefined) return ask(null);
    const used = this.#token ?? (await this.#authenticate(gateway, user));
    try {
      return await ask(used);
    } catch (error) {
      if (!(error instanceof EtcdError) || !(error.code === UNAUTHENTICATED || /auth token/.test(error.message)))
        throw error;
      return ask(await this.#authenticate(gateway, user));
    }
  }

  async #authenticate(gateway: Gateway, user: NonNullable<EtcdOptions['user']>): Promise<string> {
    this.#token = null;
    const { token } = (await gateway.ask('/v3/auth/authenticate', user, null)) as { token?: string };
    if (typeof token !== 'string') throw new Error(`${gateway.url.host} gave ${user.name} no token`);
    this.#token = token;
    return token;
  }
}
