import { FlareError } from '../errors.ts';
import { ApartError } from '../joint.ts';
import { sliceOf } from '../keys.ts';
import { encodeOutcome } from '../record/codec.ts';
import { DATA_MAX, UNDO_EXTENTS_MAX } from '../record/limits.ts';
import { type EntryState, type Flare, packEntry, packFlare, packId } from '../record/pack.ts';
import { type Change, ChangeTypeSchema, type LogRecord } from '../record/schema.ts';
import type { Attributes, Caller, FlareId, Key, Name, Time } from '../types.ts';
import { appendGroup, type Core } from './core.ts';
import { lengthOf } from './extents.ts';
import { Group } from './group.ts';
import { growthAsked } from './growth-asked.ts';
import { CHUNK_SIZE, CUT_LISTED_MAX } from './limits.ts';
import { identityBytes } from './replays.ts';
import { microsecondsOf, timeOf } from './times.ts';

type AddChange = (slice: number, change: Change) => void;

interface EntryStep {
  readonly directory: FlareId;
  readonly name: Name;
  readonly entry: EntryState | null;
}

interface ParentStep {
  readonly id: FlareId;
  readonly directory: FlareId;
  readonly count: number;
}

/**
 * One operation's changes, gathered while it is worked out. Nothing is changed before `commit`, which does all or, when it throws,
 * nothing.
 */
export class Transaction {
  readonly #core: Core;
  readonly #caller: Caller | null;
  readonly #group: Group;
  /** The slice of the first record. */
  readonly #slice: number;
  readonly #flares = new Map<Key, Flare | null>();
  readonly #entries: EntryStep[] = [];
  readonly #parents: ParentStep[] = [];
  readonly #cuts: { readonly id: FlareId; readonly end: number }[] = [];
  readonly #after: ((lsn: number, segment: number) => void)[] = [];
  /** Flares that the operation rests on and does not change. */
  readonly #restsOn: Key[] = [];
  /** The moment of the operation, in µs. */
  readonly now: number;
  /** May go into the reserve: takes away more than it adds. */
  mayUseReserve = false;
  /** Each slice's part means something without the others: it does not matter when a crash leaves one and takes another. */
  divisible = false;
  /** Quotas are not asked: for uid 0, and what nobody calls for. */
  unlimited: boolean;
  /** What is remembered as the answer to the caller's replay, when that is not what `commit` returns. */
  answer: Attributes | null | undefined = undefined;

  /** The first record is that of `slice`: it carries the caller's replay. */
  constructor(core: Core, operation: LogRecord['operation'], caller: Caller | null, slice: number) {
    this.#core = core;
    this.#caller = caller;
    this.now = core.clock.now();
    this.#group = new Group(core.state.slices, operation, this.now);
    this.#group.number(slice);
    this.#slice = slice;
    this.unlimited = caller === null || caller.uid === 0;
  }

  /** The number of this operation's record in the key's slice. */
  number(key: Key): number {
    return this.#group.number(sliceOf(key));
  }

  /** The flare as this operation has left it so far; STALE. */
  flare(id: FlareId): Flare {
    const flare = this.#flares.get(id.key);
    if (flare === undefined) return this.#core.state.flare(id);
    if (flare === null || flare.attributes.generation !== id.generation) throw FlareError.of('STALE');
    return flare;
  }

