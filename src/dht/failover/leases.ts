import type { Clock, Timer } from '../../base/clock.ts';
import type { MemberId } from '../projection/types.ts';
import { type FailoverTimes, HELD_SHARE, SILENT_ROUNDS } from './times.ts';

/** What leases work with. */
export interface LeasesParts {
  readonly clock: Clock;
  readonly times: FailoverTimes;
  /** Asks a volcano for its grant: for how long it is given, in milliseconds. Rejects when it is not. */
  readonly ask: (member: MemberId) => Promise<number>;
  /** Whether grants can be asked for now. While they cannot, nobody who does not give one is silent. */
  readonly able: () => boolean;
  /** Something has been granted. */
  readonly renewed: () => void;
  /** Somebody is silent who was not, or the other way round. */
  readonly changed: () => void;
  /** A round has passed: so often all are asked. */
  readonly round: () => void;
}

interface Held {
  /** Until when it is certain that the other one does not take over, by the monotonic clock. */
  until: number;
  /** Rounds in a row in which it has not granted. */
  misses: number;
  granted: boolean;
}

/**
 * What others have promised this volcano: that they do not take its slices over, each until some time. A promise is counted from the moment when it was asked for, which is
 * before the one from which the other side counts.
 */
export class Leases {
  readonly #parts: LeasesParts;
  readonly #held = new Map<MemberId, Held>();
  #timer: Timer | null = null;

  constructor(parts: LeasesParts) {
    this.#parts = parts;
  }

  /** Asks these from now on, and nobody else; but who is silent is asked until it is not, as long as it is a member. */
  follow(wanted: ReadonlySet<MemberId>, isMember: (id: MemberId) => boolean): void {
    for (const id of this.#held.keys()) {
      if (!wanted.has(id) && !(this.isSilent(id) && isMember(id))) this.#held.delete(id);
    }
    for (const id of wanted) {
      if (this.#held.has(id)) continue;
      this.#held.set(id, { until: Number.NEGATIVE_INFINITY, misses: 0, granted: true });
      if (this.#parts.able()) void this.#ask(id);
    }
    this.#timer ??= this.#parts.clock.after(this.#parts.times.renewMs, () => this.#round());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#held.clear();
  }

  /** Until when that volcano does not take over from this one, by the monotonic clock, in milliseconds. */
  until(member: MemberId): number {
    return this.#held.get(member)?.until ?? Number.NEGATIVE_INFINITY;
  }

  /** It does not grant what it is asked for, for whatever reason: it is of no use as a mirror. */
  isSilent(member: MemberId): boolean {
    return (this.#held.get(member)?.misses ?? 0) >= SILENT_ROUNDS;
  }

  /**
   * Grants can be asked for again: at once, but for those of which half is left, since this comes with each change of the map, of which every call tells others. Who was not
   * silent before has not become so meanwhile.
   */
  resume(): void {
    const { clock, times } = this.#parts;
    const soon = clock.monotonic() + times.grantMs / 2;
    for (const [id, held] of this.#held) {
      if (!this.isSilent(id)) held.misses = 0;
      held.granted = true;
      if (held.until < soon) void this.#ask(id);
    }
  }

  #round(): void {
    const { clock, times, able, changed, round } = this.#parts;
    this.#timer = clock.after(times.renewMs, () => this.#round());
    round();
    // Whoever has slept has not been asked meanwhile: rounds are counted, not time.
    let flipped = false;
    for (const [id, held] of this.#held) {
      if (!able()) continue;
      if (!held.granted) flipped = ++held.misses === SILENT_ROUNDS || flipped;
      held.granted = false;
      void this.#ask(id);
    }
    if (flipped) changed();
  }

  async #ask(id: MemberId): Promise<void> {
    const { clock, ask, changed, renewed } = this.#parts;
    const held = this.#held.get(id)!;
    const sent = clock.monotonic();
    let grantMs: number;
    try {
      grantMs = await ask(id);
    } catch {
      return;
    }
    if (this.#held.get(id) !== held) return;
    const wasSilent = this.isSilent(id);
    held.until = Math.max(held.until, sent + grantMs * HELD_SHARE);
    held.misses = 0;
    held.granted = true;
    renewed();
    if (wasSilent) changed();
  }
}
