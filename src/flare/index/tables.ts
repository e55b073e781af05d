import { compile } from '../../rpc/xdr.ts';
import { type Entry, FlareSchema, type FlareState, type Replay } from '../record/schema.ts';
import type { SqliteDatabase } from './database.ts';
import { type LiveBytes, weightOf } from './live.ts';

type Id = FlareState['id'];

/** How many replays are kept: at 5,000 changes a second the last 6 seconds, at 50 the last 10 minutes. */
export const REPLAYS_MAX = 32_768;

const flareCodec = compile(FlareSchema);

/** What counts of a flare's row. */
interface FlareRow {
  readonly generation: number;
  readonly fileid: number;
  readonly used: number;
  readonly segment: number;
  readonly weight: number;
}

/** A flare that the transaction has touched: its row before, and what it is to be; null where there is none. */
interface TouchedFlare {
  readonly key: Buffer;
  readonly stored: FlareRow | null;
  row: FlareRow | null;
  state: FlareState | null;
}

/** Flares, and their sums. Within a transaction each is written once, as it is in the end, however often it changes. */
export class FlareTable {
  readonly #live: LiveBytes;
  readonly #get;
  readonly #put;
  readonly #change;
  readonly #remove;
  readonly #sum;
  readonly #touched = new Map<string, TouchedFlare>();
  #flares = 0;
  #used = 0;

  constructor(database: SqliteDatabase, live: LiveBytes) {
    this.#live = live;
    this.#get = database.prepare('SELECT generation, fileid, used, segment, weight FROM flares WHERE key = ?');
    this.#put = database.prepare('INSERT OR REPLACE INTO flares VALUES (?, ?, ?, ?, ?, ?, ?)');
    // It leaves the fileid alone, so SQLite need not touch that index.
    this.#change = database.prepare(
      'UPDATE flares SET generation = ?, used = ?, segment = ?, weight = ?, state = ? WHERE key = ?',
    );
    this.#remove = database.prepare('DELETE FROM flares WHERE key = ?');
    this.#sum = database.prepare('UPDATE mark SET flares = flares + ?, used = used + ? WHERE id = 1');
  }

  /** Sets a flare's state; it and its bytes must stay as they are until `flush`. */
  put(state: FlareState, segment: number): void {
    const { key, generation } = state.id;
    const touched = this.#touch(key);
    this.#uncount(touched.row);
    const weight = weightOf.flare(state.target);
    touched.row = { generation, fileid: state.fileid, used: state.used, segment, weight };
    touched.state = state;
    this.#live.add(segment, weight);
    this.#flares++;
    this.#used += state.used;
  }

  /** Takes the flare away if that generation of it is there. */
  remove(key: Buffer, generation: number): void {
    const touched = this.#touch(key);
    if (touched.row?.generation !== generation) return;
    this.#uncount(touched.row);
    touched.row = touched.state = null;
  }

  #touch(key: Buffer): TouchedFlare {
    const text = key.toString('latin1');
    let touched = this.#touched.get(text);
    if (touched === undefined) {
      const stored = (this.#get.get(key) as FlareRow | undefined) ?? null;
      touched = { key, stored, row: stored, state: null };
      this.#touched.set(text, touched);
    }
    return touched;
  }

  #uncount(row: FlareRow | null): void {
    if (row === null) return;
    this.#live.take(row.segment, row.weight);
    this.#flares--;
    this.#used -= row.used;
  }

  /** Writes what was changed; within the transaction, and before `LiveBytes.flush`. */
  flush(): void {
    for (const touched of this.#touched.values()) this.#write(touched);
    if (this.#flares !== 0 || this.#used !== 0) this.#sum.run(this.#flares, this.#used);
    this.drop();
  }

  #write({ key, stored, row, state }: TouchedFlare): void {
    if (row === null) {
      if (stored !== null) this.#remove.run(key);
      return;
    }
    if (state === null) return;
    const { generation, fileid, used, segment, weight } = row;
    const bytes = flareCodec.encode(state);
    if (stored?.fileid === fileid) this.#change.run(generation, used, segment, weight, bytes, key);
    else this.#put.run(key, generation, fileid, used, segment, weight, bytes);
  }

  drop(): void {
    this.#touched.clear();
    this.#flares = 0;
    this.#used = 0;
  }
}

