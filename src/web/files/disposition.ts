import { encoded } from '../percent.ts';

/**
 * What makes a browser keep a file and never show it, under its name (RFC 6266 §4): as UTF-8 (RFC 8187 §3.2), and for what does not know that in ASCII. A name that is no UTF-8 is only told with
 * `_` for each byte that is none of ASCII.
 */
export function disposition(name: string): string {
  const ascii = name.replace(/[^\x20-\x7e]|["\\%/]/g, '_');
  const bytes = Buffer.from(name, 'latin1');
  const isText = Buffer.from(bytes.toString()).equals(bytes);
  return `attachment; filename="${ascii}"${isText ? `; filename*=UTF-8''${encoded(name).replaceAll('~', '%7E')}` : ''}`;
}
