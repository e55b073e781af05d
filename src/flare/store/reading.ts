import { type Eventually, isPending } from '../../base/eventually.ts';
import type { Logger } from '../../base/logger.ts';
import { FlareError } from '../errors.ts';
import { KmlReadError } from '../kml/errors.ts';
import type { Attributes, Caller, FlareId } from '../types.ts';
import { checkIsFile, checkRange, need, owns, READ, SEARCH } from './access.ts';
import type { Answering } from './answering.ts';
import type { Core } from './core.ts';
import { HeldError } from './holds.ts';
import { type ReadAnswer, readFile } from './operations/read.ts';

/** One read has at most so many damaged records written anew: more than a read of 1 MiB can touch that was written by pieces of 8 KiB. */
const REPAIRS_MAX = 256;

/** Reads of files: what the log has lost of one is written anew from another copy, if there is one. */
export class Reading {
  readonly #core: Core;
  readonly #answering: Answering;
  readonly #logger: Logger;

  constructor(core: Core, answering: Answering, logger: Logger) {
    this.#core = core;
    this.#answering = answering;
    this.#logger = logger;
  }

  /** As `FlareService.read`. */
  read(caller: Caller, id: FlareId, offset: number, count: number): Eventually<ReadAnswer> {
    return this.#read(caller, id, offset, count, REPAIRS_MAX);
  }

  /** `tries`: how many damaged records it meets before it gives up, if others can be asked for what they held. */
  #read(caller: Caller, id: FlareId, offset: number, count: number, tries: number): Eventually<ReadAnswer> {
    const { state, commitment } = this.#core;
    state.seen = 0;
    let data: Eventually<Buffer>;
    let attributes: Attributes;
    try {
      checkRange(offset, 0);
      checkRange(count, 0);
      attributes = state.flare(id).attributes;
      checkIsFile(attributes);
      if (!owns(caller, attributes)) need(caller, attributes, READ | SEARCH);
      data = readFile(this.#core, attributes, offset, count);
    } catch (error) {
      if (error instanceof HeldError) return error.free.then(() => this.#read(caller, id, offset, count, tries));
      return this.#answering.refuse(error, state.seen);
    }
    if (!isPending(data) && state.seen <= commitment.lsn) return { data, attributes };
    return this.#readLater(data, attributes, state.seen).catch(async (error: unknown) => {
      if (!(error instanceof KmlReadError)) throw error;
      const mended = await this.#core.repair.mend(this.#core, attributes, offset, offset + count, error);
      if (mended && tries > 1) return this.#read(caller, id, offset, count, tries - 1);
      this.#logger.error({ err: error, fileid: attributes.fileid }, 'the log cannot give the bytes of a file');
      throw FlareError.of('IO');
    });
  }

  async #readLater(data: Eventually<Buffer>, attributes: Attributes, seen: number): Promise<ReadAnswer> {
    const durable = this.#answering.durable(seen);
    // What was there at once is not there in the next turn.
    const lasting = isPending(data) ? data : Buffer.from(data);
    const [bytes] = await Promise.all([lasting, durable]);
    return { data: bytes, attributes };
  }
}