/** Directories' entries. */
export class EntryTable {
  readonly #live: LiveBytes;
  readonly #segment;
  readonly #put;
  readonly #remove;

  constructor(database: SqliteDatabase, live: LiveBytes) {
    this.#live = live;
    this.#segment = database.prepare('SELECT segment FROM entries WHERE dir = ? AND name = ?').pluck();
    this.#put = database.prepare('INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)');
    this.#remove = database.prepare('DELETE FROM entries WHERE dir = ? AND name = ?');
  }

  put(directory: Buffer, name: Buffer, entry: Entry, segment: number): void {
    this.#take(directory, name);
    this.#put.run(directory, name, entry.id.key, entry.id.generation, entry.fileid, entry.cookie, segment);
    this.#live.add(segment, weightOf.entry(name));
  }

  remove(directory: Buffer, name: Buffer): void {
    if (this.#take(directory, name)) this.#remove.run(directory, name);
  }

  #take(directory: Buffer, name: Buffer): boolean {
    const old = this.#segment.get(directory, name) as number | undefined;
    if (old !== undefined) this.#live.take(old, weightOf.entry(name));
    return old !== undefined;
  }
}

/** Further names of flares, by directory. */
export class ParentTable {
  readonly #live: LiveBytes;
  readonly #segment;
  readonly #segments;
  readonly #put;
  readonly #remove;
  readonly #clear;

  constructor(database: SqliteDatabase, live: LiveBytes) {
    this.#live = live;
    const all = 'FROM parents WHERE key = ? AND generation = ?';
    const one = `${all} AND dir = ? AND dir_generation = ?`;
    this.#segment = database.prepare(`SELECT segment ${one}`).pluck();
    this.#segments = database.prepare(`SELECT segment ${all}`).pluck();
    this.#put = database.prepare('INSERT OR REPLACE INTO parents VALUES (?, ?, ?, ?, ?, ?)');
    this.#remove = database.prepare(`DELETE ${one}`);
    this.#clear = database.prepare(`DELETE ${all}`);
  }

  /** Sets how many there are; 0 takes the row away. */
  put(id: Id, directory: Id, count: number, segment: number): void {
    const row = [id.key, id.generation, directory.key, directory.generation] as const;
    const old = this.#segment.get(...row) as number | undefined;
    if (old !== undefined) this.#live.take(old, weightOf.parent());
    if (count === 0) {
      this.#remove.run(...row);
      return;
    }
    this.#put.run(...row, count, segment);
    this.#live.add(segment, weightOf.parent());
  }

  clear(key: Buffer, generation: number): void {
    const segments = this.#segments.all(key, generation) as number[];
    if (segments.length === 0) return;
    for (const segment of segments) this.#live.take(segment, weightOf.parent());
    this.#clear.run(key, generation);
  }
}

/** Notes. */
export class NoteTable {
  readonly #live: LiveBytes;
  readonly #get;
  readonly #put;
  readonly #remove;

  constructor(database: SqliteDatabase, live: LiveBytes) {
    this.#live = live;
    this.#get = database.prepare('SELECT value, segment FROM notes WHERE name = ?');
    this.#put = database.prepare('INSERT OR REPLACE INTO notes VALUES (?, ?, ?)');
    this.#remove = database.prepare('DELETE FROM notes WHERE name = ?');
  }

  /** Sets a note; null takes it away. */
  put(name: Buffer, value: Buffer | null, segment: number): void {
    const old = this.#get.get(name) as { value: Buffer; segment: number } | undefined;
    if (old !== undefined) this.#live.take(old.segment, weightOf.note(name, old.value));
    if (value === null) {
      this.#remove.run(name);
      return;
    }
    this.#put.run(name, value, segment);
    this.#live.add(segment, weightOf.note(name, value));
  }
}

