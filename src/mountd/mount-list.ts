import { pathNote } from '../acl/numbers.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { NoteStore } from '../flare/service.ts';
import { MNTPATHLEN } from './schema.ts';

/** The most mounts that are remembered; beyond that the oldest is forgotten. */
export const MOUNTS_MAX = 4096;
/** The most mounts of one client; beyond that its oldest is forgotten. */
export const MOUNTS_PER_CLIENT_MAX = 256;

const PREFIX = 'mount/';
const TIME_BYTES = 6;

/** One client's mount of one directory. */
export interface MountEntry {
  /** The client's numeric address. */
  readonly client: string;
  /** Absolute and normalised; bytes as a Latin-1 string. */
  readonly path: string;
}

/**
 * Who has mounted what, as far as clients tell (RFC 1094 appendix A: nothing depends on it). Kept as notes, `mount/<client>/<path>` with the
 * time in milliseconds (6 bytes, big endian) and the path; so it outlives a restart. When notes cannot be written, it is kept in memory alone.
 */
export class MountList {
  readonly #notes: NoteStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** By note name, oldest first. */
  readonly #entries = new Map<string, MountEntry>();
  readonly #counts = new Map<string, number>();

  /** Takes up what the notes know. */
  constructor(notes: NoteStore, clock: Clock, logger: Logger) {
    this.#notes = notes;
    this.#clock = clock;
    this.#logger = logger;
    const stored = [...notes.notes(PREFIX)].filter(([, value]) => value.length > TIME_BYTES);
    const at = (value: Buffer): number => value.readUIntBE(0, TIME_BYTES);
    for (const [note, value] of stored.sort(([, a], [, b]) => at(a) - at(b))) {
      const client = note.slice(PREFIX.length, note.indexOf('/', PREFIX.length));
      this.#put(note, { client, path: value.toString('latin1', TIME_BYTES) });
    }
  }

  /** All mounts, oldest first. */
  list(): readonly MountEntry[] {
    return [...this.#entries.values()];
  }

  /** Remembers a mount; durable when it resolves. One that is known stays as it is, without a write. */
  async add(entry: MountEntry): Promise<void> {
    const note = pathNote(`${PREFIX}${entry.client}/`, entry.path);
    if (this.#entries.has(note) || entry.path.length > MNTPATHLEN) return;
    this.#put(note, entry);
    const forgotten = this.#overflow(entry.client);
    const value = Buffer.alloc(TIME_BYTES + entry.path.length);
    value.writeUIntBE(Math.floor(this.#clock.now() / 1000), 0, TIME_BYTES);
    value.write(entry.path, TIME_BYTES, 'latin1');
    await this.#write([[note, value], ...forgotten.map((old) => [old, null] as const)]);
  }

  /** Forgets a client's mount of one directory; false when there was none. */
  async remove(entry: MountEntry): Promise<boolean> {
    const note = pathNote(`${PREFIX}${entry.client}/`, entry.path);
    if (!this.#take(note)) return false;
    await this.#write([[note, null]]);
    return true;
  }

  /** Forgets all mounts of a client; how many there were. */
  async removeAll(client: string): Promise<number> {
    const notes = [...this.#entries].filter(([, entry]) => entry.client === client).map(([note]) => note);
    for (const note of notes) this.#take(note);
    await this.#write(notes.map((note) => [note, null] as const));
    return notes.length;
  }

  #put(note: string, entry: MountEntry): void {
    this.#entries.set(note, entry);
    this.#counts.set(entry.client, (this.#counts.get(entry.client) ?? 0) + 1);
  }

  #take(note: string): boolean {
    const entry = this.#entries.get(note);
    if (entry === undefined) return false;
    this.#entries.delete(note);
    const count = this.#counts.get(entry.client)! - 1;
    if (count === 0) this.#counts.delete(entry.client);
    else this.#counts.set(entry.client, count);
    return true;
  }

  /** Takes out what is too many after one more of that client; the names of its notes. */
  #overflow(client: string): string[] {
    const tooManyOfClient = this.#counts.get(client)! > MOUNTS_PER_CLIENT_MAX;
    if (!tooManyOfClient && this.#entries.size <= MOUNTS_MAX) return [];
    for (const [note, entry] of this.#entries)
      if (!tooManyOfClient || entry.client === client) {
        this.#take(note);
        return [note];
      }
    return [];
  }

  async #write(changes: readonly (readonly [string, Buffer | null])[]): Promise<void> {
    try {
      await Promise.all(changes.map(([note, value]) => this.#notes.setNote(note, value)));
    } catch (error) {
      this.#logger.warn({ error }, 'The mount list was not written: it is right until the next start');
    }
  }
}
