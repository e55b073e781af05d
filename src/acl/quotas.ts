import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { takeOldest } from '../base/oldest.ts';
import type { Quotas } from '../flare/quotas.ts';
import type { NoteStore } from '../flare/service.ts';
import type { Usage } from '../flare/types.ts';
import type { Share } from './areas.ts';
import { isAbout, type Limit, type QuotaRule } from './quota-rule.ts';

/** The most accounts of which it is remembered since when they are above a soft limit, and which quota is theirs. */
export const ACCOUNTS_MAX = 65_536;

const PREFIX = 'quota/over/';
/** How long what was found here counts more than the note, which others may have written since, in milliseconds. */
const OWN_MS = 15_000;

/** Since when an account is above its soft limits, in milliseconds since 1970; null: it is not. */
interface Over {
  readonly bytes: number | null;
  readonly files: number | null;
}

/** What was found here, and when, by the monotonic clock. */
interface Found {
  readonly over: Over;
  readonly at: number;
}

/** What somebody may have in a share, and has. */
export interface QuotaState {
  readonly quota: QuotaRule;
  readonly used: Usage;
  /** When the grace time ends, in milliseconds since 1970; null: it has not begun. */
  readonly bytesUntil: number | null;
  readonly filesUntil: number | null;
}

/** What quotas work with. */
export interface QuotaBookParts {
  readonly clock: Clock;
  readonly notes: NoteStore;
  readonly logger: Logger;
  /** What a uid has in a share on the slices that are served here; on those of others, as far as it was heard. */
  readonly here: (share: number, uid: number) => Usage;
  readonly elsewhere: (share: number, uid: number) => Usage;
}

const NEVER: Over = Object.freeze({ bytes: null, files: null });

function encode({ bytes, files }: Over): Buffer {
  return Buffer.from(`${bytes ?? '-'} ${files ?? '-'}`, 'latin1');
}

function decode(value: Buffer | null): Over {
  if (value === null) return NEVER;
  const [bytes, files] = value.toString('latin1').split(' ').map(Number) as [number, number];
  return { bytes: Number.isSafeInteger(bytes) ? bytes : null, files: Number.isSafeInteger(files) ? files : null };
}

function sum(one: Usage, other: Usage): Usage {
  return { bytes: one.bytes + other.bytes, files: one.files + other.files };
}

/** Since when it is above the limit, when it was so since `since`, and has `used` of it now. */
function overSince({ soft }: Limit, used: number, since: number | null, now: number): number | null {
  return soft === null || used <= soft ? null : (since ?? now);
}

/**
 * The quotas in force, and the grace times that run (docs/quotas.md). Grace times are notes of the network, written after the answer that began them; what is said here waits for nothing.
 */
export class QuotaBook implements Quotas {
  readonly #parts: QuotaBookParts;
  #rules: readonly QuotaRule[] = [];
  #byShare: ReadonlyMap<number, readonly QuotaRule[]> = new Map();
  readonly #over = new Map<string, Found>();
  readonly #quotas = new Map<string, QuotaRule | null>();

  constructor(parts: QuotaBookParts) {
    this.#parts = parts;
  }

  /** Puts these in force, and no others. Each is of one of the shares. */
  use(quotas: readonly QuotaRule[], shares: readonly Share[]): void {
    const byShare = new Map<number, QuotaRule[]>();
    for (const quota of quotas) {
      const share = shares.find(({ path }) => path === quota.path);
      if (share === undefined) continue;
      byShare.set(share.number, [...(byShare.get(share.number) ?? []), quota]);
    }
    this.#rules = quotas;
    this.#byShare = byShare;
    this.#quotas.clear();
  }

  /** The quotas in force. */
  rules(): readonly QuotaRule[] {
    return this.#rules;
  }

  /** True when there is none. */
  get empty(): boolean {
    return this.#byShare.size === 0;
  }

  /** The quota of a uid in a share: the one that names him, else the one for all; null: none. */
  quotaOf(share: number, uid: number): QuotaRule | null {
    const quotas = this.#byShare.get(share);
    if (quotas === undefined || uid === 0) return null;
    const account = `${share}/${uid}`;
    let found = this.#quotas.get(account);
    if (found === undefined) {
      found = quotas.find((quota) => isAbout(quota, uid)) ?? quotas.find(({ uids }) => uids === null) ?? null;
      if (this.#quotas.size >= ACCOUNTS_MAX) takeOldest(this.#quotas);
      this.#quotas.set(account, found);
    }
    return found;
  }

  isLimited(share: number, uid: number): boolean {
    return this.quotaOf(share, uid) !== null;
  }

  allows(share: number, uid: number, more: Usage, here: () => Usage): boolean {
    const quota = this.quotaOf(share, uid);
    if (quota === null) return true;
    const before = sum(here(), this.#parts.elsewhere(share, uid));
    const after = sum(before, more);
    const now = this.#parts.clock.now() / 1000;
    const known = this.#knownOver(share, uid);
    // What was at or below the limit until now has not been above it without a break.
    const over: Over = {
      bytes: overSince(quota.bytes, after.bytes, overSince(quota.bytes, before.bytes, known.bytes, now), now),
      files: overSince(quota.files, after.files, overSince(quota.files, before.files, known.files, now), now),
    };
    const fits = (limit: Limit, asked: number, wanted: number, since: number | null): boolean =>
      asked === 0 ||
      ((limit.hard === null || wanted <= limit.hard) && (since === null || now - since <= quota.graceMs));
    const allowed =
      fits(quota.bytes, more.bytes, after.bytes, over.bytes) && fits(quota.files, more.files, after.files, over.files);
    if (allowed) this.#note(share, uid, over, known);
    return allowed;
  }

  /** What a uid may have in a share, and has; null: he has no quota there. */
  stateOf(share: number, uid: number): QuotaState | null {
    const quota = this.quotaOf(share, uid);
    if (quota === null) return null;
    const used = this.usageOf(share, uid);
    const now = this.#parts.clock.now() / 1000;
    const known = this.#knownOver(share, uid);
    const until = (limit: Limit, has: number, since: number | null): number | null => {
      const begun = overSince(limit, has, since, now);
      return begun === null ? null : begun + quota.graceMs;
    };
    return {
      quota,
      used,
      bytesUntil: until(quota.bytes, used.bytes, known.bytes),
      filesUntil: until(quota.files, used.files, known.files),
    };
  }

  /** What a uid has in a share, in the whole network, as far as it is known. */
  usageOf(share: number, uid: number): Usage {
    return sum(this.#parts.here(share, uid), this.#parts.elsewhere(share, uid));
  }

  #knownOver(share: number, uid: number): Over {
    const { clock, notes } = this.#parts;
    const account = `${share}/${uid}`;
    const found = this.#over.get(account);
    if (found !== undefined && clock.monotonic() - found.at < OWN_MS) return found.over;
    return decode(notes.note(PREFIX + account));
  }

  #note(share: number, uid: number, over: Over, known: Over): void {
    if (over.bytes === known.bytes && over.files === known.files) return;
    const account = `${share}/${uid}`;
    this.#over.delete(account);
    if (this.#over.size >= ACCOUNTS_MAX) takeOldest(this.#over);
    const { notes, logger, clock } = this.#parts;
    this.#over.set(account, { over, at: clock.monotonic() });
    const none = over.bytes === null && over.files === null;
    notes.setNote(PREFIX + account, none ? null : encode(over)).catch((error: unknown) => {
      logger.warn({ err: error, share, uid }, 'when a grace time began could not be written down');
    });
  }
}
