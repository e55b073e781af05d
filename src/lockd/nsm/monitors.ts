import type { Logger } from '../../base/logger.ts';
import type { CallContext } from '../../rpc/program.ts';
import { isHostError } from '../grant.ts';
import type { LockdParts } from '../parts.ts';
import { type nsmCodecs as codecs, nsmCodecs } from './schema.ts';

/** What programs of this machine may have watched at a time. */
export const MONITORS_MAX = 1024;

type Monitored = Parameters<(typeof codecs)['monitor']['encode']>[0];
type MyId = Monitored['id']['by'];

interface Watch {
  readonly origin: Pick<CallContext, 'transport' | 'client' | 'server'>;
  readonly name: string;
  readonly by: MyId;
  readonly priv: Buffer;
}

function sameCaller(one: MyId, other: MyId): boolean {
  return one.program === other.program && one.version === other.version && one.procedure === other.procedure;
}

/** What programs of this machine, a lock manager of its own above all, want to hear of others: kept while this volcano runs. */
export class Monitors {
  readonly #callBack: LockdParts['callBack'];
  readonly #logger: Logger;
  #watches: readonly Watch[] = [];

  constructor(callBack: LockdParts['callBack'], logger: Logger) {
    this.#callBack = callBack;
    this.#logger = logger;
  }

  /** False when there are too many. */
  add({ id, priv }: Monitored, { transport, client, server }: CallContext): boolean {
    const name = id.name.toString('latin1');
    this.remove(name, id.by);
    if (this.#watches.length >= MONITORS_MAX) return false;
    const by = { ...id.by, name: Buffer.from(id.by.name) };
    this.#watches = [...this.#watches, { origin: { transport, client, server }, name, by, priv: Buffer.from(priv) }];
    return true;
  }

  /** Ends what one caller has watched: that name, or all. */
  remove(name: string | null, by: MyId): void {
    this.#watches = this.#watches.filter((one) => !(sameCaller(one.by, by) && (name === null || one.name === name)));
  }

  watches(name: string): boolean {
    return this.#watches.some((one) => one.name === name);
  }

  /** A machine has started anew: whoever watches it is called. */
  tell(name: string, address: string, state: number): void {
    for (const watch of this.#watches)
      if (watch.name.toLowerCase() === name.toLowerCase() || watch.name === address) void this.#call(watch, state);
  }

  async #call({ origin, name, by, priv }: Watch, state: number): Promise<void> {
    const { program, version, procedure } = by;
    const types = { arguments: nsmCodecs.status, result: nsmCodecs.void };
    try {
      const args = { name: Buffer.from(name, 'latin1'), state, priv };
      await this.#callBack.call(origin, { program, version, procedure, ...types }, args);
    } catch (error) {
      if (!isHostError(error)) throw error;
      this.#logger.warn({ program, name, reason: String(error) }, 'whoever watches a machine could not be told of it');
    }
  }
}
