import type { Clock } from '../../base/clock.ts';
import type { ClientName, Role } from './identity.ts';

/** The most callers whose last call is remembered; who called longest ago gives way. */
export const USERS_MAX = 500;

/** Who has proved a key, and when he called last. */
export interface KeyUser {
  readonly role: Role;
  /** Names the network's key that it was. */
  readonly keyId: string;
  /** Null: a volcano, or the operator's tool. */
  readonly client: ClientName | null;
  readonly address: string;
  readonly quietMs: number;
}

interface Known extends Omit<KeyUser, 'quietMs'> {
  seen: number;
}

/** Remembers who called with which key, since it was made. */
export class KeyUsers {
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Remembers a caller; call what it returns at each of his calls. */
  met(user: Omit<KeyUser, 'quietMs'>): () => void {
    const { role, keyId, client, address } = user;
    const name = `${role} ${keyId} ${client?.name ?? ''} ${client?.number ?? ''} ${address}`;
    return () => {
      let known = this.#known.get(name);
      if (known === undefined) {
        if (this.#known.size >= USERS_MAX) this.#forgetOldest();
        known = { ...user, seen: 0 };
        this.#known.set(name, known);
      }
      known.seen = this.#clock.monotonic();
    };
  }

  /** Who called last comes first. */
  list(): KeyUser[] {
    const now = this.#clock.monotonic();
    return [...this.#known.values()]
      .map(({ seen, ...user }) => ({ ...user, quietMs: now - seen }))
      .sort((one, other) => one.quietMs - other.quietMs);
  }

  #forgetOldest(): void {
    let oldest: [string, Known] | undefined;
    for (const one of this.#known) if (oldest === undefined || one[1].seen < oldest[1].seen) oldest = one;
    this.#known.delete(oldest![0]);
  }
}
