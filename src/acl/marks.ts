import type { Clock, Timer } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { FlareError } from '../flare/errors.ts';
import { keyText } from '../flare/keys.ts';
import type { FlareService, NoteStore } from '../flare/service.ts';
import { type Attributes, type DirectoryEntry, type FlareId, FlareType } from '../flare/types.ts';
import type { Share } from './areas.ts';
import { ROOT } from './walk.ts';

/** The note that says which shares have been gone through. */
export const MARKED_NOTE = 'quota/marked';
/** Entries of a directory that are looked at together. */
const PAGE = 32;
/** After how long a walk that was broken off begins anew, in milliseconds. */
export const AGAIN_MS = 30_000;

/** What marks are made with. */
export interface MarkParts {
  readonly service: Pick<FlareService, 'getattr' | 'setattr' | 'readdir' | 'lookup'>;
  readonly notes: NoteStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What the shares are: another text where one has come, gone, or has another directory. */
function layoutOf(shares: readonly Share[]): Buffer {
  const lines = shares.map(({ number, directory }) => `${number} ${keyText(directory.key)} ${directory.generation}`);
  return Buffer.from(lines.sort().join('\n').slice(0, 60_000), 'latin1');
}

/**
 * Marks flares with the share that they lie in (docs/quotas.md, "What is counted"): the directories of shares at once, so that what is born there from now on counts there; then, in the
 * background and once for each set of shares in the life of the network, all that was there before.
 */
export class ShareMarks {
  readonly #parts: MarkParts;
  #wanted: readonly Share[] = [];
  #walking: Promise<void> | null = null;
  #timer: Timer | null = null;
  #stopped = false;

  constructor(parts: MarkParts) {
    this.#parts = parts;
  }

  /** These are the shares from now on. Resolves when their directories are marked. Rejects when the tree cannot be used. */
  async begin(shares: readonly Share[]): Promise<void> {
    const { service } = this.#parts;
    this.#wanted = shares;
    for (const { directory, number } of shares) await this.#mark(await service.getattr(directory), number);
    this.#walk();
  }

  /** Resolves when nothing is gone through any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#walking;
  }

  /** Resolves when what was begun is done, or broken off. */
  async settled(): Promise<void> {
    await this.#walking;
  }

  #walk(): void {
    this.#timer?.cancel();
    this.#walking ??= this.#walkAll().finally(() => {
      this.#walking = null;
    });
  }

  async #walkAll(): Promise<void> {
    const { notes, clock, logger } = this.#parts;
    try {
      for (let shares = this.#wanted; !this.#stopped; shares = this.#wanted) {
        const layout = layoutOf(shares);
        if (notes.note(MARKED_NOTE)?.equals(layout) === true) return;
        let marked = 0;
        for (const { directory, number } of shares) marked += await this.#below(directory, number);
        if (this.#stopped) return;
        if (shares !== this.#wanted) continue;
        await notes.setNote(MARKED_NOTE, layout);
        if (marked > 0) logger.info({ marked }, 'what lay in the shares before counts for them now');
        return;
      }
    } catch (error) {
      if (this.#stopped) return;
      logger.warn({ err: error }, 'what lies in the shares could not be gone through: tried again later');
      this.#timer = clock.after(AGAIN_MS, () => this.#walk());
    }
  }

  /** Marks all below a directory; returns how many flares counted elsewhere. */
  async #below(top: FlareId, share: number): Promise<number> {
    const { service } = this.#parts;
    const waiting: FlareId[] = [top];
    let marked = 0;
    for (let directory = waiting.pop(); directory !== undefined && !this.#stopped; directory = waiting.pop()) {
      for (let cookie = 0; !this.#stopped; ) {
        const here = directory;
        const page = await this.#unlessGone(async () => service.readdir(ROOT, here, cookie, PAGE));
        if (page === null) break;
        const found = await Promise.all(page.entries.map((entry) => this.#entry(here, entry, share)));
        for (const one of found) {
          if (one === null) continue;
          if (one.marked) marked++;
          if (one.flare.type === FlareType.directory) waiting.push(one.flare);
        }
        if (page.end || page.entries.length === 0) break;
        cookie = page.entries.at(-1)!.cookie;
      }
    }
    return marked;
  }

  #entry(
    directory: FlareId,
    { name }: DirectoryEntry,
    share: number,
  ): Promise<{ flare: Attributes; marked: boolean } | null> {
    return this.#unlessGone(async () => {
      const flare = await this.#parts.service.lookup(ROOT, directory, name);
      // A file with names in two shares counts where the one is that its parent says.
      if (flare.type !== FlareType.directory && flare.parent.key !== directory.key) return null;
      return { flare, marked: await this.#mark(flare, share) };
    });
  }

  /** True when it counted elsewhere. */
  async #mark(flare: Attributes, share: number): Promise<boolean> {
    if (flare.share === share) return false;
    await this.#parts.service.setattr(ROOT, flare, { share });
    return true;
  }

  /** Null when it is refused: it has gone meanwhile, or is none of the tree that is stored (`/.dht/`). */
  async #unlessGone<T>(look: () => Promise<T>): Promise<T | null> {
    try {
      return await look();
    } catch (error) {
      if (error instanceof FlareError && error.status !== 'IO' && error.status !== 'NOSPC') return null;
      throw error;
    }
  }
}
