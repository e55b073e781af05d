import type { Logger } from '../../base/logger.ts';
import { BusyError } from '../../flare/joint.ts';
import { ROOT_KEY, sliceOf } from '../../flare/keys.ts';
import type { NoteStore } from '../../flare/service.ts';
import { isLocalNote } from '../../flare/store/note-table.ts';
import type { Peers } from '../peers.ts';
import type { NotesPage } from '../programs/node/handlers.ts';
import { pageOfNotes } from '../programs/node/notes.ts';
import { ownerOfSlice } from '../projection/queries.ts';
import { isTransient, type Pace, pause, untilDone } from '../retry.ts';
import type { RingMap } from './ring-map.ts';
import type { Serving } from './serving.ts';

/** How often the copy of the network's notes is brought up to date, in milliseconds. */
export const NOTES_MS = 5_000;
/** The owner of this slice keeps the network's notes: the root's. */
const SLICE = sliceOf(ROOT_KEY);
/** Notes of operations over several owners, of locks, and of copies: they belong to their slices. */
const OF_SLICES = ['joint/', 'lock/', 'copy/'];

/** What the network's notes work with. */
export interface NetworkNotesParts extends Pace {
  readonly store: NoteStore;
  readonly map: RingMap;
  readonly serving: Serving;
  readonly peers: Peers;
  readonly logger: Logger;
}

function isNetworks(name: string): boolean {
  return !isLocalNote(name) && !OF_SLICES.some((prefix) => name.startsWith(prefix));
}

/**
 * The notes of the whole network, which the owner of the root's slice keeps. Everybody else reads a copy, at most some `NOTES_MS` old, and has the owner write; what was written here is
 * in the own copy at once. Notes that are this volcano's own stay here.
 */
export class NetworkNotes implements NoteStore {
  readonly #parts: NetworkNotesParts;
  #copy = new Map<string, Buffer>();
  /** The version of the copy; 0 while there is none. */
  #known = 0;
  /** What was written by way of the owner. */
  #writes = 0;
  /** As owner: the version of the notes. Begins anywhere, so that no two owners' are taken for the same. */
  #version = 0;
  #owner = false;
  #fetched = false;
  #stopped = false;

  constructor(parts: NetworkNotesParts) {
    this.#parts = parts;
  }

  /** Whether the network's notes are known here, as they are or as they were some `NOTES_MS` ago. */
  get known(): boolean {
    return this.#owner || this.#fetched;
  }

  /** To be called whenever it may have changed what is served. */
  settle(): void {
    const owner = this.#parts.serving.isMine(SLICE);
    if (owner === this.#owner) return;
    if (owner) this.#version = 1 + this.#parts.random.below(2 ** 47);
    else this.#remember();
    this.#owner = owner;
  }

  note(name: string): Buffer | null {
    if (this.#owner || isLocalNote(name)) return this.#parts.store.note(name);
    return this.#copy.get(name) ?? null;
  }

  notes(prefix: string): ReadonlyMap<string, Buffer> {
    if (isLocalNote(prefix)) return this.#parts.store.notes(prefix);
    return new Map(this.#all(prefix));
  }

  async setNote(name: string, value: Buffer | null): Promise<void> {
    if (isLocalNote(name)) return this.#parts.store.setNote(name, value);
    const copy = value === null ? null : Buffer.from(value);
    await untilDone(this.#parts, 'NOTE', async () => {
      if (this.#owner) return this.set(name, copy);
      await this.#keeper().setNote(name, copy);
      if (copy === null) this.#copy.delete(name);
      else this.#copy.set(name, copy);
      // The copy is that of no version any more, and what is being fetched now may be older.
      this.#known = 0;
      this.#writes += 1;
    });
  }

  /** Sets a note to what becomes of it: as it is now, and not as it was some `NOTES_MS` ago, when others may have set it since. */
  change(name: string, next: (value: Buffer | null) => Buffer | null): Promise<void> {
    return untilDone(this.#parts, 'NOTE', async () => {
      if (!(await this.refresh())) throw new BusyError();
      await this.setNote(name, next(this.note(name)));
    });
  }

  /** As owner: sets a note for whoever asks. `BusyError` when this volcano is not the owner. RangeError for what is no note of the network. */
  async set(name: string, value: Buffer | null): Promise<void> {
    if (!this.#owner) throw new BusyError();
    if (!isNetworks(name)) throw new RangeError(`the note ${name} is not the network's`);
    await this.#parts.store.setNote(name, value);
    this.#version += 1;
  }

  /** Throws `BusyError` when this volcano is not the owner now: who asks looks at the map again. */
  checkOwner(): void {
    if (!this.#owner || !this.#parts.serving.isOwn(SLICE)) throw new BusyError();
  }

  /** As owner: some of the notes, for a volcano that has those of version `known`. */
  page(after: string, known: number): NotesPage {
    const version = this.#version;
    if (known === version) return { version, notes: [], end: true };
    return { version, ...pageOfNotes(this.#all(''), after) };
  }

  /** Brings the copy up to date, and keeps it so. Resolves when that was done once. */
  async start(): Promise<void> {
    for (let tries = 0; !this.#stopped; tries++) {
      if (await this.refresh()) break;
      await pause(this.#parts, tries);
    }
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
  }

  #arm(): void {
    this.#parts.clock.after(NOTES_MS, () => {
      if (this.#stopped) return;
      this.refresh().finally(() => this.#arm());
    });
  }

  *#all(prefix: string): Generator<[string, Buffer]> {
    const all = this.#owner
      ? this.#parts.store.notes(prefix)
      : [...this.#copy].sort(([one], [other]) => (one < other ? -1 : 1));
    for (const [name, value] of all) if (name.startsWith(prefix) && isNetworks(name)) yield [name, value];
  }

  /** The owner, when that is another volcano. */
  #keeper() {
    const { map, peers } = this.#parts;
    if (!map.current) throw new BusyError(map.whenCurrent());
    return peers.peer(ownerOfSlice(map.projection!, SLICE).id).node;
  }

  /** Brings the copy up to date; false when it could not be done now. */
  async refresh(): Promise<boolean> {
    if (this.#owner) return true;
    try {
      const keeper = this.#keeper();
      const found = new Map<string, Buffer>();
      const known = this.#known;
      const writes = this.#writes;
      let after = '';
      for (let first = 0; ; ) {
        const { version, notes, end } = await keeper.notes(after, known);
        if (version === known) return true;
        if (first !== 0 && version !== first) return false;
        first = version;
        for (const { name, value } of notes) found.set(name, value);
        if (!end && notes.length > 0) {
          after = notes.at(-1)!.name;
          continue;
        }
        if (this.#writes !== writes || this.#owner) return false;
        this.#copy = found;
        this.#known = version;
        this.#fetched = true;
        return true;
      }
    } catch (error) {
      if (!isTransient(error)) this.#parts.logger.warn({ err: error }, "the network's notes could not be read");
      return false;
    }
  }

  /** The owner of a moment ago keeps what it had. */
  #remember(): void {
    const found = new Map<string, Buffer>();
    for (const [name, value] of this.#parts.store.notes('')) if (isNetworks(name)) found.set(name, value);
    this.#copy = found;
    this.#known = 0;
    this.#fetched = true;
  }
}
