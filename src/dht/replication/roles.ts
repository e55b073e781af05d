/**
 * What a mirror is for one slice. `following`: answers wait for it, by the map (`mapped`), or before that says so; it has been found to have all that it should, or, until then (`checked` false), it has not. `filling`: it
 * gets what it lacks and, when `streamed`, what is new, and nobody waits; `filled` when it has all.
 */
type Role =
  | { readonly kind: 'following'; checked: boolean; mapped: boolean }
  | { readonly kind: 'filling'; begun: boolean; streamed: boolean; filled: boolean };

/** What part in a slice's answers a mirror has: two slices of which it is the same come to it together. */
export type Part = 'none' | 'coming' | 'waited for' | 'leaving';

/** What one mirror is for each of this volcano's slices. */
export class Roles {
  readonly #roles = new Map<number, Role>();
  /** Slices that the next map may not have there any more. */
  #leaving: ReadonlySet<number> = new Set();
  /** What is asked of all of them for each record, kept: how many are `following`, are that and not `checked`, and are to be begun. */
  #following = 0;
  #unchecked = 0;
  #unbegun = 0;

  get size(): number {
    return this.#roles.size;
  }

  get slices(): number[] {
    return [...this.#roles.keys()];
  }

  /** Answers wait for this mirror. */
  get counts(): boolean {
    return this.#following > 0;
  }

  /** It is not known of all slices that answers wait for whether all is there. */
  get unchecked(): boolean {
    return this.#unchecked > 0;
  }

  #count(): void {
    this.#following = this.#unchecked = this.#unbegun = 0;
    for (const role of this.#roles.values()) {
      if (role.kind === 'following') {
        this.#following++;
        if (!role.checked) this.#unchecked++;
      } else if (!role.begun) this.#unbegun++;
    }
  }

  /** The slice is there, and gets what is new. */
  follows(slice: number): boolean {
    const role = this.#roles.get(slice);
    return role?.kind === 'following' && role.checked;
  }

  isFollowing(slice: number): boolean {
    return this.#roles.get(slice)?.kind === 'following';
  }

  /** Records of the slice go into the stream. */
  isStreamed(slice: number): boolean {
    const role = this.#roles.get(slice);
    return role !== undefined && (role.kind === 'following' || role.streamed);
  }

  part(slice: number): Part {
    const role = this.#roles.get(slice);
    if (role?.kind !== 'following') return 'none';
    // Until the map says so the mirror does not take it over with the others.
    if (!role.mapped) return 'coming';
    return this.#leaving.has(slice) ? 'leaving' : 'waited for';
  }

  /** These slices are about to leave this mirror. */
  leave(slices: Iterable<number>): void {
    this.#leaving = new Set([...this.#leaving, ...slices]);
  }

  /** None are any more. */
  stay(): void {
    this.#leaving = new Set();
  }

  /** The slices that are to be there, by the map. Returns those that answers wait for from now on, and of which nothing is known. */
  assign(following: readonly number[], filling: readonly number[]): number[] {
    const all = new Set([...following, ...filling]);
    for (const slice of [...this.#roles.keys()]) if (!all.has(slice)) this.#roles.delete(slice);
    const news: number[] = [];
    for (const slice of following) {
      const role = this.#roles.get(slice);
      if (role?.kind === 'following') {
        role.mapped = true;
        continue;
      }
      // What is being filled and was said to be in sync already is not, until it is filled.
      if (role?.kind === 'filling' && !role.filled) continue;
      this.#roles.set(slice, { kind: 'following', checked: role?.kind === 'filling', mapped: true });
      if (role === undefined) news.push(slice);
    }
    for (const slice of filling) {
      // One that has caught up may be in sync any moment: it stays so.
      if (!this.#roles.has(slice))
        this.#roles.set(slice, { kind: 'filling', begun: false, streamed: false, filled: false });
    }
    this.#count();
    return news;
  }

  /** All that answers wait for is there. */
  check(): void {
    for (const role of this.#roles.values()) if (role.kind === 'following') role.checked = true;
    this.#count();
  }

  /** Slices that are to be filled, and have not been begun. */
  unbegun(): number[] {
    if (this.#unbegun === 0) return [];
    return [...this.#roles].flatMap(([slice, role]) => (role.kind === 'filling' && !role.begun ? [slice] : []));
  }

  begin(slices: readonly number[]): void {
    for (const slice of slices) {
      const role = this.#roles.get(slice);
      if (role?.kind === 'filling') role.begun = true;
    }
    this.#count();
  }

  /** What is new of these slices, which have been begun, goes into the stream from now on. */
  stream(slices: readonly number[]): void {
    for (const slice of slices) {
      const role = this.#roles.get(slice);
      if (role?.kind === 'filling' && role.begun) role.streamed = true;
    }
  }

  filled(slices: readonly number[]): void {
    for (const slice of slices) {
      const role = this.#roles.get(slice);
      if (role?.kind === 'filling' && role.begun) role.filled = true;
    }
  }

  /** What is filled is filled from the start. */
  refill(): void {
    for (const role of this.#roles.values())
      if (role.kind === 'filling') role.begun = role.streamed = role.filled = false;
    this.#count();
  }

  /** Whether none of these is still being filled. */
  isThere(slices: readonly number[]): boolean {
    return slices.every((slice) => {
      const role = this.#roles.get(slice);
      return role === undefined || role.kind === 'following' || role.filled;
    });
  }

  /** Answers wait for it from now on with these slices, too, which have been filled. */
  promote(slices: readonly number[]): void {
    for (const slice of slices) {
      const role = this.#roles.get(slice);
      if (role === undefined) throw new Error(`slice ${slice} is not copied to that volcano any more`);
      if (role.kind === 'filling') this.#roles.set(slice, { kind: 'following', checked: true, mapped: false });
    }
    this.#count();
  }
}