  /** A moment for a change of that flare: never before or at its last one. */
  moment(flare: Flare): Time {
    return timeOf(Math.max(this.now, microsecondsOf(this.#core.state.flare(flare.attributes).attributes.ctime) + 1));
  }

  /** Changes a flare: new attributes, its version, and ctime; the rest as given. */
  change(flare: Flare, attributes: Partial<Attributes>, rest?: Partial<Omit<Flare, 'attributes'>>): Flare {
    const before = this.flare(flare.attributes);
    const { key } = before.attributes;
    const after: Flare = {
      ...before,
      ...rest,
      attributes: { ...before.attributes, ctime: this.moment(flare), ...attributes, version: this.number(key) },
    };
    this.#flares.set(key, after);
    return after;
  }

  birth(flare: Flare): void {
    this.#flares.set(flare.attributes.key, flare);
  }

  end(flare: Flare): void {
    const { holds } = this.#core.state;
    if (holds.any) holds.meetStays(flare.attributes.key);
    this.#flares.set(flare.attributes.key, null);
  }

  entry(directory: FlareId, name: Name, entry: EntryState | null): void {
    this.#entries.push({ directory, name, entry });
  }

  /** How many further names the flare has in that directory from now on. */
  parent(id: FlareId, directory: FlareId, count: number): void {
    this.#parents.push({ id, directory, count });
  }

  /** Takes the next fileid of the key's slice. */
  fileid(key: Key): number {
    const { state, limits } = this.#core;
    const slice = sliceOf(key);
    const counter = state.slices.of(slice);
    const next = state.slices.freeFileid(slice, limits.fileidMax, (fileid) => state.fileidTaken(fileid));
    const { nextFileid, fileidsWrapped } = next;
    this.#group.add(slice, {
      type: ChangeTypeSchema.slice,
      slice: { nextFileid, fileidsWrapped, old: counter.nextFileid },
    });
    this.#after.push((_lsn, segment) => Object.assign(counter, { nextFileid, fileidsWrapped, segment }));
    return next.fileid;
  }

  /** Cuts the file's data off at `end`; returns how many bytes that takes away. */
  cut(flare: Flare, end: number): number {
    const { used } = flare.attributes;
    const { files } = this.#core.state;
    this.#cuts.push({ id: flare.attributes, end });
    const listed = used <= CUT_LISTED_MAX;
    const extents = listed ? files.above(flare.attributes, end) : [];
    let bytes = used;
    if (listed) bytes = lengthOf(extents);
    else if (end > 0) bytes = files.bytesAbove(flare.attributes, end);
    const complete = listed && extents.length < UNDO_EXTENTS_MAX;
    this.#group.add(sliceOf(flare.attributes.key), {
      type: ChangeTypeSchema.cut,
      cut: {
        id: packId(flare.attributes),
        end,
        covered: { complete, extents: complete ? extents : [] },
      },
    });
    return bytes;
  }

  /** Writes data; returns how many of the bytes were holes or beyond the end. */
  data(id: FlareId, offset: number, data: Uint8Array): number {
    let added = 0;
    for (let at = 0; at < data.length; ) {
      const start = offset + at;
      const length = Math.min(data.length - at, DATA_MAX, CHUNK_SIZE - (start % CHUNK_SIZE));
      const covered = this.#core.state.files.covered(id, start, start + length);
      added += length - covered.bytes;
      this.#group.addData(id, start, data.subarray(at, at + length), covered.extents);
      at += length;
    }
    return added;
  }

  /** The operation rests on how that flare is, though it does not change it: a crash must not take that back and leave the operation. */
  restsOn(key: Key): void {
    this.#restsOn.push(key);
  }

  /** What is to be done to the state when the group is in the log. */
  afterwards(action: (lsn: number, segment: number) => void): void {
    this.#after.push(action);
  }

  /** Adds a change that has no place of its own here. */
  add(slice: number, change: Parameters<Group['add']>[1]): void {
    this.#group.add(slice, change);
  }

  /**
   * Hands the group to the log and changes the state. The answer is the flare `result` as it is then, or nothing. NOSPC, IO; `ApartError` when the group would go to
   * mirrors in parts.
   */
  commit(result: Key | null): Attributes | null {
    const { state, replays } = this.#core;
    this.#gather((slice, change) => this.#group.add(slice, change));
    if (!this.divisible) this.#checkTogether();
    this.#checkQuotas();
    const attributes = this.answer ?? (result === null ? null : this.#flares.get(result)!.attributes);
    const identity = this.#caller?.replay;
    if (identity !== undefined) {
      this.#group.replay = { identity: identityBytes(identity), time: this.now, outcome: encodeOutcome(attributes) };
    }
    const appended = appendGroup(this.#core, this.#group.encode(), this.mayUseReserve, this.#group.slices());
    const { lsn, segment } = appended;
    // Cuts come first: in a record they stand before the data.
    for (const { id, end } of this.#cuts) state.files.cut(id, end, lsn);
    for (const { id, extent } of this.#group.placed(appended)) state.files.place(id, extent, lsn);
    for (const [key, flare] of this.#flares) state.setFlare(key, flare, lsn, segment);
    for (const { directory, name, entry } of this.#entries) state.setEntry(directory.key, name, entry, lsn, segment);
    for (const { id, directory, count } of this.#parents) state.setParent(id, directory, count, lsn, segment);
    for (const action of this.#after) action(lsn, segment);
    if (identity !== undefined) {
      replays.answered(identity, { time: this.now, lsn, attributes, slice: this.#slice, segment });
    }
    state.seen = Math.max(state.seen, lsn);
    return attributes;
  }

  /**
   * Works out what is to be done, by slice, and does not do it: `write` is given that, and adds what is written down instead, which must be divisible. Numbers and
   * fileids are taken for good. Only for what changes no contents. NOSPC, IO.
   */
  prepare(write: (ready: ReadonlyMap<number, readonly Change[]>) => void): void {
    const ready = new Map<number, Change[]>();
    this.#checkQuotas();
    this.#gather((slice, change) => {
      const changes = ready.get(slice);
      if (changes === undefined) ready.set(slice, [change]);
      else changes.push(change);
    });
    write(ready);
    const appended = appendGroup(this.#core, this.#group.encode(), this.mayUseReserve, this.#group.slices());
    this.#group.placed(appended);
    for (const action of this.#after) action(appended.lsn, appended.segment);
    this.#core.state.seen = Math.max(this.#core.state.seen, appended.lsn);
  }

  /** DQUOT when an account would have more than it may. */
  #checkQuotas(): void {
    const { quotas, state, kml } = this.#core;
    if (quotas.limits === null || this.unlimited) return;
    for (const [key, flare] of this.#flares) {
      if (flare === null) continue;
      const { share, uid } = flare.attributes;
      const more = growthAsked(state.flareUnit(key).value?.attributes ?? null, flare.attributes);
      if (more === null || quotas.limits.allows(share, uid, more, () => state.usage.of(share, uid))) continue;
      // The refusal rests on all that was written of the account.
      state.seen = kml.nextLsn - 1;
      throw FlareError.of('DQUOT');
    }
  }

  /** In the turn of the append: who mirrors what may be another the next moment. */
  #checkTogether(): void {
    const { apart } = this.#core.state;
    if (apart === null) return;
    const check = (slice: number): void => {
      if (slice !== this.#slice && apart(this.#slice, slice)) throw new ApartError();
    };
    for (const slice of this.#group.slices()) check(slice);
    for (const key of this.#restsOn) check(sliceOf(key));
  }

  #gather(add: AddChange): void {
    for (const [key, flare] of this.#flares) this.#addFlare(key, flare, add);
    for (const step of this.#entries) this.#addEntry(step, add);
    for (const step of this.#parents) this.#addParent(step, add);
  }

  #addFlare(key: Key, flare: Flare | null, add: AddChange): void {
    const old = this.#core.state.flareUnit(key).value;
    const packed = old === null ? null : packFlare(old);
    const slice = sliceOf(key);
    if (flare !== null) {
      add(slice, { type: ChangeTypeSchema.flare, flare: { flare: packFlare(flare), old: packed } });
    } else if (packed !== null) {
      add(slice, { type: ChangeTypeSchema.flareGone, flareGone: { id: packed.id, old: packed } });
    }
  }

  #addEntry({ directory, name, entry }: EntryStep, add: AddChange): void {
    const before = this.#core.state.entry(directory.key, name);
    const old = before === null ? null : packEntry(before);
    const where = { directory: packId(directory), name: Buffer.from(name, 'latin1'), old };
    const slice = sliceOf(directory.key);
    if (entry === null) add(slice, { type: ChangeTypeSchema.entryGone, entryGone: where });
    else add(slice, { type: ChangeTypeSchema.entry, entry: { ...where, entry: packEntry(entry) } });
  }

  #addParent({ id, directory, count }: ParentStep, add: AddChange): void {
    const old = this.#core.state.parentsUnit(id).value.get(directory.key)?.count ?? 0;
    add(sliceOf(id.key), {
      type: ChangeTypeSchema.parentLink,
      parentLink: { id: packId(id), directory: packId(directory), count, old },
    });
  }
}
