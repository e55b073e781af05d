import { crc32 } from 'node:zlib';
import * as xdr from '@stellar/js-xdr';
import type { NoteStore } from '../../flare/service.ts';
import { compile } from '../../rpc/xdr.ts';
import { decodeProjection, encodeProjection, PROJECTION_BYTES_MAX } from './codec.ts';
import { type Projection, ProjectionError } from './types.ts';

/** Bytes of a projection in one note; a note takes 64 KiB. */
const PART_BYTES = 60 * 1024;
const PARTS_MAX = Math.ceil(PROJECTION_BYTES_MAX / PART_BYTES);

/** Part 0, which is written last: a projection without it was never written. */
const head = compile(
  xdr.struct('Head', { parts: xdr.uint32(), bytes: xdr.uint32(), crc: xdr.uint32(), first: xdr.varOpaque(PART_BYTES) }),
);

function epochText(epoch: number): string {
  return String(epoch).padStart(16, '0');
}

/** Projections kept as notes, `<prefix><epoch, 16 digits>/<part, 2 digits>`, each in parts of which the first is written last. */
export class ProjectionNotes {
  readonly #notes: NoteStore;
  readonly #prefix: string;

  constructor(notes: NoteStore, prefix: string) {
    this.#notes = notes;
    this.#prefix = prefix;
  }

  /** The one with the highest epoch; null when there is none. Throws `ProjectionError` or `XdrError` when it cannot be read. */
  load(): Projection | null {
    let epoch = 0;
    for (const name of this.#notes.notes(this.#prefix).keys()) {
      const place = this.#placeOf(name);
      if (place.part === 0) epoch = Math.max(epoch, place.epoch);
    }
    return epoch === 0 ? null : this.#read(epoch);
  }

  /** Writes one; durable when it resolves. */
  async put(projection: Projection): Promise<void> {
    const { epoch } = projection;
    const bytes = encodeProjection(projection);
    const parts = Math.max(1, Math.ceil(bytes.length / PART_BYTES));
    for (let part = 1; part < parts; part++) {
      await this.#notes.setNote(this.#name(epoch, part), bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES));
    }
    const first = bytes.subarray(0, PART_BYTES);
    const value = head.encode({ parts, bytes: bytes.length, crc: crc32(bytes), first });
    await this.#notes.setNote(this.#name(epoch, 0), value);
  }

  /** Removes those of older epochs than that; their heads first, so that no half is ever taken for a whole. What cannot be removed now is next time. */
  async sweep(oldest: number): Promise<void> {
    const old = [...this.#notes.notes(this.#prefix).keys()].filter((name) => this.#placeOf(name).epoch < oldest);
    for (const name of old) {
      try {
        await this.#notes.setNote(name, null);
      } catch {
        return;
      }
    }
  }

  #name(epoch: number, part: number): string {
    return `${this.#prefix}${epochText(epoch)}/${String(part).padStart(2, '0')}`;
  }

  /** The epoch and the part of a note. */
  #placeOf(name: string): { epoch: number; part: number } {
    const [epoch, part] = name.slice(this.#prefix.length).split('/');
    return { epoch: Number(epoch), part: Number(part) };
  }

  #read(epoch: number): Projection {
    const { parts, bytes, crc, first } = head.decode(this.#notes.note(this.#name(epoch, 0))!);
    const pieces = [first];
    for (let part = 1; part < Math.min(parts, PARTS_MAX); part++) {
      pieces.push(this.#notes.note(this.#name(epoch, part)) ?? Buffer.alloc(0));
    }
    const whole = Buffer.concat(pieces);
    if (whole.length !== bytes || crc32(whole) !== crc)
      throw new ProjectionError(`the projection of epoch ${epoch} is damaged in the data directory`);
    return decodeProjection(whole);
  }
}
