import { crc32 } from 'node:zlib';
import * as xdr from '@stellar/js-xdr';
import type { NoteStore } from '../../flare/service.ts';
import { compile } from '../../rpc/xdr.ts';
import { decodeProjection, encodeProjection, PROJECTION_BYTES_MAX } from './codec.ts';
import type { ProjectionStore } from './store.ts';
import { type Projection, ProjectionError } from './types.ts';
import { validStep } from './valid-step.ts';
import { validate } from './validate.ts';

/** The notes of the projections: `dht/projection/<epoch, 16 digits>/<part, 2 digits>`. */
export const PROJECTION_NOTES = 'dht/projection/';
/** So many projections are kept, the newest. */
export const PROJECTIONS_KEPT = 4;
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

function noteName(epoch: number, part: number): string {
  return `${PROJECTION_NOTES}${epochText(epoch)}/${String(part).padStart(2, '0')}`;
}

/** The epoch and the part of a note. */
function placeOf(name: string): { epoch: number; part: number } {
  const [epoch, part] = name.slice(PROJECTION_NOTES.length).split('/');
  return { epoch: Number(epoch), part: Number(part) };
}

function load(notes: NoteStore, epoch: number): Projection {
  const { parts, bytes, crc, first } = head.decode(notes.note(noteName(epoch, 0))!);
  const pieces = [first];
  for (let part = 1; part < Math.min(parts, PARTS_MAX); part++) {
    pieces.push(notes.note(noteName(epoch, part)) ?? Buffer.alloc(0));
  }
  const whole = Buffer.concat(pieces);
  if (whole.length !== bytes || crc32(whole) !== crc)
    throw new ProjectionError(`the projection of epoch ${epoch} is damaged in the data directory`);
  return decodeProjection(whole);
}

/**
 * The register kept by a volcano itself, in its notes: the arbiter's. There must be one for a `NoteStore` at a time, because writers of an epoch are told apart in
 * memory, before anything is written.
 */
export class OwnProjectionStore implements ProjectionStore {
  readonly #notes: NoteStore;
  readonly #watchers = new Set<(projection: Projection) => void>();
  #newest: Projection | null;
  /** The epoch that somebody writes now; 0 when nobody does. */
  #writing = 0;
  #written: Promise<unknown> = Promise.resolve();

  private constructor(notes: NoteStore, newest: Projection | null) {
    this.#notes = notes;
    this.#newest = newest;
  }

  /** Opens what the notes hold. Throws `ProjectionError` or `XdrError` when the newest projection cannot be read: none other may take its place. */
  static open(notes: NoteStore): OwnProjectionStore {
    let epoch = 0;
    for (const name of notes.notes(PROJECTION_NOTES).keys()) {
      const place = placeOf(name);
      if (place.part === 0) epoch = Math.max(epoch, place.epoch);
    }
    return new OwnProjectionStore(notes, epoch === 0 ? null : load(notes, epoch));
  }

  /** What is known here, without waiting. */
  get known(): Projection | null {
    return this.#newest;
  }

  /** What is being written is waited for: it may be the newest when the answer is there. */
  async newest(): Promise<Projection | null> {
    await this.#written;
    return this.#newest;
  }

  async write(projection: Projection): Promise<'written' | 'taken'> {
    validate(projection);
    const { epoch } = projection;
    const before = this.#newest;
    if (this.#writing !== 0 || (before !== null && epoch !== before.epoch + 1)) return 'taken';
    if (before !== null) validStep(before, projection);
    this.#writing = epoch;
    const written = this.#put(projection);
    this.#written = written.catch(() => {});
    try {
      await written;
    } finally {
      this.#writing = 0;
    }
    this.#newest = projection;
    for (const changed of [...this.#watchers]) changed(projection);
    await this.#sweep(epoch);
    return 'written';
  }

  watch(changed: (projection: Projection) => void): () => void {
    this.#watchers.add(changed);
    return () => void this.#watchers.delete(changed);
  }

  async #put(projection: Projection): Promise<void> {
    const bytes = encodeProjection(projection);
    const parts = Math.max(1, Math.ceil(bytes.length / PART_BYTES));
    for (let part = 1; part < parts; part++) {
      const piece = bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES);
      await this.#notes.setNote(noteName(projection.epoch, part), piece);
    }
    const first = bytes.subarray(0, PART_BYTES);
    const value = head.encode({ parts, bytes: bytes.length, crc: crc32(bytes), first });
    await this.#notes.setNote(noteName(projection.epoch, 0), value);
  }

  /** Removes what is older than the newest few; its head first, so that no half is ever taken for a whole. What cannot be removed now is next time. */
  async #sweep(epoch: number): Promise<void> {
    const old = [...this.#notes.notes(PROJECTION_NOTES).keys()].filter(
      (name) => placeOf(name).epoch + PROJECTIONS_KEPT <= epoch,
    );
    for (const name of old) {
      try {
        await this.#notes.setNote(name, null);
      } catch {
        return;
      }
    }
  }
}
