import { createHash } from 'node:crypto';
import { takeOldest } from '../../base/oldest.ts';
import { FlareError, type FlareStatusName } from '../errors.ts';
import type { FlushWriter } from '../index/flush.ts';
import type { ReplayRow } from '../index/values.ts';
import { REPLAY_IDENTITY_MAX } from '../record/limits.ts';
import type { Attributes } from '../types.ts';
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

/** Drops the oldest of a Map that is kept in the order of time. */
function bound<V>(map: Map<string, V>, max: number): void {
  if (map.size > max) takeOldest(map);
}

/**
 * Calls that were answered, by identity, so that a retransmission gets the first answer. Answers are in the log too, refusals only here. Both are bounded in
 * number and age.
 */
export class Replays {
  readonly #answers = new Map<string, Answer>();
  readonly #refusals = new Map<string, Refusal>();
  readonly #maxAnswers: number;
  readonly #maxRefusals: number;
  /** Identities of answers that go with the next flush. */
  readonly #changed = new Set<string>();

  constructor(rows: readonly ReplayRow[], maxAnswers: number, maxRefusals: number) {
    this.#maxAnswers = maxAnswers;
    this.#maxRefusals = maxRefusals;
    for (const { identity, time, attributes, slice, segment } of rows) {
      this.#answers.set(identity, { time, lsn: 0, attributes, slice, segment });
      bound(this.#answers, maxAnswers);
    }
  }

  /** How many go with the next flush. */
  get changed(): number {
    return this.#changed.size;
  }

  get count(): number {
    return this.#answers.size + this.#refusals.size;
  }

  /** What was answered to that call, if that is not too long ago. `now` in µs. */
  find(identity: string, now: number): Remembered | undefined {
    const key = keyOf(identity);
    const answer = this.#answers.get(key);
    if (answer !== undefined && now - answer.time <= REPLAY_AGE_MAX) return answer;
    const refusal = this.#refusals.get(key);
    return refusal !== undefined && now - refusal.time <= REFUSAL_AGE_MAX ? refusal : undefined;
  }

  answered(identity: string, answer: Answer): void {
    const key = keyOf(identity);
    this.#refusals.delete(key);
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    bound(this.#answers, this.#maxAnswers);
    if (answer.segment > 0) this.#changed.add(key);
  }

  /** An answer that the log says was given; one that was written anew keeps its turn. */
  redone(identity: string, answer: Answer): void {
    const known = this.#answers.get(identity);
    if (known === undefined || known.time !== answer.time) {
      this.answered(identity, answer);
      return;
    }
    this.#answers.set(identity, answer);
    this.#changed.add(identity);
  }

  refused(identity: string, refusal: Refusal): void {
    const key = keyOf(identity);
    this.#answers.delete(key);
    this.#refusals.delete(key);
    this.#refusals.set(key, refusal);
    bound(this.#refusals, this.#maxRefusals);
  }

  /** Whether this is the answer that is remembered, and where in the log it lies. */
  isAt(identity: Buffer, time: number, segment: number): boolean {
    const answer = this.#answers.get(identity.toString('latin1'));
    return answer !== undefined && answer.time === time && answer.segment === segment;
  }

  /** Compaction wrote the answer anew. */
  moved(identity: Buffer, segment: number): void {
    const key = identity.toString('latin1');
    const answer = this.#answers.get(key);
    if (answer === undefined) return;
    this.#answers.set(key, { ...answer, segment });
    this.#changed.add(key);
  }

  /** The answers that stand in records of a slice for which that is so, oldest first. */
  *inSlices(
    has: (slice: number) => boolean,
  ): Generator<{ identity: string; time: number; slice: number; attributes: Attributes | null }> {
    for (const [identity, { time, slice, segment, attributes }] of this.#answers) {
      if (segment > 0 && has(slice)) yield { identity, time, slice, attributes };
    }
  }

  /** Those that stand in records of that slice are forgotten. */
  wipe(slice: number): void {
    for (const [identity, answer] of this.#answers) {
      if (answer.segment === 0 || answer.slice !== slice) continue;
      this.#answers.delete(identity);
      this.#changed.delete(identity);
    }
  }

  /** Writes what has changed since the last flush. */
  pack(to: FlushWriter): void {
    if (this.#changed.size > 0) to.replays(this.#rows());
    this.#changed.clear();
  }

  *#rows(): Generator<ReplayRow> {
    for (const identity of this.#changed) {
      const answer = this.#answers.get(identity);
      if (answer !== undefined) yield { identity, ...answer };
    }
  }
}

/** The first answer again. */
export function again(remembered: Remembered): Attributes | null {
  if ('refusal' in remembered) throw FlareError.of(remembered.refusal);
  return remembered.attributes;
}
