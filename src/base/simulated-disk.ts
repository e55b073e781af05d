import type { Clock } from './clock.ts';
import type { Disk, DiskFile, DiskLock, DiskSpace } from './disk.ts';
import type { Random } from './random.ts';
import { SimulatedFile } from './simulated-file.ts';

/** What can be made to fail. */
export type DiskOperation = 'write' | 'sync' | 'read';

interface Failure {
  readonly operation: DiskOperation;
  left: number;
  readonly code: string;
}

/** Names that change together, in one directory; `syncDirectory` has not yet made it durable. */
interface NameChange {
  readonly directory: string;
  readonly names: readonly (readonly [name: string, file: SimulatedFile | null])[];
}

function applyNames(to: Map<string, SimulatedFile>, change: NameChange): void {
  for (const [name, file] of change.names) {
    if (file === null) to.delete(name);
    else to.set(name, file);
  }
}

/** How long each of these takes, in milliseconds. */
export interface DiskDelays {
  readonly read: number;
  readonly write: number;
  /** Of a file, of a directory, or at the end of a durable write. */
  readonly sync: number;
  /** Opening, creating, removing, renaming, listing. */
  readonly name: number;
}

const NO_DELAYS: DiskDelays = { read: 0, write: 0, sync: 0, name: 0 };

export interface SimulatedDiskOptions {
  /** What it waits by. Without it, and for what takes no time, an answer comes within the same turn. */
  readonly clock?: Clock;
  /** Room in bytes; endless when absent. */
  readonly capacity?: number;
  /** Never lets a power cut come at the steps of reads, so that sweeps over steps are shorter. True when absent. */
  readonly stepsOnlyForChanges?: boolean;
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code });
}

function directoryOf(name: string): string {
  const slash = name.lastIndexOf('/');
  return slash === -1 ? '' : name.slice(0, slash);
}

/**
 * A disk in memory that keeps apart what is durable and what is not: bytes, lengths and directory entries. For tests. Everything that it does is
 * a row of numbered steps, and the power can be cut at any of them; then all that goes on fails with code EPOWER, and `powerCut` is the disk as the next
 * process finds it.
 */
export class SimulatedDisk implements Disk {
  readonly path = '(simulated)';
  readonly #options: SimulatedDiskOptions;
  #names = new Map<string, SimulatedFile>();
  #durableNames = new Map<string, SimulatedFile>();
  #unsynced: NameChange[] = [];
  #directories = new Set<string>(['']);
  #failures: Failure[] = [];
  #capacity: number;
  #steps = 0;
  #stopAt = Number.POSITIVE_INFINITY;
  #locked = false;
  /** How slow it is; may be changed at any time. At once unless told. */
  delays: DiskDelays = NO_DELAYS;
  /** Told when the power goes at the step that `stopAt` named, before anybody can notice: what else has no power then can be stopped. */
  onStopped: (() => void) | null = null;

  constructor(options: SimulatedDiskOptions = {}) {
    this.#options = options;
    this.#capacity = options.capacity ?? Number.POSITIVE_INFINITY;
  }

  /** How many steps have been taken: `stopAt` below that is in the past. */
  get steps(): number {
    return this.#steps;
  }

  /** True when the power has been cut. */
  get stopped(): boolean {
    return this.#steps > this.#stopAt;
  }

  /**
   * Cuts the power when step `step` (from 0) is to be taken. A durable write is three steps: before anything is written, before it is synced, and before
   * the answer; everything else is two: before it is done, and before the answer.
   */
  stopAt(step: number): void {
    this.#stopAt = step;
  }

  /** Makes the `nth` operation of that kind from now on (from 1) fail with `code`. A write that fails is half there, unsynced. */
  fail(operation: DiskOperation, nth: number, code: 'EIO' | 'ENOSPC'): void {
    this.#failures.push({ operation, left: nth, code });
  }

