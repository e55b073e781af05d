import type { MemberId } from '../projection/types.ts';
import { FULL_MS } from './limits.ts';
import type { LinkShared } from './link-shared.ts';

/** Whether answers may wait for a mirror, though the map says so. */
export class Fitness {
  readonly #name: MemberId;
  readonly #shared: LinkShared;
  /** Answers wait for it, by the map. */
  readonly #counts: () => boolean;
  #fullSince: number | null = null;
  /** This volcano itself is the one that has lost something. */
  behind = false;
  /** Why they must not: it has not what it had acknowledged, or lacks more than the log here still has, or has had no room for long. null: they may. */
  unfit: 'lost' | 'outrun' | 'full' | null = null;

  constructor(name: MemberId, shared: LinkShared, counts: () => boolean) {
    this.#name = name;
    this.#shared = shared;
    this.#counts = counts;
  }

  judge(unfit: Fitness['unfit'], what = ''): void {
    if (unfit === this.unfit || (unfit !== null && !this.#counts())) return;
    this.unfit = unfit;
    const { logger, judged } = this.#shared;
    const fields = { mirror: this.#name, what };
    const cure = 'it is left out and filled anew; look at its disk';
    if (unfit === 'lost') logger.error(fields, `a mirror has lost what it had acknowledged: ${cure}`);
    // It may never have had it, as when both sides were down: nothing is wrong with its disk.
    if (unfit === 'outrun')
      logger.warn(fields, 'a mirror lacks more than the log here still has: it is left out and filled anew');
    if (unfit === 'full') logger.error(fields, 'a mirror has no room: it is left out until it has');
    judged();
  }

  /** This side lacks records that the mirror has and cannot give. Tells so, once; returns what it is. */
  foundBehind(slice: number): string {
    const what = `this volcano lacks records of slice ${slice} that its mirror has and cannot give`;
    if (!this.behind)
      this.#shared.logger.error(
        { mirror: this.#name, slice },
        `${what}: nothing is served of the slices that they share until the mirror takes them over. It lost power, or its disk failed, before it had written them; or its disk is an older copy`,
      );
    this.behind = true;
    return what;
  }

  /** It has taken something. */
  took(): void {
    this.#fullSince = null;
    if (this.unfit === 'full') this.judge(null);
  }

  /** It has no room for what it is sent. */
  foundFull(): void {
    const now = this.#shared.clock.monotonic();
    this.#fullSince ??= now;
    if (now - this.#fullSince >= FULL_MS) this.judge('full', `for ${FULL_MS / 1000} s`);
  }
}
