import { readable } from '../acl/problem.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { takeOldest } from '../base/oldest.ts';
import type { Random } from '../base/random.ts';
import { WrongCounts } from '../base/wrong-counts.ts';
import { type CallContext, DROP } from '../rpc/program.ts';
import { Throttle } from '../rpc/throttle.ts';
import { isPassword, noPassword, type PasswordHash } from './password.ts';
import { scrambled } from './scramble.ts';
import type { PcUser, PcUsers } from './users.ts';

/** Wrong passwords that are looked at from one address, and from all together, in `WRONG_MS`. */
export const WRONG_MAX = 10;
export const WRONG_ALL_MAX = 100;
export const WRONG_MS = 10 * 60_000;
/** Addresses whose wrong passwords are counted; the one that came first gives way. */
export const ADDRESSES_MAX = 1024;
/** The most logins that wait to be looked at, one after the other; who comes then is not answered, and asks again. */
export const WAITING_MAX = 16;

/** How long a refusal is remembered, in milliseconds, and how many are: a call that comes again is no further guess. */
export const REFUSED_MS = 30_000;
export const REFUSED_MAX = 256;

const BOUNDS = { each: WRONG_MAX, all: WRONG_ALL_MAX, milliseconds: WRONG_MS, addresses: ADDRESSES_MAX };

/** What logins are looked at with. */
export interface LoginParts {
  /** Those of now: they change when the file is read again. */
  readonly users: () => PcUsers;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/**
 * Looks at names and passwords. One at a time: a hash costs memory and a thread that the disk needs as well. Wrong ones are counted by address and all
 * together, and each is a line in the log; from who has had his share none is looked at for a while, right or wrong, and all of these are one line in 10 s.
 */
export class Logins {
  readonly #parts: LoginParts;
  readonly #counts: WrongCounts;
  readonly #exhausted: Throttle;
  readonly #crowded: Throttle;
  readonly #nobody: PasswordHash;
  /** When each call was refused. What was let in is looked at again: a checksum in the identity must not stand for a password. */
  readonly #refused = new Map<string, number>();
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: LoginParts) {
    this.#parts = parts;
    this.#counts = new WrongCounts(parts.clock, BOUNDS);
    this.#exhausted = new Throttle(parts.clock);
    this.#crowded = new Throttle(parts.clock);
    this.#nobody = noPassword(parts.random);
  }

  /** Who that is, by name and password as they came; null: nobody, or not now. `DROP`: too many wait. */
  async look(id: Buffer, password: Buffer, call: CallContext): Promise<PcUser | null | typeof DROP> {
    const { logger } = this.#parts;
    const client = call.client.address;
    if (this.#waiting >= WAITING_MAX) {
      this.#crowded.run((before) =>
        logger.warn({ client, before }, 'too many PC-NFS logins at a time: one was dropped'),
      );
      return DROP;
    }
    // The bytes, those of the identity too, lie in a receive buffer that is used again.
    const identity = call.replayIdentity();
    if (this.#wasRefused(identity)) return null;
    const [name, secret] = [scrambled(id).toString('latin1'), scrambled(password)];
    const turn = this.#last.then(() => this.#look(name, secret, identity, call));
    this.#waiting += 1;
    this.#last = turn
      .catch(() => {})
      .finally(() => {
        secret.fill(0);
        this.#waiting -= 1;
      });
    return turn;
  }

  #wasRefused(identity: string): boolean {
    const at = this.#refused.get(identity);
    return at !== undefined && this.#parts.clock.monotonic() - at < REFUSED_MS;
  }

  async #look(name: string, password: Buffer, identity: string, { client }: CallContext): Promise<PcUser | null> {
    const { users, clock, logger } = this.#parts;
    const { address, port } = client;
    if (this.#counts.isExhausted(address)) {
      this.#exhausted.run((before) =>
        logger.warn({ client: address, before }, 'too many wrong PC-NFS passwords: none is looked at for a while'),
      );
      return null;
    }
    const user = users().named(name);
    const right = await isPassword(password, user?.hash ?? this.#nobody);
    if (user !== undefined && user.hash !== null && right) {
      logger.info({ client: address, port, user: name, uid: user.uid }, 'PC-NFS login');
      return user;
    }
    this.#counts.wrong(address);
    this.#refused.delete(identity);
    if (this.#refused.size >= REFUSED_MAX) takeOldest(this.#refused);
    this.#refused.set(identity, clock.monotonic());
    const reason = user === undefined ? 'there is no such user' : user.hash === null ? 'locked' : 'a wrong password';
    logger.warn({ client: address, port, user: readable(name), reason }, 'PC-NFS login refused');
    return null;
  }
}
