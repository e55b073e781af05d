import { decodeRecord } from '../../flare/record/codec.ts';
import { shareOf, unpackId } from '../../flare/record/pack.ts';
import { type Change, ChangeTypeSchema, type FlareState } from '../../flare/record/schema.ts';
import { PREPARED_PREFIX, preparedCodec } from '../../flare/store/joint/prepared.ts';
import { type FlareId, FlareType } from '../../flare/types.ts';

/** Directories are told apart by so many bytes of their keys: should two be alike, a share more is read. */
const KEPT_BYTES = 6;

const idOf = (key: Buffer): number => key.readUIntBE(0, KEPT_BYTES);

/**
 * Watches the records of all slices that go into the backup of one directory, which has the contents of some shares alone: whether all that lies below that directory counts in these
 * (docs/backup.md, "Of one directory").
 */
export class Fence {
  readonly #top: FlareId;
  readonly #shares: ReadonlySet<number>;
  /** Directories that count in these shares. */
  readonly #inside = new Set<number>();
  /** By share: directories in which something lies that counts in that other share. */
  readonly #outside = new Map<number, Set<number>>();
  /** The flare that a record spoke of last, and where it counts. */
  #last = { key: '', share: 0 };
  /** Where the directory itself was found to count; null: it was not met, or is gone. */
  #topShare: number | null = null;
  #gone = false;
  #changed = new Set<number>();

  constructor(top: FlareId, shares: readonly number[]) {
    this.#top = top;
    this.#shares = new Set(shares);
  }

  /** The directory was taken away. */
  get gone(): boolean {
    return this.#gone;
  }

  /** The directory was met, and is there. */
  get met(): boolean {
    return this.#topShare !== null;
  }

  /** Slices in which something has come into these shares from another one, or the reverse; since they were last asked for. */
  changed(): number[] {
    const slices = [...this.#changed];
    this.#changed = new Set();
    return slices;
  }

  /** Shares, beside these, in which something counts that lies in a directory of these. */
  missing(): number[] {
    const missing = new Set<number>();
    for (const [share, directories] of this.#outside)
      for (const directory of directories) if (this.#inside.has(directory)) missing.add(share);
    if (this.#topShare !== null && !this.#shares.has(this.#topShare)) missing.add(this.#topShare);
    return [...missing];
  }

  see(payload: Buffer): void {
    const { slice, changes } = decodeRecord(payload);
    for (const change of changes) this.#see(slice, change);
  }

  #see(slice: number, change: Change): void {
    if (change.type === ChangeTypeSchema.flare) this.#flare(slice, change.flare.flare, change.flare.old);
    else if (change.type === ChangeTypeSchema.parentLink) {
      const { id, directory, count } = change.parentLink;
      if (id.key.toString('latin1') !== this.#last.key) throw new Error('a further name of a flare that was not said');
      if (count > 0) this.#lies(this.#last.share, directory.key);
    } else if (change.type === ChangeTypeSchema.flareGone) {
      const { key, generation } = unpackId(change.flareGone.id);
      if (key === this.#top.key && generation === this.#top.generation) this.#gone = true;
    } else if (change.type === ChangeTypeSchema.note) {
      // What is prepared may be done when the backup is restored.
      const { name, value } = change.note;
      if (value === null || !name.toString('latin1').startsWith(PREPARED_PREFIX)) return;
      for (const prepared of preparedCodec.decode(value).changes) this.#see(slice, prepared);
    }
  }

  #flare(slice: number, { id, type, mode, parent }: FlareState, old: FlareState | null): void {
    const share = shareOf(mode);
    const inside = this.#shares.has(share);
    const { key, generation } = unpackId(id);
    this.#last = { key, share };
    if (old !== null && this.#shares.has(shareOf(old.mode)) !== inside) this.#changed.add(slice);
    if (key === this.#top.key && generation === this.#top.generation) this.#topShare = share;
    const isDirectory = type === FlareType.directory;
    if (inside && isDirectory) this.#inside.add(idOf(id.key));
    // Of others there is all in what they are.
    if (!inside && (isDirectory || type === FlareType.file)) this.#lies(share, parent.key);
  }

  #lies(share: number, directory: Buffer): void {
    if (this.#shares.has(share)) return;
    const directories = this.#outside.get(share);
    if (directories === undefined) this.#outside.set(share, new Set([idOf(directory)]));
    else directories.add(idOf(directory));
  }
}
