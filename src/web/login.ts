import type { Guesses } from '../operator/guesses.ts';
import type { SessionState } from './api.ts';
import { type Answer, type Asked, json } from './asked.ts';
import { jsonBody } from './body.ts';
import { Refused } from './refusal.ts';
import { SESSION_MS, type Session, type Sessions } from './sessions.ts';

/** Who is let in, and by what. */
export interface Doors {
  readonly sessions: Sessions;
  /** Null: there is no key. */
  readonly guesses: Guesses | null;
  /** The name of the cookie: browsers do not tell ports from one another. */
  cookie(secure: boolean): string;
}

function stateOf({ parts }: Asked, may: SessionState['may'], token: string): SessionState {
  const { nickname, version, key } = parts;
  return { nickname, version, may, key: key !== null, token };
}

/** `GET /api/session`. */
export function session(asked: Asked, { sessions }: Doors): Answer {
  return json(stateOf(asked, asked.may, asked.session?.token ?? sessions.token));
}

/** Whether that is the key; what is wrong with it is thrown as `Refused`. */
export async function checkKey(given: Uint8Array, address: string, guesses: Guesses | null): Promise<void> {
  if (guesses === null) throw new Refused(403, 'The volcano was given no key. Cure: --key-file, when it is started.');
  if (guesses.isExhausted(address))
    throw new Refused(429, 'Too many wrong keys: come back in ten minutes.', { 'retry-after': '600' });
  if (!(await guesses.isKey(given, address, 'the web page'))) throw new Refused(403, 'That is not the key.');
}

function cookieLine(name: string, value: string, secure: boolean, seconds: number): string {
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure ? '; Secure' : ''}`;
}

/** `POST /api/login`: the new session's state. */
export async function login(asked: Asked, { sessions, guesses, cookie }: Doors): Promise<Answer> {
  const body = await jsonBody(asked);
  const key = typeof body === 'object' && body !== null && 'key' in body ? body.key : undefined;
  if (typeof key !== 'string') throw new Refused(400, 'The request says no key.');
  await checkKey(Buffer.from(key), asked.address, guesses);
  const { secret, session } = sessions.begin();
  asked.parts.logger.info({ address: asked.address }, 'somebody has logged in on the web page');
  const line = cookieLine(cookie(asked.secure), secret, asked.secure, SESSION_MS / 1000);
  return json(stateOf(asked, 'change', session.token), { headers: { 'set-cookie': line } });
}

/** `POST /api/logout`: what is left. */
export function logout(asked: Asked, { sessions, cookie }: Doors, secret: string | null): Answer {
  if (secret !== null) sessions.end(secret);
  const line = cookieLine(cookie(asked.secure), '', asked.secure, 0);
  return json(stateOf(asked, asked.secure ? 'login' : 'look', sessions.token), { headers: { 'set-cookie': line } });
}

/** Who a request comes from. */
export interface Visitor {
  readonly session: Session | null;
  readonly may: Asked['may'];
}