  /** Sets the room, in bytes. */
  limit(capacity: number): void {
    this.#capacity = capacity;
  }

  /** Turns one bit of a file over. Throws when there is no such file. */
  flipBit(name: string, position: number, bit = 0): void {
    this.#file(name).flipBit(position, bit);
  }

  /** The names of all files, as the process sees them, in order. */
  get names(): readonly string[] {
    return [...this.#names.keys()].sort();
  }

  /** The bytes of a file as the process sees them. */
  content(name: string): Buffer {
    const file = this.#file(name);
    const bytes = Buffer.alloc(file.length);
    file.read(bytes, 0);
    return bytes;
  }

  /**
   * The disk after a power cut now: of what was not durable, as much or little as `random` says. This one stops for
   * good. The next process has a `clock` of its own.
   */
  powerCut(random: Random, clock?: Clock): SimulatedDisk {
    const next = this.#successor(clock);
    const names = new Map(this.#durableNames);
    for (const change of this.#unsynced) if (random.below(2) === 0) applyNames(names, change);
    for (const [name, file] of names) {
      const survivor = file.afterPowerCut(random);
      next.#names.set(name, survivor);
      next.#durableNames.set(name, survivor);
    }
    next.#directories = new Set(this.#directories);
    return next;
  }

  /**
   * The disk as the next process finds it when this one was killed: what was written is there, durable or not, and the lock is free. This one stops for
   * good.
   */
  killed(clock?: Clock): SimulatedDisk {
    const next = this.#successor(clock);
    next.#names = this.#names;
    next.#durableNames = this.#durableNames;
    next.#unsynced = this.#unsynced;
    next.#directories = this.#directories;
    return next;
  }

  #successor(clock: Clock | undefined): SimulatedDisk {
    this.#stopAt = -1;
    this.#steps = Math.max(this.#steps, 1);
    const next = new SimulatedDisk({ ...this.#options, ...(clock === undefined ? {} : { clock }) });
    next.#capacity = this.#capacity;
    next.delays = this.delays;
    return next;
  }

  async open(name: string, options?: { readonly uncached?: boolean }): Promise<DiskFile> {
    await this.#step('name');
    const file = this.#file(name);
    if (options?.uncached === true) file.forgetCached();
    return this.#handle(file);
  }

  async create(name: string): Promise<DiskFile> {
    await this.#step('name', true);
    if (this.#names.has(name)) throw failure('EEXIST');
    if (!this.#directories.has(directoryOf(name))) throw failure('ENOENT');
    const file = new SimulatedFile();
    this.#change(name, [[name, file]]);
    await this.#step(null, true);
    return this.#handle(file);
  }

  async makeDirectory(name: string): Promise<void> {
    await this.#step('name', true);
    let at = '';
    for (const part of name.split('/')) {
      at = at === '' ? part : `${at}/${part}`;
      this.#directories.add(at);
    }
  }

  async list(directory: string): Promise<string[]> {
    await this.#step('name');
    const prefix = directory === '' ? '' : `${directory}/`;
    const names = new Set<string>();
    for (const name of [...this.#names.keys(), ...this.#directories]) {
      if (name === directory || !name.startsWith(prefix)) continue;
      names.add(name.slice(prefix.length).split('/')[0]!);
    }
    return [...names];
  }

  async remove(name: string): Promise<void> {
    await this.#step('name', true);
    if (this.#names.has(name)) this.#change(name, [[name, null]]);
    await this.#step(null, true);
  }

  async rename(name: string, to: string): Promise<void> {
    await this.#step('name', true);
    const file = this.#file(name);
    this.#change(name, [
      [to, file],
      [name, null],
    ]);
    await this.#step(null, true);
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.#step('sync', true);
    this.#meet('sync');
    this.#unsynced = this.#unsynced.filter((change) => {
      if (change.directory !== directory) return true;
      applyNames(this.#durableNames, change);
      return false;
    });
    await this.#step(null, true);
  }

  memory(bytes: number): Buffer {
    return Buffer.allocUnsafeSlow(bytes);
  }

  space(): DiskSpace {
    const total = Number.isFinite(this.#capacity) ? this.#capacity : 2 ** 50;
    return { total, free: Math.max(0, total - this.#used()) };
  }

  async lock(): Promise<DiskLock | null> {
    if (this.#locked) return null;
    this.#locked = true;
    return {
      release: () => {
        this.#locked = false;
      },
    };
  }

  #used(): number {
    let used = 0;
    for (const file of this.#names.values()) used += file.length;
    return used;
  }

  #file(name: string): SimulatedFile {
    const file = this.#names.get(name);
    if (file === undefined) throw failure('ENOENT');
    return file;
  }

  #change(name: string, names: NameChange['names']): void {
    const change = { directory: directoryOf(name), names };
    applyNames(this.#names, change);
    this.#unsynced.push(change);
  }

  /** One step of something, which takes as long as that takes. `change`: it alters the disk, so the power may go here. */
  async #step(takes: keyof DiskDelays | null, change = false): Promise<void> {
    await this.#wait(takes);
    this.#stepNow(change);
  }

  async #wait(takes: keyof DiskDelays | null): Promise<void> {
    const { clock } = this.#options;
    const delay = takes === null ? 0 : this.delays[takes];
    if (clock !== undefined && delay > 0) await new Promise<void>((resolve) => void clock.after(delay, resolve));
  }

  #stepNow(change: boolean): void {
    if (this.stopped) throw failure('EPOWER');
    if (!change && this.#options.stepsOnlyForChanges !== false) return;
    this.#steps++;
    if (!this.stopped) return;
    this.onStopped?.();
    throw failure('EPOWER');
  }

  /** Throws when an operation of that kind is due to fail. */
  #meet(operation: DiskOperation): void {
    for (const entry of this.#failures) {
      if (entry.operation !== operation || entry.left <= 0) continue;
      entry.left--;
      if (entry.left === 0) throw failure(entry.code);
    }
  }

  async #writeDurable(
    file: SimulatedFile,
    buffers: readonly Uint8Array[],
    position: number,
    sync: () => void,
  ): Promise<void> {
    const bytes = Buffer.concat(buffers);
    await this.#step('write', true);
    try {
      this.#meet('write');
      const growth = Math.max(0, position + bytes.length - file.length);
      if (this.#used() + growth > this.#capacity) throw failure('ENOSPC');
    } catch (error) {
      file.write(position, bytes.subarray(0, bytes.length >> 1));
      throw error;
    }
    file.write(position, bytes);
    await this.#step('sync', true);
    sync();
    await this.#step(null, true);
  }

  #syncFile(file: SimulatedFile): void {
    try {
      this.#meet('sync');
    } catch (error) {
      file.failSync();
      throw error;
    }
    file.sync();
  }

  #handle(file: SimulatedFile): DiskFile {
    const readNow = (into: Uint8Array, position: number): number => {
      this.#stepNow(false);
      this.#meet('read');
      return file.read(into, position);
    };
    let told = file.failedSyncs;
    const sync = (): void => {
      const failed = file.failedSyncs > told;
      told = file.failedSyncs;
      if (failed) throw failure('EIO');
      try {
        this.#syncFile(file);
      } finally {
        told = file.failedSyncs;
      }
    };
    return {
      writeDurable: (buffers, position) => this.#writeDurable(file, buffers, position, sync),
      read: async (into, position) => {
        await this.#wait('read');
        return readNow(into, position);
      },
      readSync: readNow,
      size: async () => file.length,
      truncate: async (length) => {
        await this.#step('name', true);
        file.truncate(length);
        await this.#step(null, true);
      },
      sync: async () => {
        await this.#step('sync', true);
        sync();
        await this.#step(null, true);
      },
      close: async () => {},
    };
  }
}
