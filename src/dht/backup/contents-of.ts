import { decodeRecord, encodeRecord } from '../../flare/record/codec.ts';
import { shareOf } from '../../flare/record/pack.ts';
import { ChangeTypeSchema } from '../../flare/record/schema.ts';

/** Leaves out of the records of a log the contents of files that count in none of some shares. */
export class ContentsOf {
  readonly #shares: ReadonlySet<number>;
  /** The file that was last said to have changed: a long write is several records, and only the first says how it has left the file. */
  #key = '';
  #share = 0;

  constructor(shares: readonly number[]) {
    this.#shares = new Set(shares);
  }

  has(share: number): boolean {
    return this.#shares.has(share);
  }

  /** A copy of a record, which comes behind all those before it in the log; without its bytes of a file when that counts elsewhere. */
  of(payload: Buffer): Buffer {
    const record = decodeRecord(payload);
    for (const change of record.changes) {
      if (change.type === ChangeTypeSchema.flare) {
        this.#key = change.flare.flare.id.key.toString('latin1');
        this.#share = shareOf(change.flare.flare.mode);
      } else if (change.type === ChangeTypeSchema.data) {
        const known = change.data.id.key.toString('latin1') === this.#key;
        if (known && !this.has(this.#share)) return encodeRecord({ ...record, changes: record.changes.slice(0, -1) });
      }
    }
    return Buffer.from(payload);
  }
}
