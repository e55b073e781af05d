import type { Eventually } from '../../base/eventually.ts';
import type { Logger } from '../../base/logger.ts';
import { FlareError } from '../errors.ts';
import type { JointStore } from '../joint.ts';
import { checkName } from '../keys.ts';
import type { Quotas } from '../quotas.ts';
import type { EntryState } from '../record/pack.ts';
import type { Expectation, FlareService, NoteStore, WriteOptions } from '../service.ts';
import {
  type AttributeChanges,
  type Attributes,
  type Birth,
  type Caller,
  type DirectoryEntry,
  type FlareId,
  FlareType,
  type Key,
  type Name,
  type SpaceFigures,
  type Usage,
} from '../types.ts';
import { need, SEARCH } from './access.ts';
import { Answering } from './answering.ts';
import type { Compaction } from './compaction.ts';
import type { Core } from './core.ts';
import { type ExtentsHere, extentsOf } from './extents-of.ts';
import { Joint } from './joint/joint.ts';
import { type LastRecord, lastRecords } from './last-records.ts';
import { Locks } from './locks/locks.ts';
import type { Notes } from './notes.ts';
import { create } from './operations/create.ts';
import { link } from './operations/link.ts';
import { lookup } from './operations/lookup.ts';
import type { ReadAnswer } from './operations/read.ts';
import { readdir } from './operations/readdir.ts';
import { remove, rmdir } from './operations/remove.ts';
import { rename } from './operations/rename.ts';
import { setattr } from './operations/setattr.ts';
import { write } from './operations/write.ts';
import { Reading } from './reading.ts';
import { again } from './replays.ts';
import { Replica } from './replica.ts';
import type { AccountUsage } from './usage.ts';

/** Figures of a store, for the operator. Sizes in bytes. */
export interface StoreStats {
  readonly segments: number;
  readonly logBytes: number;
  readonly liveBytes: number;
  /** Records in the log, durable, applied to the index. */
  readonly appended: number;
  readonly durable: number;
  readonly applied: number;
  readonly cachedBytes: number;
  readonly flares: number;
  readonly replays: number;
  readonly notes: number;
  readonly availableBytes: number;
  /** Segments that compaction has dropped since the start. */
  readonly dropped: number;
}

/** How the disk does. */
export interface DiskFigures {
  /** How long it takes of late to make a batch of the log durable, in milliseconds. */
  readonly syncMs: number;
  /** Records that were found damaged since the start, and those of them that were written anew from another copy. */
  readonly damaged: number;
  readonly repaired: number;
}

/** One volcano's flares and notes, on its own log. Made by `openStore`. */
export class LocalStore implements FlareService, NoteStore {
  readonly #core: Core;
  readonly #notes: Notes;
  readonly #joint: Joint;
  readonly #compaction: Compaction;
  readonly #answering: Answering;
  readonly #reading: Reading;
  readonly #root: FlareId;
  readonly #release: () => Promise<void>;
  /** This volcano's side of operations over several owners. */
  readonly joint: JointStore;
  /** For who keeps copies of this volcano's slices elsewhere, and copies of others' here. */
  readonly replica: Replica;
  readonly locks: Locks;
  #closing: Promise<void> | null = null;

