import type { Logger } from '../../base/logger.ts';
import { takeOldest } from '../../base/oldest.ts';
import { RECORD_HEADER_BYTES, recordWhole } from '../kml/format.ts';
import { dataPositionOf } from '../record/codec.ts';
import type { StoredExtent } from '../record/schema.ts';
import type { FlareId } from '../types.ts';
import { BaseDrafts } from './base-drafts.ts';
import type { Core } from './core.ts';
import { within } from './extents.ts';
import { CHUNK_SIZE } from './limits.ts';
import { damagedData } from './scrub.ts';

/** How often bytes are asked for that the other copy has of another version, and how long is waited between, in milliseconds. */
const TRIES = 40;
export const REPAIR_PAUSE_MS = 250;
/** Damaged records that are remembered, so that each is told and counted once. */
const KNOWN_MAX = 4096;

/**
 * Bytes of a file as another copy has them, whole, at that version; null when that has the file at another one, or not those bytes. Version null: at whichever. Rejects when there is no other
 * copy, or it does not give them.
 */
export type FetchCopy = (id: FlareId, version: number | null, offset: number, length: number) => Promise<Buffer | null>;

/** All data that a damaged record held. */
interface Proven {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** A record of which the bytes cannot be had: its segment, and where its payload begins there. */
export interface DamagedRecord {
  readonly segment: number;
  readonly record: number;
  /** Why not, where that is known. */
  readonly message?: string;
}

/** Writes anew, from another copy, what the log here has lost of the contents of files. */
export class Repair {
  readonly #logger: Logger;
  readonly #known = new Set<string>();
  readonly #running = new Map<string, Promise<boolean>>();
  /** Asks the volcanos that have copies; null: there are none. */
  fetch: FetchCopy | null = null;
  /** Records that were found damaged since the start, and those of them that were written anew. */
  found = 0;
  repaired = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /**
   * Writes anew what the file has, in the chunks from `from` up to but not including `to`, of a record that cannot be read. True: it lies elsewhere now, or did so already. False:
   * nobody else has it. Never rejects.
   */
  mend(core: Core, id: FlareId, from: number, to: number, damaged: DamagedRecord): Promise<boolean> {
    const name = `${damaged.segment}/${damaged.record}`;
    const known = this.#running.get(name);
    if (known !== undefined) return known;
    const mending = this.#mend(core, id, from, to, damaged, name).finally(() => this.#running.delete(name));
    this.#running.set(name, mending);
    return mending;
  }

  async #mend(
    core: Core,
    id: FlareId,
    from: number,
    to: number,
    damaged: DamagedRecord,
    name: string,
  ): Promise<boolean> {
    const chunks: number[] = [];
    for (let chunk = Math.floor(from / CHUNK_SIZE); chunk * CHUNK_SIZE < to; chunk++) chunks.push(chunk);
    const pieces = chunks.flatMap((chunk) =>
      this.#pieces(core, id, chunk * CHUNK_SIZE, (chunk + 1) * CHUNK_SIZE, damaged),
    );
    if (pieces.length === 0) return true;
    const fileid = core.state.flareUnit(id.key).value?.attributes.fileid;
    const { segment, record, message: damage } = damaged;
    const fields = { segment, record, damage, fileid, offset: pieces[0]!.offset };
    const isNew = !this.#known.has(name);
    if (isNew) {
      this.found++;
      this.#known.add(name);
      if (this.#known.size > KNOWN_MAX) takeOldest(this.#known);
    }
    try {
      const proven = await this.#proven(core, id, damaged);
      for (const piece of pieces) await this.#fetched(core, id, piece, damaged, proven);
    } catch (error) {
      const what = 'the log is damaged, and no other volcano can give what is lost: a file cannot be read there';
      if (isNew) this.#logger.error({ err: error, ...fields }, what);
      return false;
    }
    this.repaired++;
    this.#known.delete(name);
    this.#logger.error(fields, 'the log was damaged: what was lost came from another volcano; look at the disk');
    return true;
  }

  /** What of the file lies in that record, between two offsets. */
  #pieces(core: Core, id: FlareId, from: number, to: number, { segment, record }: DamagedRecord): StoredExtent[] {
    const { state } = core;
    if (state.flareUnit(id.key).value?.attributes.generation !== id.generation) return [];
    const extents = within(state.files.chunk(id, Math.floor(from / CHUNK_SIZE)).value, from, to);
    return extents.filter((extent) => extent.segment === segment && extent.position - extent.lead === record);
  }

  /**
   * What the record held, if another copy has all of it, and that with what else there is of the record has its checksum: then it is that, whatever has been written since. null: it cannot be
   * shown. Rejects as `fetch`.
   */
  async #proven({ kml }: Core, id: FlareId, { segment, record }: DamagedRecord): Promise<Proven | null> {
    const whole = await kml.readDamaged(segment, record);
    const payload = whole?.subarray(RECORD_HEADER_BYTES);
    const data = payload === undefined ? null : damagedData({ lsn: 0, payload, position: record });
    if (this.fetch === null || data === null || data.id.key !== id.key || data.id.generation !== id.generation)
      return null;
    const bytes = await this.fetch(id, null, data.offset, data.length);
    if (bytes?.length !== data.length) return null;
    bytes.copy(payload!, dataPositionOf(payload!.length, data.length));
    return recordWhole(whole!) === true ? { offset: data.offset, bytes } : null;
  }

  /** Has a piece written anew. Rejects when it is not to be had. */
  async #fetched(
    core: Core,
    id: FlareId,
    { offset, length }: StoredExtent,
    damaged: DamagedRecord,
    proven: Proven | null,
  ): Promise<void> {
    const { state, kml, clock } = core;
    for (let tries = 0; tries < TRIES; tries++) {
      if (this.fetch === null) throw new Error('this volcano has the only copy');
      const attributes = state.flareUnit(id.key).value?.attributes;
      if (attributes === undefined || this.#pieces(core, id, offset, offset + length, damaged).length === 0) return;
      const known = proven?.bytes.subarray(offset - proven.offset, offset - proven.offset + length);
      const bytes = known ?? (await this.fetch(id, attributes.version, offset, length));
      if (bytes === null) {
        await new Promise<void>((resolve) => clock.after(REPAIR_PAUSE_MS, resolve));
        continue;
      }
      // What still lies there is as it was when its bytes were asked for, whatever was written elsewhere meanwhile.
      const drafts = new BaseDrafts(core);
      for (const left of this.#pieces(core, id, offset, offset + length, damaged)) {
        const start = left.offset - offset;
        drafts.addData(id, left.offset, bytes.subarray(start, start + left.length));
      }
      if (!drafts.empty) await kml.whenDurable(drafts.append());
      return;
    }
    throw new Error(`the other copy does not come to the same version of the file in ${TRIES} tries`);
  }
}