/** Slices: their counters of fileids, and their last records. */
export class SliceTable {
  readonly #live: LiveBytes;
  readonly #segment;
  readonly #put;
  readonly #last;
  readonly #seen = new Map<number, { number: number; epoch: number; segment: number }>();

  constructor(database: SqliteDatabase, live: LiveBytes) {
    this.#live = live;
    this.#segment = database.prepare('SELECT segment FROM slices WHERE slice = ?').pluck();
    this.#put = database.prepare(
      'INSERT INTO slices VALUES (?, 0, 0, ?, ?, ?, 0) ON CONFLICT (slice) DO UPDATE SET ' +
        'next_fileid = excluded.next_fileid, wrapped = excluded.wrapped, segment = excluded.segment',
    );
    this.#last = database.prepare(
      'INSERT INTO slices VALUES (?, ?, ?, 1, 0, 0, ?) ON CONFLICT (slice) DO UPDATE SET ' +
        'number = max(number, excluded.number), epoch = max(epoch, excluded.epoch), last_segment = excluded.last_segment',
    );
  }

  put(slice: number, nextFileid: number, wrapped: boolean, segment: number): void {
    const old = (this.#segment.get(slice) as number | undefined) ?? 0;
    if (old !== 0) this.#live.take(old, weightOf.slice());
    this.#put.run(slice, nextFileid, wrapped ? 1 : 0, segment);
    this.#live.add(segment, weightOf.slice());
  }

  /** The slice has had a record of that number, in that segment; written with the next `flush`. */
  seen(slice: number, number: number, epoch: number, segment: number): void {
    this.#seen.set(slice, { number, epoch, segment });
  }

  flush(): void {
    for (const [slice, { number, epoch, segment }] of this.#seen) this.#last.run(slice, number, epoch, segment);
    this.drop();
  }

  drop(): void {
    this.#seen.clear();
  }
}

/** The last replays, in a ring of rows that are overwritten in turn. */
export class ReplayTable {
  readonly #live: LiveBytes;
  readonly #find;
  readonly #inSlot;
  readonly #put;
  readonly #saveTurn;
  readonly #readTurn;
  #turn: number;
  #moved = false;

  constructor(database: SqliteDatabase, live: LiveBytes) {
    this.#live = live;
    const columns =
      'SELECT slot, turn, length(identity) AS identityLength, length(outcome) AS outcomeLength, segment FROM replays';
    this.#find = database.prepare(`${columns} WHERE identity = ? AND time = ?`);
    this.#inSlot = database.prepare(`${columns} WHERE slot = ?`);
    this.#put = database.prepare('INSERT OR REPLACE INTO replays VALUES (?, ?, ?, ?, ?, ?)');
    this.#saveTurn = database.prepare('UPDATE mark SET turn = ? WHERE id = 1');
    this.#readTurn = database.prepare('SELECT turn FROM mark WHERE id = 1').pluck();
    this.#turn = this.#readTurn.get() as number;
  }

  /** Keeps a replay. One that is there already, which only compaction writes anew, keeps its turn; `fresh` says that it cannot be. */
  put(replay: Replay, segment: number, fresh = false): void {
    type Row = { slot: number; turn: number; identityLength: number; outcomeLength: number; segment: number };
    const { identity, time, outcome } = replay;
    const same = fresh ? undefined : (this.#find.get(identity, time) as Row | undefined);
    const turn = same?.turn ?? this.#turn++;
    const slot = same?.slot ?? turn % REPLAYS_MAX;
    this.#moved ||= same === undefined;
    const old = same ?? (this.#inSlot.get(slot) as Row | undefined);
    if (old !== undefined) this.#live.take(old.segment, weightOf.replay(old.identityLength, old.outcomeLength));
    this.#put.run(slot, turn, identity, time, outcome, segment);
    this.#live.add(segment, weightOf.replay(identity.length, outcome.length));
  }

  flush(): void {
    if (this.#moved) this.#saveTurn.run(this.#turn);
    this.#moved = false;
  }

  drop(): void {
    this.#turn = this.#readTurn.get() as number;
    this.#moved = false;
  }
}