  constructor(parts: {
    core: Core;
    notes: Notes;
    compaction: Compaction;
    logger: Logger;
    root: FlareId;
    release: () => Promise<void>;
  }) {
    this.#core = parts.core;
    this.#notes = parts.notes;
    this.#compaction = parts.compaction;
    this.#root = parts.root;
    this.#release = parts.release;
    this.#joint = new Joint(parts.core, parts.notes);
    this.joint = this.#joint;
    this.replica = new Replica(parts.core);
    this.#answering = new Answering(parts.core, parts.compaction);
    this.#reading = new Reading(parts.core, this.#answering, parts.logger);
    this.locks = new Locks(parts.core, parts.notes, parts.logger, this.#answering);
  }

  root(): FlareId {
    return this.#root;
  }

  getattr(id: FlareId): Eventually<Attributes> {
    const { state, commitment } = this.#core;
    if (state.free) {
      const unit = state.flareUnit(id.key);
      const attributes = unit.value?.attributes;
      if (attributes !== undefined && attributes.generation === id.generation && unit.lsn <= commitment.lsn)
        return attributes;
    }
    return this.#answering.answer(() => state.flare(id).attributes);
  }

  glance(id: FlareId): Eventually<Attributes> {
    const { state } = this.#core;
    if (!state.free) return this.getattr(id);
    const attributes = state.flareUnit(id.key).value?.attributes;
    return attributes !== undefined && attributes.generation === id.generation ? attributes : this.getattr(id);
  }

  find(key: Key): Eventually<Attributes> {
    return this.#answering.answer(() => {
      const flare = this.#core.state.holder(key);
      if (flare === null) throw FlareError.of('STALE');
      return flare.attributes;
    });
  }

  setattr(caller: Caller, id: FlareId, changes: AttributeChanges, expect?: Expectation): Eventually<Attributes> {
    return this.#answering.change(caller, () => setattr(this.#core, caller, id, changes, expect?.version));
  }

  lookup(caller: Caller, directory: FlareId, name: Name): Eventually<Attributes> {
    return this.#answering.answer(() => lookup(this.#core, caller, directory, name));
  }

  /** As `lookup`, but only what the name means: its flare may lie elsewhere. null: nothing. NOTDIR, ACCES. */
  entry(caller: Caller, directory: FlareId, name: Name): Eventually<EntryState | null> {
    return this.#answering.answer(() => {
      checkName(name);
      need(caller, this.#core.state.directory(directory).attributes, SEARCH);
      return this.#core.state.entry(directory.key, name);
    });
  }

  readlink(_caller: Caller, id: FlareId): Eventually<Buffer> {
    return this.#answering.answer(() => {
      const flare = this.#core.state.flare(id);
      if (flare.attributes.type !== FlareType.symlink) throw FlareError.of('INVAL');
      return flare.target;
    });
  }

  read(caller: Caller, id: FlareId, offset: number, count: number): Eventually<ReadAnswer> {
    return this.#reading.read(caller, id, offset, count);
  }

  write(caller: Caller, id: FlareId, offset: number, data: Uint8Array, options?: WriteOptions): Eventually<Attributes> {
    const bytes = this.busy && !options?.lasting ? Buffer.from(data) : data;
    return this.#answering.change(caller, () => write(this.#core, caller, id, offset, bytes, options?.version));
  }

  create(
    caller: Caller,
    directory: FlareId,
    name: Name,
    birth: Birth,
    options?: { existing?: 'refuse' | 'open' },
  ): Eventually<Attributes> {
    return this.#answering.change(caller, () => create(this.#core, caller, directory, name, birth, options?.existing));
  }

  remove(caller: Caller, directory: FlareId, name: Name): Eventually<void> {
    return this.#answering.change(caller, () => remove(this.#core, caller, directory, name));
  }

  rmdir(caller: Caller, directory: FlareId, name: Name): Eventually<void> {
    return this.#answering.change(caller, () => rmdir(this.#core, caller, directory, name));
  }

  rename(caller: Caller, from: FlareId, fromName: Name, to: FlareId, toName: Name): Eventually<void> {
    return this.#answering.change(caller, () => rename(this.#core, caller, from, fromName, to, toName));
  }

  link(caller: Caller, id: FlareId, directory: FlareId, name: Name): Eventually<void> {
    return this.#answering.change(caller, () => link(this.#core, caller, id, directory, name));
  }

  readdir(
    caller: Caller,
    directory: FlareId,
    cookie: number,
    limit: number,
  ): Eventually<{ entries: readonly DirectoryEntry[]; end: boolean }> {
    return this.#answering.answer(() => readdir(this.#core, caller, directory, cookie, limit));
  }

  recall(replay: string): Eventually<Attributes | null | undefined> {
    const { state, replays, clock } = this.#core;
    return this.#answering.answer(() => {
      const remembered = replays.find(replay, clock.now());
      if (remembered === undefined) return undefined;
      state.seen = remembered.lsn;
      return again(remembered);
    });
  }

  statfs(): SpaceFigures {
    const { space, state } = this.#core;
    space.refresh();
    const { total: totalBytes, free: freeBytes, available: availableBytes } = space;
    return { totalBytes, freeBytes, availableBytes, flares: state.flareCount };
  }

  /** What a uid has in a share, on the slices that are served here. Never waits. */
  usageOf(share: number, uid: number): Usage {
    return this.#core.state.usage.of(share, uid);
  }

  /** What all uids have in the shares that are `wanted`, on the slices that are served here. */
  usage(wanted: (share: number) => boolean): AccountUsage[] {
    return this.#core.state.usage.all(wanted);
  }

  /** The bytes of all that lies in a slice here. */
  bytesIn(slice: number): number {
    return this.#core.state.usage.bytesIn(slice);
  }

  /** Limits changes from now on; null: nothing does. */
  enforce(limits: Quotas | null): void {
    this.#core.quotas.limits = limits;
  }

  /** What the accounts that have a limit have on the slices that are served here. */
  limitedUsage(): AccountUsage[] {
    const { limits } = this.#core.quotas;
    if (limits === null) return [];
    return this.#core.state.usage.all(() => true).filter(({ share, uid }) => limits.isLimited(share, uid));
  }

  note(name: string): Buffer | null {
    return this.#notes.get(name);
  }

  notes(prefix: string): ReadonlyMap<string, Buffer> {
    return this.#notes.withPrefix(prefix);
  }

  async setNote(name: string, value: Buffer | null): Promise<void> {
    const lsn = this.#notes.set(name, value);
    await this.#answering.refusedWith(this.#notes.settled(name, lsn));
  }

  /**
   * Serves only these slices from now on: what needs others is refused with `ElsewhereError`, and their prepared and decided operations are known no more. null: all. What
   * is here of slices that come must be durable.
   */
  serve(slices: ((slice: number) => boolean) | null): void {
    this.#core.state.served = slices;
    this.#core.state.usage.count(slices);
    this.#joint.serve(slices);
    this.locks.served();
  }

  /** The number of the last record of a slice that this volcano has, and its epoch; 0 when there is none. */
  lastOf(slice: number): { readonly number: number; readonly epoch: number } {
    const { number, epoch } = this.#core.state.slices.of(slice);
    return { number, epoch };
  }

  /** Drops what segments it can, oldest first, whatever the log's size; resolves when that is done. For operators and tests. */
  compact(): Promise<void> {
    return this.#compaction.run({ everything: true });
  }

  /** Resolves when the index has all that was appended, on stable storage. */
  async checkpoint(): Promise<void> {
    const { kml, host, flusher } = this.#core;
    const lsn = kml.nextLsn - 1;
    await kml.whenDurable(lsn);
    await flusher.flushed(lsn);
    await host.checkpoint();
  }

  stats(): StoreStats {
    const { kml, host, state, replays, space } = this.#core;
    const segments = kml.segments();
    let liveBytes = 0;
    for (const live of host.reader.liveBytes().values()) liveBytes += live;
    return {
      segments: segments.length,
      logBytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
      liveBytes,
      appended: kml.nextLsn - 1,
      durable: kml.durable,
      applied: host.applied.lsn,
      cachedBytes: state.bytes,
      flares: state.flareCount,
      replays: replays.count,
      notes: this.#notes.count,
      availableBytes: space.available,
      dropped: this.#compaction.dropped,
    };
  }

  diskFigures(): DiskFigures {
    const { kml, repair } = this.#core;
    return { syncMs: kml.syncMs, damaged: repair.found, repaired: repair.repaired };
  }

  /** Where the bytes of a file lie: `extentsOf`. */
  extentsOf(id: FlareId, limit: number): ExtentsHere | null {
    return extentsOf(this.#core, id, limit);
  }

  /** What was last written into the log: `lastRecords`. */
  lastRecords(count: number): Promise<LastRecord[]> {
    return lastRecords(this.#core.kml, count);
  }

  /** A change may have to wait before it is looked at. */
  get busy(): boolean {
    return this.#answering.busy;
  }

  /** Makes everything durable and lets go of the directory. Changes that come later are refused with IO. Harmless when called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.locks.stop();
    const stopped = this.#compaction.stop();
    // Cleaning waits for copies too, which may be gone for good.
    this.#core.commitment.close();
    await stopped;
    await this.#release();
  }
}
