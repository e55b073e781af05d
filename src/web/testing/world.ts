import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request as plainRequest, type RequestOptions } from 'node:http';
import { request as secureRequest } from 'node:https';
import { silentLogger } from '../../base/logger.ts';
import { seededRandom } from '../../base/random.ts';
import { type ManualClock, manualClock } from '../../base/testing/manual-clock.ts';
import { fakeRing } from '../../dht/testing/fake-ring.ts';
import { MemoryService } from '../../flare/testing/memory-service.ts';
import type { SessionState } from '../api.ts';
import type { Asset } from '../assets.ts';
import { TOKEN_HEADER } from '../guard.ts';
import type { WebParts } from '../parts.ts';
import { type WebOptions, WebServer } from '../server.ts';

export const KEY = 'm4gm4s3cr3t';

/** What came back. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** The body as text, and as JSON. */
  readonly text: string;
  json<T = { error: string }>(): T;
}

/** How something is asked for. */
export interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** The request of a client that says nothing by itself. */
export function open(port: number, path: string, asking: Asking = {}, more: RequestOptions = {}): ClientRequest {
  const options = {
    host: '127.0.0.1',
    port,
    path,
    method: asking.method ?? 'GET',
    headers: asking.headers ?? {},
    ...more,
  };
  // The certificates of tests are signed by nobody.
  return 'secure' in more
    ? secureRequest({ ...options, agent: false, rejectUnauthorized: false })
    : plainRequest({ ...options, agent: false });
}

/** Asks, and resolves with the whole answer. Rejects when the connection breaks. */
export async function ask(port: number, path: string, asking: Asking = {}, more: RequestOptions = {}): Promise<Reply> {
  const request = open(port, path, asking, more);
  request.end(asking.body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of response as AsyncIterable<Buffer>) pieces.push(piece);
  const body = Buffer.concat(pieces);
  return {
    ...{ status: response.statusCode!, headers: response.headers, body, text: body.toString() },
    json: () => JSON.parse(body.toString()),
  };
}

/** A visitor that keeps the cookie and the token, as a browser with the page does. */
export class Visitor {
  readonly #port: number;
  readonly #more: RequestOptions;
  cookie = '';
  token = '';

  constructor(port: number, more: RequestOptions = {}) {
    this.#port = port;
    this.#more = more;
  }

  async ask(path: string, asking: Asking = {}): Promise<Reply> {
    const headers = {
      ...(this.cookie === '' ? {} : { cookie: this.cookie }),
      ...(this.token === '' ? {} : { [TOKEN_HEADER]: this.token }),
      ...asking.headers,
    };
    const reply = await ask(this.#port, path, { ...asking, headers }, this.#more);
    const [cookie] = reply.headers['set-cookie'] ?? [];
    if (cookie !== undefined) this.cookie = cookie.split(';', 1)[0]!;
    return reply;
  }

  /** Loads the page's session. */
  async look(): Promise<SessionState> {
    const state = (await this.ask('/api/session')).json<SessionState>();
    this.token = state.token;
    return state;
  }

  /** Gives the key. */
  async login(key = KEY): Promise<Reply> {
    await this.look();
    const reply = await this.ask('/api/login', { method: 'POST', body: JSON.stringify({ key }) });
    if (reply.status === 200) this.token = reply.json<SessionState>().token;
    return reply;
  }
}

/** A web page over a tree in memory, on a clock that the test moves, on a free port of loopback. */
export interface World {
  readonly clock: ManualClock;
  readonly tree: MemoryService;
  readonly web: WebServer;
  readonly port: number;
  readonly lines: string[];
}

/** Something with an end. */
export interface Teardown {
  teardown(undo: () => unknown): unknown;
}

/** What the page's parts are in tests. */
export function partsOf(
  more: Partial<WebParts> = {},
): WebParts & { clock: ManualClock; tree: MemoryService; lines: string[] } {
  const clock = manualClock();
  const tree = new MemoryService({ clock, random: seededRandom(1) });
  const lines: string[] = [];
  return {
    ...{
      clock,
      tree,
      lines,
      random: seededRandom(2),
      logger: silentLogger,
      version: '9.9',
      nickname: 'wallace',
      key: KEY,
    },
    ring: fakeRing(),
    store: {
      stats: () => ({
        ...{ segments: 1, logBytes: 2, liveBytes: 1, appended: 9, durable: 9, applied: 8, cachedBytes: 4096 },
        ...{ flares: 3, replays: 1, notes: 2, availableBytes: 400, dropped: 0 },
      }),
      diskFigures: () => ({ syncMs: 2, damaged: 0, repaired: 0 }),
    },
    rules: { carriesRule: () => false },
    log: { lines: (count) => lines.slice(-count), added: () => lines.length },
    unready: () => null,
    ...more,
  } as ReturnType<typeof partsOf>;
}

const PAGE: Asset = { type: 'text/html; charset=utf-8', etag: '"1"', bytes: Buffer.from('<!doctype html>') };

/** Makes one; `more` replaces parts. */
export async function world(
  t: Teardown,
  more: Partial<WebParts> = {},
  options: Partial<WebOptions> = {},
): Promise<World> {
  const parts = partsOf(more);
  const web = new WebServer(parts, { assets: new Map([['/', PAGE]]), certificate: null, ...options });
  t.teardown(() => web.close());
  const { clock, tree, lines } = parts;
  return { clock, tree, lines, web, port: await web.listen(['127.0.0.1'], 0) };
}
