import type { FlareId, Key, Name } from '../types.ts';
import { RECORD_HEAD_BYTES } from './head.ts';
import { ChangeTypeSchema } from './schema.ts';

/*
 * Looks through a record's changes where they lie (`RecordSchema`, RFC 4506), for who wants to know of most records only that they are of no use: nothing is
 * decoded but what names the thing that changes.
 */

const ID_BYTES = 28;
/** A flare up to its target, what is behind its salt, an entry's state, an extent. */
const FLARE_BEFORE_TARGET = 148;
const FLARE_BEHIND_SALT = 12;
const ENTRY_BYTES = 36;
const EXTENT_BYTES = 24;

/** Is asked about what each change leaves behind; changes that take something away are passed over. */
export interface Glance {
  flare(key: Key): boolean;
  entry(directory: Key, name: Name): boolean;
  parentLink(id: FlareId, directory: Key): boolean;
  /** The counters of the record's slice. */
  slice(slice: number): boolean;
  note(name: string): boolean;
  /** `position` is where the bytes begin in the record. */
  data(id: FlareId, offset: number, length: number, position: number): boolean;
}

class Skim {
  bytes: Buffer = Buffer.alloc(0);
  at = 0;

  u32(): number {
    // Beyond the end this is not a number, and what is made of it no record.
    const { bytes, at } = this;
    this.at = at + 4;
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  }

  u64(): number {
    const high = this.u32();
    return high * 2 ** 32 + this.u32();
  }

  /** Passes over bytes of variable length; returns that. */
  varBytes(): number {
    const length = this.u32();
    // Not (length + 3) & ~3: of a length of 2 GiB and more, which damage may make, that goes back.
    this.at += length + (-length & 3);
    return length;
  }

  text(length: number): string {
    const { at } = this;
    this.at = at + length;
    return this.inside ? this.bytes.toString('latin1', at, at + length) : '';
  }

  /** Nothing was passed over that is not there. */
  get inside(): boolean {
    return this.at <= this.bytes.length;
  }

  varText(): string {
    const length = this.u32();
    const text = this.text(length);
    this.at += -length & 3;
    return text;
  }

  key(): Key {
    return this.text(20) as Key;
  }

  id(): FlareId {
    return { key: this.key(), generation: this.u64() };
  }

  flare(): void {
    this.at += FLARE_BEFORE_TARGET;
    this.varBytes();
    this.varBytes();
    this.at += FLARE_BEHIND_SALT;
  }

  option(of: () => void): void {
    if (this.u32() !== 0) of();
  }

  covered(): void {
    this.at += 4;
    const extents = this.u32();
    this.at += extents * EXTENT_BYTES;
  }
}

const skim = new Skim();
const passFlare = (): void => skim.flare();
const passEntry = (): void => {
  skim.at += ENTRY_BYTES;
};
const passBytes = (): void => {
  skim.varBytes();
};

/** By type: passes over a change, and then asks about it if it is there. True ends the search. */
const CHANGES: Readonly<Record<number, (glance: Glance) => boolean>> = {
  [ChangeTypeSchema.flare](glance) {
    const { at } = skim;
    const key = skim.key();
    skim.at = at;
    skim.flare();
    skim.option(passFlare);
    return skim.inside && glance.flare(key);
  },
  [ChangeTypeSchema.flareGone]() {
    skim.at += ID_BYTES;
    skim.option(passFlare);
    return false;
  },
  [ChangeTypeSchema.entry](glance) {
    const directory = skim.key();
    skim.at += ID_BYTES - 20;
    const name = skim.varText();
    skim.at += ENTRY_BYTES;
    skim.option(passEntry);
    return skim.inside && glance.entry(directory, name);
  },
  [ChangeTypeSchema.entryGone]() {
    skim.at += ID_BYTES;
    skim.varBytes();
    skim.option(passEntry);
    return false;
  },
  [ChangeTypeSchema.data](glance) {
    const id = skim.id();
    const offset = skim.u64();
    skim.covered();
    const position = skim.at + 4;
    const length = skim.varBytes();
    return skim.inside && glance.data(id, offset, length, position);
  },
  [ChangeTypeSchema.cut]() {
    skim.at += ID_BYTES + 8;
    skim.covered();
    return false;
  },
  [ChangeTypeSchema.parentLink](glance) {
    const id = skim.id();
    const directory = skim.key();
    skim.at += ID_BYTES - 20 + 8;
    return skim.inside && glance.parentLink(id, directory);
  },
  [ChangeTypeSchema.slice](glance) {
    skim.at += 12;
    return skim.inside && glance.slice(skim.bytes.readUInt32BE(0));
  },
  [ChangeTypeSchema.note](glance) {
    const name = skim.varText();
    skim.option(passBytes);
    skim.option(passBytes);
    return skim.inside && glance.note(name);
  },
  [ChangeTypeSchema.wiped]: () => false,
  // Seldom: it is looked at with more care.
  [ChangeTypeSchema.undone]: () => true,
};

/**
 * Whether `glance` says yes to any change of a record. True too when the bytes do not add up to a record: then they are to be looked at with more care. The
 * replay is not asked about.
 */
export function anyChange(record: Buffer, glance: Glance): boolean {
  skim.bytes = record;
  skim.at = RECORD_HEAD_BYTES;
  if (skim.u32() !== 0) {
    skim.varBytes();
    skim.at += 8;
    skim.varBytes();
  }
  for (let left = skim.u32(); left > 0; left--) {
    const look = CHANGES[skim.u32()];
    if (look === undefined || look(glance) || !skim.inside) return true;
  }
  return skim.at !== record.length;
}
