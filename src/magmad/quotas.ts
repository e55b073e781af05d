import { ShareMarks } from '../acl/marks.ts';
import type { QuotaRule } from '../acl/quota-rule.ts';
import { QuotaBook } from '../acl/quotas.ts';
import type { Shares } from '../acl/shares.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Network } from './network.ts';

/** The quotas of a volcano, and the marks that they count by (docs/quotas.md). */
export class VolcanoQuotas {
  readonly book: QuotaBook;
  readonly #network: Network;
  readonly #marks: ShareMarks;

  constructor(network: Network, logger: Logger, clock: Clock = systemClock) {
    const { notes, tree: service, store, usageElsewhere: elsewhere } = network;
    this.#network = network;
    const here = (share: number, uid: number) => store.usageOf(share, uid);
    this.book = new QuotaBook({ clock, notes, logger, here, elsewhere });
    this.#marks = new ShareMarks({ service, notes, clock, logger });
  }

  /** Puts these in force, and no others. Resolves when what is born in the shares from now on counts there. Rejects when the tree cannot be used. */
  async use(quotas: readonly QuotaRule[], shares: Pick<Shares, 'list'>): Promise<void> {
    const list = shares.list();
    this.book.use(quotas, list);
    this.#network.store.enforce(this.book.empty ? null : this.book);
    await this.#marks.begin(list);
  }

  /** Resolves when nothing is done in the background any more. */
  stop(): Promise<void> {
    return this.#marks.stop();
  }
}
