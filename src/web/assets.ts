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

/** The files of the page by their paths (`/main.ts`), as they are sent; `/` is `index.html`. They are read once. Throws the host's error. */
export function readAssets(directory: string): ReadonlyMap<string, Asset> {
  const assets = new Map<string, Asset>();
  for (const name of readdirSync(directory)) {
    const type = TYPES.get(extname(name));
    if (type === undefined || name.endsWith('.test.ts')) continue;
    const source = readFileSync(join(directory, name));
    const bytes = name.endsWith('.ts') ? Buffer.from(stripped(source.toString())) : source;
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
    const asset = { type, etag, bytes };
    assets.set(`/${name}`, asset);
    if (name === 'index.html') assets.set('/', asset);
  }
  return assets;
}
