import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import type { AddressInfo } from 'node:net';
import { FixtureTree } from './fixture-tree.ts';
import type { Scenario } from './scenario.ts';

/** The key of the made-up network, and what a page must send with what changes something. */
export const KEY = 'm4gm4';
export const TOKEN = 'a-token';
/** The policy that the page must do with. */
export const POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/** How often the state is told again while nothing happens: pages take silence for a lost connection. In milliseconds. */
const AGAIN_MS = 3000;
const PAGE = new URL('../page/', import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  ts: 'text/javascript; charset=utf-8',
};

/** A request that the page has made. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly token: string | undefined;
  readonly bytes: number;
}

/** The page over a made-up volcano, on a free port of loopback. */
export class FixtureServer {
  readonly asked: Asked[] = [];
  readonly url: string;
  scenario: Scenario;
  /** What the states begin with: so many steps have gone by, and are told at once. */
  past: number;
  #step: number;
  #tree: FixtureTree;
  #may: Scenario['session']['may'];
  readonly #streams = new Set<ServerResponse>();
  readonly #scripts = new Map<string, string>();
  /** It takes connections, and answers nothing of `/api/`. */
  silent = false;
  readonly #server: ReturnType<typeof createServer>;

  private constructor(scenario: Scenario, past: number, server: ReturnType<typeof createServer>) {
    this.scenario = scenario;
    this.past = past;
    this.#step = past;
    this.#tree = new FixtureTree(scenario.tree());
    this.#may = scenario.session.may;
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  static async start(scenario: Scenario, { past = 160, port = 0 } = {}): Promise<FixtureServer> {
    const server = createServer();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const fixture = new FixtureServer(scenario, past, server);
    server.on('request', (request, response) => void fixture.#answer(request, response));
    return fixture;
  }

  /** Begins anew with another volcano. */
  become(scenario: Scenario): void {
    this.scenario = scenario;
    this.#step = this.past;
    this.#tree = new FixtureTree(scenario.tree());
    this.#may = scenario.session.may;
    this.asked.length = 0;
    this.cut();
  }

  /** Goes on by a step, and tells it. */
  tick(): void {
    this.#step += 1;
    for (const stream of this.#streams) this.#tell(stream, this.#step);
  }

  /** Ends the session of whoever has one. */
  endSession(): void {
    this.#may = 'login';
    this.cut();
  }

  /** Cuts all streams of events. */
  cut(): void {
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const token = request.headers['x-magma-token'] as string | undefined;
    this.asked.push({ method, url, token, bytes: body.length });
    response.setHeader('content-security-policy', POLICY);
    response.setHeader('x-content-type-options', 'nosniff');
    const [path = '', query = ''] = url.split('?');
    if (!path.startsWith('/api/')) return this.#file(path, response);
    if (this.silent) return void response.destroy();
    if (path === '/api/session') return json(response, 200, { ...this.scenario.session, may: this.#may, token: TOKEN });
    if (method !== 'GET' && token !== TOKEN) return json(response, 403, { error: 'The token is missing.' });
    if (path === '/api/login') {
      if (JSON.parse(body.toString()).key !== KEY)
        return json(response, 401, { error: 'This is not the key of the network.' });
      this.#may = 'change';
      return json(response, 200, {});
    }
    if (this.#may === 'login') return json(response, 401, { error: 'Log in first.' });
    if (path === '/api/logout') {
      this.#may = this.scenario.session.may === 'change' ? 'look' : this.scenario.session.may;
      return json(response, 200, {});
    }
    if (path === '/api/state') return json(response, 200, this.scenario.state(this.#step));
    if (path === '/api/events') return this.#events(response);
    if (method !== 'GET' && this.#may !== 'change') return json(response, 403, { error: 'Log in with the key first.' });
    this.#tree.answer({ method, path, query, body }, response);
  }

  #events(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    for (const line of this.scenario.log) response.write(`event: log\ndata: ${JSON.stringify(line)}\n\n`);
    for (let step = this.#step - this.past; step <= this.#step; step++) this.#tell(response, step);
    this.#streams.add(response);
    const again = setInterval(() => this.#tell(response, this.#step), AGAIN_MS);
    response.on('close', () => {
      clearInterval(again);
      this.#streams.delete(response);
    });
  }

  #tell(response: ServerResponse, step: number): void {
    const state = this.scenario.state(step);
    response.write(`event: state\ndata: ${JSON.stringify(state)}\n\n`);
  }

  #stripped(content: string): string {
    const known = this.#scripts.get(content) ?? stripTypeScriptTypes(content);
    this.#scripts.set(content, known);
    return known;
  }

  async #file(path: string, response: ServerResponse): Promise<void> {
    const name = path === '/' ? 'index.html' : path.slice(1);
    const type = TYPES[name.split('.').at(-1)!];
    const content = /^[a-z-]+\.[a-z]+$/.test(name)
      ? await readFile(new URL(name, PAGE), 'utf8').catch(() => null)
      : null;
    if (content === null || type === undefined) return json(response, 404, { error: 'There is no such page.' });
    response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' });
    response.end(name.endsWith('.ts') ? this.#stripped(content) : content);
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
