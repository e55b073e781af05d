import { createHash } from 'node:crypto';
import { takeOldest } from '../../base/oldest.ts';
import { FlareError, type FlareStatusName } from '../errors.ts';
import type { FlushWriter } from '../index/flush.ts';
import type { ReplayRow } from '../index/values.ts';
import { REPLAY_IDENTITY_MAX } from '../record/limits.ts';
import type { Attributes } from '../types.ts';
import { Answers } from './answers.ts';
import { REFUSAL_AGE_MAX, REPLAY_AGE_MAX } from './limits.ts';

/** What was answered to a call, and the LSN that the answer depends on. */
export type Remembered =
  | {
      readonly time: number;
      readonly lsn: number;
      readonly attributes: Attributes | null;
      /** Where in the log it stands; segment 0: nowhere, for nothing was changed. */
      readonly slice: number;
      readonly segment: number;
    }
  | { readonly time: number; readonly lsn: number; readonly refusal: FlareStatusName };

type Answer = Extract<Remembered, { readonly segment: number }>;
type Refusal = Extract<Remembered, { readonly refusal: FlareStatusName }>;

/** An identity as it is stored: itself, or its digest when it is too long. */
export function identityBytes(identity: string): Buffer {
  if (identity.length <= REPLAY_IDENTITY_MAX) return Buffer.from(identity, 'latin1');
  return createHash('sha256').update(identity, 'latin1').digest();
}

function keyOf(identity: string): string {
  return identity.length <= REPLAY_IDENTITY_MAX ? identity : identityBytes(identity).toString('latin1');
}

/**
 * Calls that were answered, by identity, so that a retransmission gets the first answer. Answers are in the log too, refusals only here. Both are bounded in
 * number and age.
 */
export class Replays {
  readonly #answers: Answers;
  readonly #refusals = new Map<string, Refusal>();
  readonly #maxRefusals: number;
  /** Slices of which the next flush forgets all that was answered before. */
  readonly #wiped = new Set<number>();

  constructor(rows: readonly ReplayRow[], maxAnswers: number, maxRefusals: number) {
    this.#answers = new Answers(maxAnswers);
    this.#maxRefusals = maxRefusals;
    for (const row of rows) this.#answers.add(row, 0);
  }

  /** How many go with the next flush. */
  get changed(): number {
    return this.#answers.changed + this.#wiped.size;
  }

  get count(): number {
    return this.#answers.count + this.#refusals.size;
  }

  /** What was answered to that call, if that is not too long ago. `now` in µs. */
  find(identity: string, now: number): Remembered | undefined {
    const key = keyOf(identity);
    const place = this.#answers.find(key);
    if (place >= 0 && now - this.#answers.timeOf(place) <= REPLAY_AGE_MAX) return this.#answers.at(place);
    const refusal = this.#refusals.get(key);
    return refusal !== undefined && now - refusal.time <= REFUSAL_AGE_MAX ? refusal : undefined;
  }

  /** As `find`, for who wants to know no more than whether there is an answer. */
  isAnswered(identity: string, now: number): boolean {
    const place = this.#answers.find(keyOf(identity));
    return place >= 0 && now - this.#answers.timeOf(place) <= REPLAY_AGE_MAX;
  }

  answered(identity: string, { lsn, ...answer }: Answer): void {
    const key = keyOf(identity);
    this.#refusals.delete(key);
    const place = this.#answers.add({ identity: key, ...answer }, lsn);
    if (answer.segment > 0) this.#answers.mark(place);
  }

  /** An answer that the log says was given; one that was written anew keeps its turn. */
  redone(identity: string, answer: Answer): void {
    const place = this.#answers.find(identity);
    if (place < 0 || this.#answers.timeOf(place) !== answer.time) {
      this.answered(identity, answer);
      return;
    }
    const { lsn, ...row } = answer;
    this.#answers.replace(place, { identity, ...row }, lsn);
    this.#answers.mark(place);
  }

  refused(identity: string, refusal: Refusal): void {
    const key = keyOf(identity);
    this.#answers.remove(key);
    this.#refusals.delete(key);
    this.#refusals.set(key, refusal);
    if (this.#refusals.size > this.#maxRefusals) takeOldest(this.#refusals);
  }

  /** `Answers.placesIn`. */
  placesIn(segment: number): Iterable<number> {
    return this.#answers.placesIn(segment);
  }

  /** The answer at such a place. */
  at(place: number): ReplayRow {
    return this.#answers.at(place);
  }

  /** Compaction wrote the answer anew. */
  moved(place: number, segment: number): void {
    this.#answers.move(place, segment);
    this.#answers.mark(place);
  }

  /** The answers that stand in records of a slice for which that is so, in the order of `Answers.places`. */
  *inSlices(has: (slice: number) => boolean): Generator<ReplayRow> {
    for (const place of this.#answers.places()) {
      if (this.#answers.segmentOf(place) > 0 && has(this.#answers.sliceOf(place))) yield this.#answers.at(place);
    }
  }

  /** Those that stand in records of that slice are forgotten. */
  wipe(slice: number): void {
    const gone = [...this.inSlices((one) => one === slice)];
    for (const { identity } of gone) this.#answers.remove(identity);
    this.#wiped.add(slice);
  }

  /** Writes what has changed since the last flush. */
  pack(to: FlushWriter): void {
    for (const slice of this.#wiped) to.replaysGone(slice);
    this.#wiped.clear();
    if (this.#answers.changed > 0) to.replays(this.#answers.takeChanged());
  }
}

/** The first answer again. */
export function again(remembered: Remembered): Attributes | null {
  if ('refusal' in remembered) throw FlareError.of(remembered.refusal);
  return remembered.attributes;
}

/** An answer that stands in a slice which is not served here is for that slice's owner to give: it may not be committed. */
export function mayRepeat(
  { served }: { readonly served: ((slice: number) => boolean) | null },
  remembered: Remembered,
): boolean {
  return served === null || 'refusal' in remembered || remembered.segment === 0 || served(remembered.slice);
}
