import type { Clock } from '../../base/clock.ts';
import { isPending } from '../../base/eventually.ts';
import type { Random } from '../../base/random.ts';
import { SLICES } from '../../flare/keys.ts';
import { recordHead } from '../../flare/record/head.ts';
import type { LastRecord } from '../../flare/store/following.ts';
import type { FlareId } from '../../flare/types.ts';
import type { RemoteBackup } from '../programs/node/client.ts';
import type { SliceAt } from '../programs/node/handlers.ts';
import { READ_SHARES_MAX, READ_SLICES_MAX } from '../programs/node/procedures/backup.ts';
import type { Member, Projection } from '../projection/types.ts';
import type { Pace } from '../replication/pace.ts';
import { pause } from '../retry.ts';
import { BackupError } from './errors.ts';
import { Fence } from './fence.ts';
import type { Cut } from './format.ts';

/** Answers of all volcanos are held back for so many milliseconds at most while they note how far they are. */
export const HOLD_MS = 1_000;
/** Nothing comes from a volcano, or from who takes over from it, for so many milliseconds: the backup fails. */
export const GIVE_UP_MS = 60_000;
/** When so many bytes were read whole, what has come since is read from the logs, before they are cleaned of it. */
const CHASE_BYTES = 256 * 1024 * 1024;
/** How often a common moment is tried, and how often all is caught up with for another one. */
const CUTS_MAX = 60;
const ROUNDS_MAX = 16;

/** The network that a backup is made of. */
export interface BackupNetwork {
  readonly projection: Projection;
  backup(member: Member): RemoteBackup;
  /** Takes up the newest map that one of the volcanos knows. */
  refresh(): Promise<void>;
}

/** How a backup is made. */
export interface TakeOptions {
  readonly network: BackupNetwork;
  readonly clock: Clock;
  readonly random: Random;
  /** How far the backup before this one has each slice; null: this one stands alone. */
  readonly from: Cut | null;
  /** The directory that it is of, and the shares whose contents it has (with `from`: those of the backup before this one); null: it is of all. */
  readonly of: { readonly top: FlareId; readonly shares: readonly number[] } | null;
  /** Takes what is read, in order. */
  readonly put: (records: readonly Buffer[]) => Promise<void>;
  readonly pace?: Pace;
  /** Told of each slice of which all is there that there was when it was read. */
  readonly read?: (slice: number) => void;
  readonly giveUpMs?: number;
}

/** What was taken. */
export interface Taken {
  readonly at: Cut;
  /** The moment that it shows, in µs. */
  readonly time: number;
  readonly epoch: number;
  /** The shares whose contents it has; null: it has all. */
  readonly shares: readonly number[] | null;
  readonly whole: readonly number[];
}

const same = (one: LastRecord | null, other: LastRecord): boolean =>
  one?.number === other.number && one.epoch === other.epoch;

function tooFast(): BackupError {
  return new BackupError(
    'slices move, logs are cleaned, or files come to count in other shares faster than they can be read: try again later',
  );
}

/** Makes one backup of a network that serves (docs/backup.md). */
class Take {
  readonly #options: TakeOptions;
  /** Up to which record each slice was put; null: it is to be read whole. */
  readonly #at: (LastRecord | null)[];
  readonly #whole = new Set<number>();
  readonly #told = new Set<number>();
  #shares: readonly number[];
  #fence: Fence | null = null;
  /** Nothing of it rests on another backup. */
  #alone: boolean;
  #bytes = 0;
  #failed: unknown = null;

  constructor(options: TakeOptions) {
    this.#options = options;
    this.#at = Array.from({ length: SLICES }, (_, slice) => options.from?.[slice] ?? null);
    this.#shares = options.of?.shares ?? [];
    this.#alone = options.from === null;
    if (options.of !== null) this.#fence = new Fence(options.of.top, this.#shares);
  }

