import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Server, Socket } from 'node:net';
import { isLoopback } from '../base/address.ts';
import { endpointOf, openServers } from '../base/net/stream.ts';
import { Guesses } from '../operator/guesses.ts';
import { Throttle } from '../rpc/throttle.ts';
import type { Refusal } from './api.ts';
import { type Answer, type Asked, json, type May } from './asked.ts';
import type { Asset } from './assets.ts';
import { Connections } from './connections.ts';
import { Events } from './events.ts';
import { checkChange, checkHost, checkSite, cookieOf, keyOf } from './guard.ts';
import { checkKey, type Doors } from './login.ts';
import { Metrics } from './metrics.ts';
import type { Certificate, WebParts } from './parts.ts';
import { queryOf } from './percent.ts';
import { Refused, refusalOf } from './refusal.ts';
import { type Route, routesOf } from './routes.ts';
import { type Session, Sessions } from './sessions.ts';

/** The largest head of a request, in bytes. */
export const HEAD_BYTES_MAX = 16 * 1024;

/** Times that tests make short, in milliseconds. */
export interface WebTimes {
  /** How long the head of a request may take, the handshake of TLS likewise. */
  readonly headMs: number;
  /** A connection on which nothing moves for so long is cut off: its peer does not read, or does not send what it has begun. */
  readonly stillMs: number;
  /** The same between two requests. */
  readonly keptMs: number;
  /** How long what is left of a request is read and dropped after it was answered. */
  readonly dropMs: number;
}

export const WEB_TIMES: WebTimes = { headMs: 10_000, stillMs: 60_000, keptMs: 15_000, dropMs: 5_000 };

/** What a server is made with besides what it shows. */
export interface WebOptions {
  readonly assets: { get(path: string): Asset | undefined };
  /** For addresses that are not loopback; null: there are none. */
  readonly certificate: Certificate | null;
  readonly times?: Partial<WebTimes>;
}

/** With each answer. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

const RANKS: Readonly<Record<May, number>> = { login: 0, look: 1, change: 2 };

/** The web page, on a port. */
export class WebServer {
  readonly #parts: WebParts;
  readonly #options: WebOptions;
  readonly #times: WebTimes;
  readonly #doors: Doors;
  readonly #events: Events;
  readonly #metrics: Metrics;
  readonly #routes: ReturnType<typeof routesOf>;
  readonly #complaints: Throttle;
  readonly #connections = new Connections();
  /** Requests that are worked at. */
  readonly #running = new Set<Promise<void>>();
  #servers: readonly Server[] = [];
  #port = 0;

