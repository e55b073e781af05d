import type { NoteStore } from '../../flare/service.ts';
import { generationOf } from './generation.ts';
import { type News, RecentChanges } from './news.ts';
import { ProjectionNotes } from './notes.ts';
import type { ProjectionStore } from './store.ts';
import type { Projection } from './types.ts';
import { validStep } from './valid-step.ts';
import { validate } from './validate.ts';

/** The notes of the projections that a volcano arbitrates. */
export const PROJECTION_NOTES = 'dht/projection/';
/** The notes of the newest projection that a volcano has read, as long as another one arbitrates. */
export const KNOWN_NOTES = 'dht/known/';

/** The newest projection that a data directory knows, be it as arbiter or not; null when there is none. Throws as `ProjectionNotes.load`. */
export function newestOf(notes: NoteStore): Projection | null {
  const [own, known] = [PROJECTION_NOTES, KNOWN_NOTES].map((prefix) => new ProjectionNotes(notes, prefix).load());
  return (own?.epoch ?? 0) >= (known?.epoch ?? 0) ? own! : known!;
}

/** So many projections are kept, the newest. */
export const PROJECTIONS_KEPT = 4;

/**
 * The register kept by a volcano itself, in its notes: the arbiter's. There must be one for a `NoteStore` at a time, because writers of an epoch are told apart in
 * memory, before anything is written.
 */
export class OwnProjectionStore implements ProjectionStore {
  readonly #notes: ProjectionNotes;
  readonly #watchers = new Set<(projection: Projection) => void>();
  readonly #changes: RecentChanges;
  #newest: Projection | null;
  /** The epoch that somebody writes now; 0 when nobody does. */
  #writing = 0;
  #written: Promise<unknown> = Promise.resolve();

  private constructor(notes: ProjectionNotes, newest: Projection | null) {
    this.#notes = notes;
    this.#newest = newest;
    this.#changes = new RecentChanges(newest);
  }

  /** Opens what the notes hold. Throws `ProjectionError` or `XdrError` when the newest projection cannot be read: none other may take its place. */
  static open(notes: NoteStore): OwnProjectionStore {
    const kept = new ProjectionNotes(notes, PROJECTION_NOTES);
    return new OwnProjectionStore(kept, kept.load());
  }

  /** What is known here, without waiting. */
  get known(): Projection | null {
    return this.#newest;
  }

  /** What is new for who knows the projection of that epoch (0: none), without waiting. */
  since(epoch: number): News {
    return this.#changes.since(epoch);
  }

  /** What is being written is waited for: it may be the newest when the answer is there. */
  async newest(): Promise<Projection | null> {
    await this.#written;
    return this.#newest;
  }

  async write(projection: Projection): Promise<'written' | 'taken'> {
    validate(projection);
    const before = this.#newest;
    if (this.#writing !== 0 || (before !== null && projection.epoch !== before.epoch + 1)) return 'taken';
    if (before !== null) validStep(before, projection);
    return this.#put(projection);
  }

  /** Writes a step that loses what no volcano that is left has: whoever calls this has the operator's word. */
  async force(projection: Projection): Promise<'written' | 'taken'> {
    validate(projection);
    if (this.#writing !== 0 || projection.epoch !== (this.#newest?.epoch ?? 0) + 1) return 'taken';
    return this.#put(projection);
  }

  /** The register begins here with that map, of a later generation than all that was here. `taken` when it is not. */
  async begin(projection: Projection): Promise<'written' | 'taken'> {
    validate(projection);
    if (this.#writing !== 0 || generationOf(projection.epoch) <= generationOf(this.#newest?.epoch ?? -1))
      return 'taken';
    return this.#put(projection);
  }

  async #put(projection: Projection): Promise<'written'> {
    const { epoch } = projection;
    this.#writing = epoch;
    const written = this.#notes.put(projection);
    this.#written = written.catch(() => {});
    try {
      await written;
    } finally {
      this.#writing = 0;
    }
    this.#newest = projection;
    this.#changes.note(projection);
    for (const changed of [...this.#watchers]) changed(projection);
    await this.#notes.sweep(epoch - PROJECTIONS_KEPT + 1);
    return 'written';
  }

  watch(changed: (projection: Projection) => void): () => void {
    this.#watchers.add(changed);
    return () => void this.#watchers.delete(changed);
  }
}
