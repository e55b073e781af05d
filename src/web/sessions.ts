import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { takeOldest } from '../base/oldest.ts';
import type { Random } from '../base/random.ts';

/** Sessions at once; the oldest gives way. */
export const SESSIONS_MAX = 64;
/** A session ends after this time, in milliseconds. */
export const SESSION_MS = 12 * 60 * 60_000;
/** Bytes of what only the browser knows, and of the token against forged requests. */
export const SECRET_BYTES = 32;

/** Somebody who has given the key. */
export interface Session {
  readonly token: string;
  /** By the monotonic clock. */
  readonly until: number;
}

function nameOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64');
}

/** Compares texts in a time that tells nothing of where they differ. */
export function isSame(one: string, other: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

/** Who has given the key, for a while. In memory: a restart ends them all. */
export class Sessions {
  readonly #clock: Clock;
  readonly #random: Random;
  /** By the digest of the secret: how long a look takes says nothing of it. */
  readonly #sessions = new Map<string, Session>();
  /** For who has no session. */
  readonly token: string;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
    this.token = this.#secret();
  }

  /** Begins a session; what the browser is to keep of it. */
  begin(): { readonly secret: string; readonly session: Session } {
    for (const [name, { until }] of this.#sessions) if (until <= this.#clock.monotonic()) this.#sessions.delete(name);
    if (this.#sessions.size >= SESSIONS_MAX) takeOldest(this.#sessions);
    const secret = this.#secret();
    const session = { token: this.#secret(), until: this.#clock.monotonic() + SESSION_MS };
    this.#sessions.set(nameOf(secret), session);
    return { secret, session };
  }

  /** The session of who knows that; null: there is none any more. */
  of(secret: string): Session | null {
    const session = this.#sessions.get(nameOf(secret));
    return session !== undefined && this.isAlive(session) ? session : null;
  }

  /** Whether it has not ended. */
  isAlive(session: Session): boolean {
    return session.until > this.#clock.monotonic() && [...this.#sessions.values()].includes(session);
  }

  end(secret: string): void {
    this.#sessions.delete(nameOf(secret));
  }

  #secret(): string {
    return this.#random.bytes(SECRET_BYTES).toString('base64url');
  }
}
