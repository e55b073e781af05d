import { SLICES } from '../keys.ts';
import { RECORD_HEADER_BYTES } from '../kml/format.ts';
import { dataPosition, decodeRecord } from '../record/codec.ts';
import { recordHead } from '../record/head.ts';
import { ChangeTypeSchema, type LogRecord } from '../record/schema.ts';
import { appendGroup, type Core } from './core.ts';
import { partialNote } from './note-table.ts';
import { redoRecord } from './redo.ts';

/** The last record of a slice that a volcano has; number 0: it has none. */
export interface LastRecord {
  readonly number: number;
  readonly epoch: number;
}

/** What became of groups that a mirror was given. */
export interface Taken {
  /** What to wait for: when that LSN is durable, so is all that was taken. */
  readonly lsn: number;
  /** The first slice of which a record does not follow what is here, and the last one that is: nothing from that group on was taken. */
  readonly gap: { readonly slice: number; readonly last: LastRecord } | null;
}

/** A record is none that a mirror may take: its sender is not what it says. */
export class UnsoundRecordError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UnsoundRecordError';
  }
}

/**
 * A mirror's side: takes records of slices that another volcano is primary of into the own log and state. A slice's records come in the order of their numbers,
 * none is left out, none is taken twice. Base records, which fill a mirror, have no number of their own: they are taken where they come in the stream, and
 * one that says `wiped` begins the slice anew.
 */
export class Following {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** The last record of a slice that is here. */
  last(slice: number): LastRecord {
    const { number, epoch } = this.#core.state.slices.of(slice);
    return { number, epoch };
  }

  /** What is here of the slice is no copy by itself: it was being filled, or has been undone and not been made good. */
  partial(slice: number): boolean {
    return (this.#core.state.notes.get(partialNote(slice))?.value ?? null) !== null;
  }

  /** Takes groups, each whole, until one does not follow. Payloads are copied. Throws `UnsoundRecordError`, `XdrError`; IO, NOSPC. */
  take(groups: readonly (readonly Buffer[])[]): Taken {
    let lsn = 0;
    for (const group of groups) {
      const wanted = this.#wanted(group);
      if (typeof wanted === 'number') return { lsn, gap: { slice: wanted, last: this.last(wanted) } };
      if (wanted.length > 0) lsn = this.#append(wanted);
    }
    // What was skipped may still be on its way to the disk.
    return { lsn: lsn === 0 ? this.#core.kml.nextLsn - 1 : lsn, gap: null };
  }

  /** The records of a group that are to be taken, by the numbers that its slices would have after each of them; or the first slice of which one does not follow. */
  #wanted(group: readonly Buffer[]): number | readonly Buffer[] {
    const wanted: Buffer[] = [];
    /** Slices that have other numbers by now, when there is more than one record. */
    const now = new Map<number, LastRecord>();
    for (const payload of group) {
      const { slice, number, epoch, base } = recordHead(payload);
      if (slice >= SLICES) throw new UnsoundRecordError(`slice ${slice} goes to no other volcano`);
      const last = now.get(slice) ?? this.last(slice);
      if (!base && number <= last.number) continue;
      const follows = base
        ? number === last.number || beginsAnew(payload, last)
        : number === last.number + 1 && epoch >= last.epoch;
      if (!follows) return slice;
      wanted.push(payload);
      if (group.length > 1) now.set(slice, { number, epoch });
    }
    return wanted;
  }

  #append(payloads: readonly Buffer[]): number {
    // What cannot be decoded must not get into the log.
    const records = payloads.map((payload): LogRecord => decodeRecord(payload));
    // The primary has promised room already: a mirror that says no would stop it.
    const { firstLsn, lsn, segment, position } = appendGroup(this.#core, payloads, true);
    let start = position;
    for (const [at, record] of records.entries()) {
      const { length } = payloads[at]!;
      const lead = dataPosition(record, length) ?? 0;
      redoRecord(this.#core.state, record, { lsn: firstLsn + at, segment, position: start, lead });
      start += length + RECORD_HEADER_BYTES;
    }
    return lsn;
  }
}

/** Whether a base record says of its slice how far it is, whatever it was: it is wiped, or what it has beyond that is undone. */
function beginsAnew(payload: Buffer, last: LastRecord): boolean {
  const [first] = decodeRecord(payload).changes;
  if (first?.type === ChangeTypeSchema.wiped) return true;
  if (first?.type !== ChangeTypeSchema.undone) return false;
  return first.undone.number === last.number && first.undone.epoch === last.epoch;
}