  constructor(parts: WebParts, options: WebOptions) {
    const { clock, random, logger, key } = parts;
    this.#parts = parts;
    this.#options = options;
    this.#times = { ...WEB_TIMES, ...options.times };
    this.#doors = {
      sessions: new Sessions(clock, random),
      guesses: key === null ? null : new Guesses(clock, logger, key),
      // Under this prefix no other host, and nothing without TLS, can set it (RFC 6265bis §4.1.3.2).
      cookie: (secure) => `${secure ? '__Host-' : ''}magma-${this.#port}`,
    };
    this.#events = new Events(parts);
    this.#metrics = new Metrics(parts);
    this.#routes = routesOf({ doors: this.#doors, events: this.#events, metrics: this.#metrics });
    this.#complaints = new Throttle(clock);
  }

  /** Listens as `Net.listen` says, with TLS where an address is not loopback; resolves with the port. Rejects with the host's error. */
  async listen(addresses: readonly string[], port: number): Promise<number> {
    this.#servers = await openServers(addresses, port, (address) => this.#make(!isLoopback(address)));
    this.#port = endpointOf(this.#servers[0]!).port;
    return this.#port;
  }

  /** Connections, pages that listen, and how often the state was made for them. */
  get figures(): { readonly connections: number; readonly listeners: number; readonly made: number } {
    const { listeners, made } = this.#events;
    return { connections: this.#connections.size, listeners, made };
  }

  #make(secure: boolean): Server {
    const { headMs, stillMs, keptMs } = this.#times;
    const { certificate } = this.#options;
    const options = {
      ...{ maxHeaderSize: HEAD_BYTES_MAX, headersTimeout: headMs, requestTimeout: 0, keepAliveTimeout: keptMs },
      ...{ connectionsCheckingInterval: Math.ceil(headMs / 10), noDelay: true },
    };
    const run = (request: IncomingMessage, response: ServerResponse): void => {
      const work = this.#serve(request, response, secure).finally(() => this.#running.delete(work));
      this.#running.add(work);
    };
    const server = secure
      ? createSecureServer(
          {
            ...options,
            cert: certificate!.cert,
            key: certificate!.key,
            minVersion: 'TLSv1.2',
            handshakeTimeout: headMs,
          },
          run,
        )
      : createServer(options, run);
    server.setTimeout(stillMs);
    server.prependListener('connection', (socket: Socket) => this.#connections.take(socket));
    return server;
  }

  async #serve(request: IncomingMessage, response: ServerResponse, secure: boolean): Promise<void> {
    const broken = new AbortController();
    response.once('close', () => broken.abort());
    response.once('finish', () => this.#drop(request));
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    try {
      const answer = await this.#answer(request, response, secure, broken.signal);
      if (answer !== null) send(response, answer);
    } catch (error) {
      const refused = refusalOf(error) ?? this.#unforeseen(error, broken.signal);
      const { status, headers, message } = refused;
      if (response.headersSent) response.destroy();
      else send(response, json({ error: message } satisfies Refusal, { status, headers }));
    }
  }

  /** What is left of a request that is answered is not read for long. */
  #drop(request: IncomingMessage): void {
    if (request.complete) return;
    const timer = this.#parts.clock.after(this.#times.dropMs, () => request.destroy());
    request.once('end', () => timer.cancel());
    request.once('close', () => timer.cancel());
  }

  #unforeseen(error: unknown, broken: AbortSignal): Refused {
    if (!broken.aborted)
      this.#complaints.run((held) =>
        this.#parts.logger.error({ err: error, held }, 'a request of the web page has failed'),
      );
    return new Refused(500, 'It went wrong here: the log says how.');
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    secure: boolean,
    signal: AbortSignal,
  ): Promise<Answer | null> {
    if (!secure) checkHost(request);
    const [path = '', query = ''] = splitOnce(request.url ?? '', '?');
    const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '');
    const methods = this.#routes.get(path);
    if (methods === undefined) return this.#asset(request, path, method);
    const route = Object.hasOwn(methods, method) ? methods[method]! : null;
    if (route === null) throw notAllowed(Object.keys(methods));
    checkSite(request);
    const address = request.socket.remoteAddress ?? '';
    const session = this.#sessionOf(request, secure);
    const may = await this.#may(request, route, session, secure, address);
    if (RANKS[may] < RANKS[route.needs])
      throw new Refused(may === 'login' ? 401 : 403, 'That needs the key of the network: log in.', challenge(route));
    if (route.changes) checkChange(request, { secure, token: session?.token ?? this.#doors.sessions.token });
    const values = queryOf(query, route.query ?? []);
    const asked: Asked = {
      parts: this.#parts,
      request,
      response,
      query: values,
      may,
      session,
      secure,
      address,
      signal,
    };
    return route.run(asked);
  }

  #sessionOf(request: IncomingMessage, secure: boolean): Session | null {
    const secret = cookieOf(request, this.#doors.cookie(secure));
    return secret === null ? null : this.#doors.sessions.of(secret);
  }

  async #may(
    request: IncomingMessage,
    route: Route,
    session: Session | null,
    secure: boolean,
    address: string,
  ): Promise<May> {
    if (session !== null) return 'change';
    if (!secure) return 'look';
    const key = route.program ? keyOf(request) : null;
    if (key === null) return 'login';
    await checkKey(key, address, this.#doors.guesses);
    return 'look';
  }

  #asset({ headers }: IncomingMessage, path: string, method: string): Answer {
    const asset = this.#options.assets.get(path);
    if (asset === undefined) throw new Refused(404, 'There is no such page.');
    if (method !== 'GET') throw notAllowed(['GET']);
    const { type, etag, bytes } = asset;
    const named = { etag, 'cache-control': 'no-cache' };
    if (headers['if-none-match'] === etag) return { status: 304, headers: named, body: '' };
    return { headers: { ...named, 'content-type': type }, body: bytes };
  }

  /** Lets nobody in any more, ends what is under way, and resolves when that is cleaned up. */
  async close(): Promise<void> {
    this.#events.close();
    this.#metrics.close();
    for (const server of this.#servers) server.close();
    this.#connections.close();
    await Promise.allSettled([...this.#running]);
  }
}

function splitOnce(text: string, by: string): [string, string?] {
  const at = text.indexOf(by);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function notAllowed(methods: readonly string[]): Refused {
  return new Refused(405, `Here one can ask ${methods.join(', ')} only.`, { allow: methods.join(', ') });
}

/** Programs are told how to give the key; a browser that is would ask for it in a window of its own. */
function challenge({ program }: Route): Record<string, string> {
  return program ? { 'www-authenticate': 'Basic realm="magma", charset="UTF-8"' } : {};
}

function send(response: ServerResponse, { status = 200, headers = {}, body }: Answer): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const length = status === 304 ? {} : { 'content-length': bytes.length };
  response.writeHead(status, { ...headers, ...length });
  response.end(bytes);
}
