import type { Eventually } from '../../base/eventually.ts';
import { KmlRotError } from '../kml/errors.ts';
import type { LogBatch } from '../kml/types.ts';
import type { Undone } from '../record/schema.ts';
import type { FlareId } from '../types.ts';
import type { Commitment } from './commitment.ts';
import { type Common, commonWith, type Theirs } from './common.ts';
import { contentsOf } from './contents-of.ts';
import type { Core } from './core.ts';
import { Following } from './following.ts';
import { type Kept, LogRuns, type Run } from './log-runs.ts';
import { LogStream, type StreamedSlice } from './log-stream.ts';
import { tailOf, type Wanted } from './log-tail.ts';
import type { FetchCopy } from './repair.ts';
import { scrub } from './scrub.ts';
import { sliceLines } from './slice-lines.ts';
import { Walk, type WalkSink } from './walk.ts';

/** What replication needs of a store: of what it has as primary, and of what it holds as a mirror. */
export class Replica {
  readonly #core: Core;
  readonly following: Following;
  readonly #runs: LogRuns;
  /** Why the log has failed. */
  #failure: Error | null = null;

  constructor(core: Core) {
    this.#core = core;
    this.following = new Following(core);
    this.#runs = new LogRuns(core.kml);
    core.kml.onWedged((error) => {
      this.#failure = error;
    });
  }

  /** False when the log has failed: nothing is taken any more, and what is in memory may not be on the disk. */
  get sound(): boolean {
    return this.#failure === null;
  }

  /** What answers wait for. */
  get commitment(): Commitment {
    return this.#core.commitment;
  }

  /** Holds back what is appended from now on from all who would see it: `Commitment.hold`. */
  hold(): void {
    this.#core.commitment.hold(this.appended);
  }

  /** The LSN of the last record that was appended, and the one up to which all is durable here. */
  get appended(): number {
    return this.#core.kml.nextLsn - 1;
  }

  get durable(): number {
    return this.#core.kml.durable;
  }

  /** The segment of the log that is being written. */
  get segment(): number {
    return this.#core.kml.currentSegment;
  }

  /** What can be taken here beside the reserve, in bytes. */
  get room(): number {
    return this.#core.space.available;
  }

  /** The epoch that records are written in from now on. */
  set epoch(epoch: number) {
    this.#core.state.slices.epoch = epoch;
  }

  /** Which number of a slice is known to be committed: it goes into its records. */
  set commits(commit: (slice: number) => number) {
    this.#core.state.slices.commit = commit;
  }

  /** Whether the records of two slices go to different mirrors now: no append changes both. */
  set apart(apart: (one: number, other: number) => boolean) {
    this.#core.state.apart = apart;
  }

  /** Called with every batch of the log when its writing begins: `Kml.onWriting`. */
  onWriting(listener: (batch: LogBatch) => void): void {
    this.#core.kml.onWriting(listener);
  }

  /** Resolves when that LSN is durable here, and the index is not too far behind. Rejects when it never will be. */
  async durableAt(lsn: number): Promise<void> {
    const { kml, flusher } = this.#core;
    // A log that has failed has forgotten what it was given and did not write.
    if (this.#failure !== null) throw this.#failure;
    await kml.whenDurable(lsn);
    if (flusher.overloaded) await flusher.room();
  }

  /** Durable records of the own log: `tailOf`. null also when the log is damaged there; what that has taken has been written anew, as far as others have it. */
  async tail(wanted: ReadonlyMap<number, Wanted>, maxBytes: number): Promise<Buffer[][] | null> {
    try {
      return await tailOf(this.#core.kml, wanted, maxBytes);
    } catch (error) {
      if (!(error instanceof KmlRotError)) throw error;
      // Who asks leaves out the copy that lacks them, or this one: what only the other one has must be had before that.
      await scrub(this.#core, error.segment);
      return null;
    }
  }

  /** Asks the volcanos that have copies for what the log here has lost; null: there are none. */
  set fetch(fetch: FetchCopy | null) {
    this.#core.repair.fetch = fetch;
  }

  /** Bytes of a file, for a volcano that has lost them: `contentsOf`. */
  contents(id: FlareId, version: number | null, offset: number, length: number): Eventually<Buffer | null> {
    return contentsOf(this.#core, id, version, offset, length);
  }

  /** Which records of slices the log has, up to the last durable one: `LogRuns`. */
  kept(wanted: ReadonlyMap<number, (run: Run) => boolean>): Promise<Map<number, Kept>> {
    return this.#runs.of(wanted);
  }

  /** The records of slices from given ones on, as they become durable: `LogStream`. */
  stream(slices: ReadonlyMap<number, StreamedSlice>): LogStream {
    return new LogStream(this.#core.kml, slices);
  }

  /** What the copies here have in common with another volcano's: `commonWith`. */
  common(theirs: readonly Theirs[]): Promise<Map<number, Common | null>> {
    return commonWith(this.#core, this.following, this.#runs, theirs);
  }

  /** Walks what an undo has forgotten: `Walk.units`. */
  walkUnits(slice: number, undone: Undone, sink: WalkSink): Promise<void> {
    return new Walk(this.#core, sink).units(slice, undone);
  }

  /** Walks the live state of slices: `Walk`. */
  walk(slices: readonly number[], sink: WalkSink): Promise<void> {
    return new Walk(this.#core, sink).slices(slices);
  }

  /** What the log here has of the answer to a call: in which slice's records it stands, and whether it is durable; null: nothing. For checks. */
  answered(replay: string): { readonly slice: number; readonly durable: boolean } | null {
    const { replays, clock, kml } = this.#core;
    const found = replays.find(replay, clock.now());
    if (found === undefined || 'refusal' in found || found.segment === 0) return null;
    return { slice: found.slice, durable: found.lsn <= kml.durable };
  }

  /** All that is here of a slice, as text: `sliceLines`. */
  lines(slice: number, replays = true): Promise<string[]> {
    return sliceLines(this.#core, slice, replays);
  }
}
