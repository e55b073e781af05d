import type { FlushWriter } from '../index/flush.ts';
import type { UsageRow } from '../index/types.ts';
import { SLICES, sliceOf } from '../keys.ts';
import type { Attributes, Usage } from '../types.ts';

/** An account is a share and a uid; as a Map's key one number. */
const SHARES_FACTOR = 2 ** 32;
/** The most accounts whose sums over slices are remembered. */
export const SUMS_MAX = 65_536;

/** What one account has. */
interface Count {
  bytes: number;
  files: number;
}

/** What one account has in one slice. */
interface Row extends Count {
  readonly slice: number;
  readonly account: number;
  /** The next flush looks at it. */
  changed: boolean;
  /** What the index has, or is to have by a flush under way. */
  storedBytes: number;
  storedFiles: number;
}

/** What one account has on this volcano. */
export interface AccountUsage extends Usage {
  readonly share: number;
  readonly uid: number;
}

function accountOf(share: number, uid: number): number {
  return share * SHARES_FACTOR + uid;
}

/**
 * What each uid has in each share, slice by slice: the sum over the flares of the slice as they are, kept by every change of a flare and by nothing else. So it is
 * right after whatever brings flares here or takes them away: operations, redo, records of others, fills, undo, wipes. In memory whole, in the index as it was at its mark.
 */
export class UsageTable {
  readonly #slices: (Map<number, Row> | undefined)[] = [];
  #changed: Row[] = [];
  /** Sums over the slices that count, by account: of those that were asked for. */
  readonly #sums = new Map<number, Count>();
  #counts: ((slice: number) => boolean) | null = null;

  constructor(rows: readonly UsageRow[]) {
    for (const { slice, share, uid, bytes, files } of rows) {
      const account = accountOf(share, uid);
      this.#of(slice).set(account, {
        ...{ slice, account, bytes, files, changed: false },
        ...{ storedBytes: bytes, storedFiles: files },
      });
    }
  }

  #of(slice: number): Map<number, Row> {
    let rows = this.#slices[slice];
    if (rows === undefined) {
      rows = new Map();
      this.#slices[slice] = rows;
    }
    return rows;
  }

  /** A flare is no more as it was before (null: it was not there), but so (null: it is not there any more). */
  change(before: Attributes | null, after: Attributes | null): void {
    if (before !== null && after !== null && before.uid === after.uid && before.share === after.share) {
      const more = after.used - before.used;
      if (more !== 0) this.#add(after, more, 0);
      return;
    }
    if (before !== null) this.#add(before, -before.used, -1);
    if (after !== null) this.#add(after, after.used, 1);
  }

  #add({ key, share, uid }: Attributes, bytes: number, files: number): void {
    const slice = sliceOf(key);
    const account = accountOf(share, uid);
    const rows = this.#of(slice);
    let row = rows.get(account);
    if (row === undefined) {
      row = { slice, account, bytes: 0, files: 0, changed: false, storedBytes: 0, storedFiles: 0 };
      rows.set(account, row);
    }
    row.bytes += bytes;
    row.files += files;
    if (!row.changed) {
      row.changed = true;
      this.#changed.push(row);
    }
    if (this.#sums.size === 0 || !this.#isCounted(slice)) return;
    const sum = this.#sums.get(account);
    if (sum === undefined) return;
    sum.bytes += bytes;
    sum.files += files;
  }

  #isCounted(slice: number): boolean {
    return this.#counts === null || this.#counts(slice);
  }

  /** Nothing is held of the slice any more. */
  wipe(slice: number): void {
    this.#slices[slice] = undefined;
    this.#changed = this.#changed.filter((row) => row.slice !== slice);
    this.#sums.clear();
  }

  /** Writes what has changed since the last flush. */
  pack(to: FlushWriter): void {
    for (const row of this.#changed) {
      const { slice, account, bytes, files } = row;
      row.changed = false;
      if (files === 0) this.#slices[slice]!.delete(account);
      if (bytes === row.storedBytes && files === row.storedFiles) continue;
      row.storedBytes = bytes;
      row.storedFiles = files;
      to.usage({ slice, share: Math.floor(account / SHARES_FACTOR), uid: account % SHARES_FACTOR, bytes, files });
    }
    this.#changed = [];
  }

  /** Only these slices count from now on, in `of` and `all`: others are served elsewhere. null: all. */
  count(slices: ((slice: number) => boolean) | null): void {
    this.#counts = slices;
    this.#sums.clear();
  }

  /** What a uid has in a share, on the slices that count. */
  of(share: number, uid: number): Usage {
    const account = accountOf(share, uid);
    let sum = this.#sums.get(account);
    if (sum === undefined) {
      sum = { bytes: 0, files: 0 };
      for (let slice = 0; slice < SLICES; slice++) {
        const row = this.#slices[slice]?.get(account);
        if (row === undefined || !this.#isCounted(slice)) continue;
        sum.bytes += row.bytes;
        sum.files += row.files;
      }
      if (this.#sums.size >= SUMS_MAX) this.#sums.clear();
      this.#sums.set(account, sum);
    }
    return { bytes: sum.bytes, files: sum.files };
  }

  /** What all uids have in all shares, in one slice, whether it counts or not. */
  bytesIn(slice: number): number {
    let sum = 0;
    for (const { bytes } of this.#slices[slice]?.values() ?? []) sum += bytes;
    return sum;
  }

  /** What all uids have in the shares that are `wanted`, on the slices that count. */
  all(wanted: (share: number) => boolean): AccountUsage[] {
    const sums = new Map<number, Count>();
    for (let slice = 0; slice < SLICES; slice++) {
      const rows = this.#slices[slice];
      if (rows === undefined || !this.#isCounted(slice)) continue;
      for (const { account, bytes, files } of rows.values()) {
        if (files === 0 || !wanted(Math.floor(account / SHARES_FACTOR))) continue;
        const sum = sums.get(account);
        if (sum === undefined) sums.set(account, { bytes, files });
        else {
          sum.bytes += bytes;
          sum.files += files;
        }
      }
    }
    return [...sums].map(([account, sum]) => {
      return { share: Math.floor(account / SHARES_FACTOR), uid: account % SHARES_FACTOR, ...sum };
    });
  }
}
