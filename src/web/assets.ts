import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { extname, join } from 'node:path';

/** One file of the page. */
export interface Asset {
  readonly type: string;
  /** RFC 9110 §8.8.3. */
  readonly etag: string;
  readonly bytes: Buffer;
}

const TYPES: ReadonlyMap<string, string> = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.svg', 'image/svg+xml'],
  ['.ts', 'text/javascript; charset=utf-8'],
  ['.webmanifest', 'application/manifest+json'],
]);

/** TypeScript as browsers take it: types become blanks. */
function stripped(source: string): string {
  // Node tells once that its function is experimental: nothing for an operator's log.
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(source);
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** The files of the page. They are read once; what browsers are sent is made of each when it is asked for the first time, so that no start waits for that. */
export class Assets {
  readonly #sources = new Map<string, { readonly type: string; readonly source: Buffer }>();
  readonly #made = new Map<string, Asset>();

  /** Throws the host's error. */
  constructor(directory: string) {
    for (const name of readdirSync(directory)) {
      const type = TYPES.get(extname(name));
      if (type === undefined || name.endsWith('.test.ts')) continue;
      this.#sources.set(`/${name}`, { type, source: readFileSync(join(directory, name)) });
    }
  }

  /** The file of that path (`/main.ts`); `/` is `index.html`. */
  get(path: string): Asset | undefined {
    const name = path === '/' ? '/index.html' : path;
    const made = this.#made.get(name);
    const found = this.#sources.get(name);
    if (made !== undefined || found === undefined) return made;
    const { type, source } = found;
    const bytes = name.endsWith('.ts') ? Buffer.from(stripped(source.toString())) : source;
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
    const asset = { type, etag, bytes };
    this.#made.set(name, asset);
    return asset;
  }
}
