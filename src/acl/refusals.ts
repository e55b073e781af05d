import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Endpoint } from '../base/net.ts';
import { takeOldest } from '../base/oldest.ts';
import type { Access } from './areas.ts';
import { readable } from './problem.ts';

/** How long further refusals of one client at one path are only counted, in milliseconds. */
export const REFUSAL_QUIET_MS = 60_000;
/** The most clients and paths whose refusals are told apart. */
export const REFUSALS_MAX = 1024;

interface Quiet {
  readonly since: number;
  unlogged: number;
}

/** Logs refusals: the first of a client at a path at once, the others counted into the next line, so that no client can flood the log. */
export class RefusalLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #quiet = new Map<string, Quiet>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** One refusal: who, at which path (bytes as a Latin-1 string), under which rule, and why. */
  refused(client: Endpoint, path: string, access: Access | null, reason: string): void {
    const name = `${client.address} ${path}`;
    const now = this.#clock.monotonic();
    const quiet = this.#quiet.get(name);
    if (quiet !== undefined && now - quiet.since < REFUSAL_QUIET_MS) {
      quiet.unlogged += 1;
      return;
    }
    this.#quiet.delete(name);
    if (this.#quiet.size >= REFUSALS_MAX) takeOldest(this.#quiet);
    this.#quiet.set(name, { since: now, unlogged: 0 });
    const rule = access?.rule ?? null;
    this.#logger.warn(
      {
        client: client.address,
        port: client.port,
        path: readable(path),
        rule: rule === null ? 'none' : `${rule.where}: ${rule.text}`,
        reason,
        ...(quiet === undefined || quiet.unlogged === 0 ? {} : { unlogged: quiet.unlogged }),
      },
      'Refused',
    );
  }

  /** How many clients and paths are remembered. */
  get size(): number {
    return this.#quiet.size;
  }
}
