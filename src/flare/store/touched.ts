import { UNDO_BYTES_MAX, UNDO_UNITS_MAX } from '../record/limits.ts';
import { type Change, ChangeTypeSchema, type LogRecord, type Undone } from '../record/schema.ts';
import type { LastRecord } from './following.ts';
import { CHUNK_SIZE } from './limits.ts';

type Id = Undone['ended'][number];
type ChangeOf<T extends Change['type']> = Extract<Change, { type: T }>;

function textOf({ key, generation }: Id): string {
  return `${key.toString('hex')} ${generation}`;
}

/** Gathers what records of a slice have touched, each once, so that it can be undone; byte strings are copied. */
export class Touched {
  readonly #kinds = {
    ended: new Map<string, Id>(),
    flares: new Map<string, Buffer>(),
    names: new Map<string, Undone['names'][number]>(),
    chunks: new Map<string, Undone['chunks'][number]>(),
    parents: new Map<string, Id>(),
    notes: new Map<string, Buffer>(),
  };
  #bytes = 0;

  /** False when there is too much of it to be undone piece by piece. */
  get undoable(): boolean {
    return this.#bytes <= UNDO_BYTES_MAX && Object.values(this.#kinds).every(({ size }) => size <= UNDO_UNITS_MAX);
  }

  add({ changes }: LogRecord): void {
    for (const change of changes) {
      const take = this.#takers[change.type] as ((change: Change) => void) | undefined;
      take?.(change);
    }
  }

  /** What undoes it on a copy whose last record is that one. */
  undone({ number, epoch }: LastRecord): Undone {
    const { ended, flares, names, chunks, parents, notes } = this.#kinds;
    return {
      ...{ number, epoch },
      ended: [...ended.values()],
      flares: [...flares.values()],
      names: [...names.values()],
      chunks: [...chunks.values()],
      parents: [...parents.values()],
      notes: [...notes.values()],
    };
  }

  #put<T>(kind: Map<string, T>, text: string, unit: () => T): void {
    if (kind.has(text)) return;
    kind.set(text, unit());
    // No name in XDR is longer than twice its characters here, and no number than what is added.
    this.#bytes += 2 * text.length + 64;
  }

  #flare({ key }: Id): void {
    this.#put(this.#kinds.flares, key.toString('hex'), () => Buffer.from(key));
  }

  #ended(id: Id): void {
    this.#put(this.#kinds.ended, textOf(id), () => copyOf(id));
    this.#flare(id);
  }

  #name({ directory, name }: Undone['names'][number]): void {
    const text = `${textOf(directory)} ${name.toString('hex')}`;
    this.#put(this.#kinds.names, text, () => ({ directory: copyOf(directory), name: Buffer.from(name) }));
  }

  #chunks(id: Id, first: number, count: number): void {
    const text = `${textOf(id)} ${first} ${count}`;
    this.#put(this.#kinds.chunks, text, () => ({ id: copyOf(id), first, count }));
  }

  readonly #takers: { [T in Change['type']]?: (change: ChangeOf<T>) => void } = {
    [ChangeTypeSchema.flare]: ({ flare: { flare, old } }) => {
      this.#flare(flare.id);
      if (old !== null && old.id.generation === flare.id.generation) return;
      this.#ended(flare.id);
      if (old !== null) this.#ended(old.id);
    },
    [ChangeTypeSchema.flareGone]: ({ flareGone }) => this.#ended(flareGone.id),
    [ChangeTypeSchema.entry]: ({ entry }) => this.#name(entry),
    [ChangeTypeSchema.entryGone]: ({ entryGone }) => this.#name(entryGone),
    [ChangeTypeSchema.data]: ({ data }) => this.#chunks(data.id, Math.floor(data.offset / CHUNK_SIZE), 1),
    [ChangeTypeSchema.cut]: ({ cut }) => this.#chunks(cut.id, Math.floor(cut.end / CHUNK_SIZE), 0),
    [ChangeTypeSchema.parentLink]: ({ parentLink: { id } }) =>
      this.#put(this.#kinds.parents, textOf(id), () => copyOf(id)),
    [ChangeTypeSchema.note]: ({ note: { name } }) =>
      this.#put(this.#kinds.notes, name.toString('hex'), () => Buffer.from(name)),
  };
}

function copyOf({ key, generation }: Id): Id {
  return { key: Buffer.from(key), generation };
}