  async run(): Promise<Taken> {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      await this.#catchUp();
      const cut = await this.#cut();
      await this.#behind(cut.at);
      const missed = cut.at.flatMap((last, slice) => (same(this.#at[slice]!, last) ? [] : [slice]));
      const missing = this.#fence?.missing() ?? [];
      if (missing.length > 0) this.#widen(missing);
      else if (missed.length > 0) this.#again(missed);
      else {
        this.#checkThere();
        const whole = [...this.#whole].sort((one, other) => one - other);
        return { ...cut, shares: this.#fence && this.#shares, whole };
      }
    }
    throw tooFast();
  }

  /** These slices are to be read whole. Of a directory all are, then: what is unchanged since another backup says nothing of where it lies, and may lie in what was read anew. */
  #again(slices: readonly number[]): void {
    if (this.#fence !== null && !this.#alone && slices.length > 0) this.#widen([]);
    else for (const slice of slices) this.#at[slice] = null;
  }

  /** The contents of these shares are needed, too. */
  #widen(shares: readonly number[]): void {
    this.#shares = [...this.#shares, ...shares].sort((one, other) => one - other);
    if (this.#shares.length > READ_SHARES_MAX)
      throw new BackupError(`what lies there counts in more than ${READ_SHARES_MAX} shares: make a backup of all`);
    this.#at.fill(null);
    this.#alone = true;
    this.#fence = new Fence(this.#options.of!.top, this.#shares);
  }

  #checkThere(): void {
    if (this.#fence?.gone === true || (this.#alone && this.#fence?.met === false))
      throw new BackupError('the directory was removed meanwhile');
  }

  /** Reads until all slices are there as they are about now. */
  async #catchUp(): Promise<void> {
    const missing = (): number[] => [...this.#at.keys()].filter((slice) => this.#at[slice] === null);
    await this.#behind(null);
    for (let round = 0; missing().length > 0; round++) {
      if (round === ROUNDS_MAX) throw tooFast();
      await this.#each(missing(), READ_SLICES_MAX, async (source, slices) => {
        await this.#readWhole(source, slices);
        if (this.#bytes < CHASE_BYTES) return;
        this.#bytes = 0;
        await this.#behind(null);
      });
      await this.#behind(null);
    }
  }

  async #readWhole(source: RemoteBackup, slices: readonly number[]): Promise<void> {
    const { reading, at } = await source.read(
      true,
      slices.map((slice) => ({ slice, number: 0, epoch: 0 })),
      this.#shares,
    );
    await this.#pages(source, reading, () => true);
    for (const { slice, number, epoch } of at) {
      this.#at[slice] = { number, epoch };
      this.#whole.add(slice);
      this.#tell(slice);
    }
  }

  /** Reads the records behind what was put, up to a cut, or to about now. Slices of which a log has not all are to be read whole. */
  async #behind(cut: Cut | null): Promise<void> {
    const due = [...this.#at.keys()].filter((slice) => {
      const at = this.#at[slice]!;
      return at !== null && (cut === null || !same(at, cut[slice]!));
    });
    await this.#each(due, SLICES, async (source, some) => {
      // By now all may have to be read whole.
      const slices = some.filter((slice) => this.#at[slice] !== null);
      if (slices.length === 0) return;
      const from = slices.map((slice): SliceAt => ({ slice, ...this.#at[slice]! }));
      const { reading, gone } = await source.read(false, from, this.#shares);
      this.#again(gone);
      await this.#pages(source, reading, (record) => {
        const { slice, number, epoch } = recordHead(record);
        const at = this.#at[slice];
        // In another order nothing could be made of it.
        if (at == null || number !== at.number + 1 || (cut !== null && number > cut[slice]!.number)) return false;
        this.#at[slice] = { number, epoch };
        return true;
      });
      this.#again(this.#fence?.changed() ?? []);
      for (const slice of slices) if (this.#at[slice] !== null) this.#tell(slice);
    });
  }

  #tell(slice: number): void {
    if (this.#told.has(slice)) return;
    this.#told.add(slice);
    this.#options.read?.(slice);
  }

  async #pages(source: RemoteBackup, reading: number, wanted: (record: Buffer) => boolean): Promise<void> {
    const { pace } = this.#options;
    for (let page = 0; ; page++) {
      const { records, end } = await source.readOn(reading, page);
      const found = records.filter(wanted);
      let bytes = 0;
      for (const record of found) {
        bytes += record.length;
        this.#fence?.see(record);
      }
      this.#bytes += bytes;
      if (found.length > 0)
        await this.#options.put(found).catch((error: unknown) => {
          this.#failed = error;
          throw error;
        });
      pace?.spend(bytes);
      const wait = pace?.wait();
      if (isPending(wait)) await wait;
      if (end) return;
    }
  }

  /** Does it for all these slices, some of one volcano at a time; again, by a newer map, for those with which it fails. */
  async #each(
    all: readonly number[],
    most: number,
    work: (source: RemoteBackup, slices: readonly number[]) => Promise<void>,
  ): Promise<void> {
    const { network, clock, random, giveUpMs = GIVE_UP_MS } = this.#options;
    const left = new Set(all);
    let deadline = clock.monotonic() + giveUpMs;
    for (let tries = 0; left.size > 0; ) {
      const { map, volcanos } = network.projection;
      const [first] = left;
      const primary = map[first!]!.primary;
      const some = [...left].filter((slice) => map[slice]!.primary === primary).slice(0, most);
      try {
        await work(network.backup(volcanos[primary]!), some);
        for (const slice of some) left.delete(slice);
        tries = 0;
        deadline = clock.monotonic() + giveUpMs;
      } catch (error) {
        if (this.#failed !== null || error instanceof BackupError) throw error;
        if (clock.monotonic() >= deadline) {
          const { nickname } = volcanos[primary]!;
          throw new BackupError(`slice ${first} cannot be read from ${nickname}: ${(error as Error).message}`, {
            cause: error,
          });
        }
        await pause({ clock, random }, ++tries + 4);
        await network.refresh();
      }
    }
  }

  /** Has all volcanos note how far they are at one moment. */
  async #cut(): Promise<Pick<Taken, 'at' | 'time' | 'epoch'>> {
    const { network, clock, random } = this.#options;
    for (let tries = 1; tries <= CUTS_MAX; tries++) {
      const { epoch } = network.projection;
      const at = await this.#tryCut();
      if (at !== null) return { at, epoch, time: clock.now() };
      await pause({ clock, random }, tries + 4);
      await network.refresh();
    }
    throw new BackupError(
      'the volcanos cannot be brought to one moment: one does not answer, or the map changes all the time. `magma ring` shows how they are',
    );
  }

  async #tryCut(): Promise<Cut | null> {
    const { network, random } = this.#options;
    const { map, volcanos } = network.projection;
    const primaries = [...new Set(map.map(({ primary }) => primary))].map((one) => network.backup(volcanos[one]!));
    const id = 1 + random.below(2 ** 47);
    const held = await Promise.allSettled(primaries.map((source) => source.hold(id, HOLD_MS)));
    // Not before all have noted theirs: from here on they show what is new.
    const ended = await Promise.allSettled(primaries.map((source) => source.letGo(id)));
    if (!ended.every((one) => one.status === 'fulfilled' && one.value)) return null;
    const cut: LastRecord[] = [];
    for (const one of held)
      for (const { slice, number, epoch } of one.status === 'fulfilled' ? one.value : [])
        cut[slice] = { number, epoch };
    return Object.keys(cut).length === SLICES ? cut : null;
  }
}

/**
 * Reads all slices of a network, or what has come to them since another backup, up to one moment for all. Rejects with `BackupError` when volcanos do not answer, with what `put` rejects with; what was put is of no use then.
 */
export function take(options: TakeOptions): Promise<Taken> {
  return new Take(options).run();
}
