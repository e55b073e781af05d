import { changeOf, encodeChange } from './change.ts';
import type { Projection } from './types.ts';

/** So many changes are told at most, one after the other; who is further behind gets the whole. */
export const CHANGES_MAX = 256;

/** What somebody is told who knows an older projection: the newest, or the changes that lead to it (`encodeChange`). null: what he knows is the newest, or there is none. */
export type News = { readonly whole: Projection } | { readonly changes: readonly Buffer[] } | null;

/** The changes that led to the newest projection. */
export class RecentChanges {
  #changes: Buffer[] = [];
  #newest: Projection | null;

  constructor(newest: Projection | null) {
    this.#newest = newest;
  }

  /** That projection is the newest from now on. */
  note(projection: Projection): void {
    const before = this.#newest;
    this.#newest = projection;
    const change = before === null ? null : changeOf(before, projection);
    const bytes = change === null ? null : encodeChange(change);
    if (bytes === null) this.#changes = [];
    else this.#changes.push(bytes);
    if (this.#changes.length > CHANGES_MAX) this.#changes.shift();
  }

  /** For who knows the projection of that epoch (0: none). */
  since(epoch: number): News {
    const newest = this.#newest;
    if (newest === null || newest.epoch === epoch) return null;
    const behind = newest.epoch - epoch;
    if (epoch === 0 || behind < 0 || behind > this.#changes.length) return { whole: newest };
    return { changes: this.#changes.slice(-behind) };
  }
}
