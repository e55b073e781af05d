import type { IncomingMessage } from 'node:http';
import { isLoopback } from '../base/address.ts';
import { Refused } from './refusal.ts';
import { isSame } from './sessions.ts';

/** The header that says the token. */
export const TOKEN_HEADER = 'x-magma-token';

/** The host of a `Host` header, without its port and brackets. */
export function hostOf(header: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(header);
  return bracketed === null ? header.replace(/:\d*$/, '') : bracketed[1]!;
}

/**
 * Refuses what is asked of this machine under a name that is none of its own: a page whose name means 127.0.0.1 of a sudden (DNS rebinding) would else
 * be of the same origin. Throws `Refused`.
 */
export function checkHost({ headers }: Pick<IncomingMessage, 'headers'>): void {
  const host = hostOf(headers.host ?? '').toLowerCase();
  if (host === 'localhost' || isLoopback(host)) return;
  throw new Refused(421, 'Here this page goes by localhost and 127.0.0.1 only. Cure: --web-listen for other machines.');
}

/** Refuses what a page of another origin has the browser ask for (Fetch Metadata). Throws `Refused`. */
export function checkSite({ headers }: Pick<IncomingMessage, 'headers'>): void {
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return;
  throw new Refused(403, 'Another page asks for this.');
}

/** Refuses a change that the page itself does not ask for. Throws `Refused`. */
export function checkChange(
  { headers }: Pick<IncomingMessage, 'headers'>,
  { secure, token }: { readonly secure: boolean; readonly token: string },
): void {
  const { origin, host } = headers;
  if (origin !== undefined && origin !== `${secure ? 'https' : 'http'}://${host}`)
    throw new Refused(403, 'Another page asks for this.');
  const given = headers[TOKEN_HEADER];
  if (typeof given !== 'string' || !isSame(given, token))
    throw new Refused(403, 'The page is out of date: load it again.');
}

/** The value of a cookie; null: there is none. */
export function cookieOf({ headers }: Pick<IncomingMessage, 'headers'>, name: string): string | null {
  for (const pair of (headers.cookie ?? '').split(';')) {
    const [key, value = ''] = pair.trim().split('=', 2);
    if (key === name) return value;
  }
  return null;
}

/** A key that comes with the request: `Bearer KEY`, or `Basic` with it as the password (RFC 6750 §2.1, RFC 7617); null: none does. */
export function keyOf({ headers }: Pick<IncomingMessage, 'headers'>): Buffer | null {
  const [scheme = '', given = ''] = (headers.authorization ?? '').split(' ', 2);
  if (scheme.toLowerCase() === 'bearer') return Buffer.from(given, 'latin1');
  if (scheme.toLowerCase() !== 'basic') return null;
  const both = Buffer.from(given, 'base64');
  const colon = both.indexOf(':');
  return colon < 0 ? null : both.subarray(colon + 1);
}
