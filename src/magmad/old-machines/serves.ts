import { joinPath, splitPath } from '../../acl/path.ts';

/** A directory of a share. Both are normalised; bytes as Latin-1 strings. */
export interface Serves {
  readonly share: string;
  readonly path: string;
}

/** Reads `SHARE:PATH`; null when it is none. The first `:/` parts them. */
export function parseServes(text: string): Serves | null {
  const bytes = Buffer.from(text, 'utf8').toString('latin1');
  const at = bytes.indexOf(':/');
  if (at < 0) return null;
  const [share, path] = [splitPath(bytes.slice(0, at)), splitPath(bytes.slice(at + 1))];
  if (typeof share === 'string' || typeof path === 'string') return null;
  return { share: joinPath(share), path: joinPath(path) };
}
