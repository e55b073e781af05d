import { type OwnedRange, overlaps, withRange } from '../../flare/locks/ranges.ts';
import type { ByteRange, LockKind, LockMode } from '../../flare/locks/types.ts';
import type { Caller } from '../../flare/types.ts';
import type { Handle } from './handles.ts';
import type { Node } from './nodes.ts';

/** Who has locks here: a process (fcntl) or an open file (flock), by the number that the kernel has for it, in 8 bytes. */
export interface LocalOwner {
  readonly kind: LockKind;
  readonly owner: string;
}

/** A range whose mode the volcano may not know as it is here, since it did not answer. */
export interface Owed extends LocalOwner, ByteRange {}

const NOBODY: Caller = { uid: 0xfffe, gid: 0xfffe, gids: [] };

interface Held extends LocalOwner {
  ranges: readonly OwnedRange[];
}

function nameOf({ kind, owner }: LocalOwner): string {
  return `${kind}${owner}`;
}

/** What is locked of one file by processes of this machine, as far as they were told. */
export class HeldLocks {
  readonly node: Node;
  readonly #owners = new Map<string, Held>();
  /** Open files by which something was locked. */
  readonly handles = new Set<Handle>();
  /** On whose behalf something was last asked for. */
  caller: Caller = NOBODY;
  /** Requests under way. */
  asking = 0;
  /** What the volcano is still to be told. */
  owed: Owed[] = [];
  /** `LockAnswer.tenure` of what is held; 0 while nothing is. */
  tenure = 0;
  /** Up to when (of the keeper's time) the volcano keeps the locks without hearing anything. */
  sure = 0;
  /** A question of that kind is under way. */
  keeping = false;
  paying = false;
  /** Counts what was asked and answered: an answer that was overtaken says nothing. */
  changes = 0;
  /** Questions that change something are asked one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(node: Node) {
    this.node = node;
  }

  get holds(): boolean {
    return this.#owners.size > 0;
  }

  /** Nothing is left to be kept or told. */
  get idle(): boolean {
    return !this.holds && this.owed.length === 0 && this.asking === 0;
  }

  ranges(who: LocalOwner): readonly OwnedRange[] {
    return this.#owners.get(nameOf(who))?.ranges ?? [];
  }

  /** The owner has the range in that mode. */
  set({ kind, owner }: LocalOwner, range: ByteRange, mode: LockMode | 'none'): void {
    const name = nameOf({ kind, owner });
    const ranges = withRange(this.ranges({ kind, owner }), range, mode);
    if (ranges.length === 0) this.#owners.delete(name);
    else this.#owners.set(name, { kind, owner, ranges });
    if (!this.holds) this.tenure = 0;
  }

  /** All is lost. */
  clear(): void {
    this.#owners.clear();
    this.tenure = 0;
  }

  /** Does this when what was to be done before is done. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  /** The range in pieces, each with the mode that it has here. */
  pieces(who: LocalOwner, range: ByteRange): (ByteRange & { readonly mode: LockMode | 'none' })[] {
    const pieces: (ByteRange & { readonly mode: LockMode | 'none' })[] = [];
    let at = range.start;
    for (const { start, last, mode } of this.ranges(who)) {
      if (!overlaps({ start, last }, range)) continue;
      const from = start > range.start ? start : range.start;
      const to = last < range.last ? last : range.last;
      if (at < from) pieces.push({ start: at, last: from - 1n, mode: 'none' });
      pieces.push({ start: from, last: to, mode });
      at = to + 1n;
    }
    if (at <= range.last) pieces.push({ start: at, last: range.last, mode: 'none' });
    return pieces;
  }
}
