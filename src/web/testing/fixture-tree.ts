import type { ServerResponse } from 'node:http';
import type { FileState } from '../api.ts';
import { directory, file, type Node } from './scenario.ts';

/** Entries of one answer. */
const PAGE = 250;

interface Request {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly body: Buffer;
}

/** Refuses, with a status and a sentence. */
class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** A made-up tree that answers as a volcano does. */
export class FixtureTree {
  readonly #root: Node;

  constructor(root: Node) {
    this.#root = root;
  }

  answer(request: Request, response: ServerResponse): void {
    try {
      this.#act(request, response);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      send(response, error.status, { error: error.message });
    }
  }

  #act({ method, path, query, body }: Request, response: ServerResponse): void {
    const args = new Map(query.split('&').map((part) => part.split('=') as [string, string]));
    const at = args.get('path') ?? '/';
    if (path === '/api/list') {
      send(response, 200, list(this.#find(at), args.get('after')));
      return;
    }
    if (method === 'GET') {
      const { content } = this.#find(at);
      response.writeHead(200, {
        'content-type': 'application/octet-stream',
        'content-disposition': 'attachment',
        'content-length': content.length,
      });
      response.end(content);
      return;
    }
    const names = split(at);
    const name = names.pop()!;
    const { children } = this.#find(`/${names.map(encodeURIComponent).join('/')}`, names);
    const there = children.get(name);
    if (method === 'DELETE') {
      if (there === undefined) throw new Refused(404, 'It is not there any more.');
      if (there.children.size > 0) throw new Refused(409, 'This directory is not empty: delete what is in it first.');
      children.delete(name);
    } else {
      if (there !== undefined && args.get('replace') !== '1')
        throw new Refused(409, 'There is something of this name already.');
      children.set(name, method === 'POST' ? directory({}, Date.now()) : file(body, 0o644, Date.now()));
    }
    send(response, 200, {});
  }

  #find(path: string, names = split(path)): Node {
    let node: Node | undefined = this.#root;
    for (const name of names) node = node?.children.get(name);
    if (node === undefined) throw new Refused(404, 'There is no such directory.');
    return node;
  }
}

function list(node: Node, after: string | undefined): { entries: FileState[]; next: string | null } {
  const names = [...node.children.keys()].sort();
  const from = after === undefined ? 0 : names.indexOf(split(after)[0]!) + 1;
  const page = names.slice(from, from + PAGE);
  const entries = page.map((name) => {
    const { kind, content, mode, modified } = node.children.get(name)!;
    return { name: percent(name), kind, size: content.length, mode, uid: 0, gid: 0, modified };
  });
  return { entries, next: from + PAGE < names.length ? percent(page.at(-1)!) : null };
}

function split(path: string): string[] {
  return path
    .split('/')
    .filter((name) => name !== '')
    .map((name) => name.replace(/%([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))));
}

function percent(name: string): string {
  return name.replace(
    /[^A-Za-z0-9._~-]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
