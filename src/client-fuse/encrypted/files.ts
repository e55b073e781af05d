import type { Logger } from '../../base/logger.ts';
import { takeOldest } from '../../base/oldest.ts';
import { TurnMemory } from '../../base/turn-memory.ts';
import { FlareError } from '../../flare/errors.ts';
import { keyText } from '../../flare/keys.ts';
import type { FlareService } from '../../flare/service.ts';
import type { Attributes, Caller, FlareId, Key } from '../../flare/types.ts';
import { type Change, type FileState, type Goal, nextStep, type Step } from '../crypto/changes.ts';
import { type ContentCipher, type FileHeader, parseHeader } from '../crypto/contents.ts';
import { CipherError } from '../crypto/errors.ts';
import { openRead, planRead } from '../crypto/reads.ts';
import { HEADER_BYTES, truncated } from '../crypto/sizes.ts';
import { SpareMemory } from './spare-memory.ts';

/** How often a change, or a read, is begun anew because others changed the file meanwhile. Then it is IO. */
export const TRIES_MAX = 100;
/** Files of which the header is kept; some 300 bytes each. */
export const KNOWN_MAX = 10_000;

/** What is read in one turn of the event loop and does not take memory of its own, in bytes. */
const TURN_BYTES = 2 * 1024 * 1024;

/** A file as it was last seen. All that is done with it is done only if it still has that version. */
interface Known extends FileState {
  readonly attributes: Attributes;
}

/** What files are read and changed through. */
export interface FilesParts {
  /** Where the ciphertext is. */
  readonly service: FlareService;
  readonly contents: ContentCipher;
  readonly logger: Logger;
  /** `BLOCKS_PER_CHANGE` unless given. */
  readonly blocksPerChange?: number;
}

/**
 * The contents of encrypted files over a `FlareService` that holds the ciphertext. Attributes that come back are those of the ciphertext.
 *
 * Callers name no `replay`: a change is several calls, and each of them is made at most once for its version. A change needs read permission too when
 * it keeps a part of a block (the owner has it). What cannot be decrypted is logged, with the key of the flare, and refused with IO.
 */
export class EncryptedFiles {
  readonly #service: FlareService;
  readonly #contents: ContentCipher;
  readonly #logger: Logger;
  readonly #blocksPerChange: number | undefined;
  /** What is read is in use in this turn only, what is sealed until it is written. */
  readonly #turn = new TurnMemory(TURN_BYTES);
  readonly #takeTurn = (bytes: number): Buffer => this.#turn.take(bytes);
  readonly #spare = new SpareMemory();
  readonly #known = new Map<Key, Known>();
  /** The last change of each file that is under way: the next one waits for it and does not run into its version. */
  readonly #changing = new Map<Key, Promise<unknown>>();

  constructor({ service, contents, logger, blocksPerChange }: FilesParts) {
    this.#service = service;
    this.#contents = contents;
    this.#logger = logger;
    this.#blocksPerChange = blocksPerChange;
  }

  /** As `FlareService.read`, in plain bytes, which are the caller's for this turn only; all of them are of one version of the file. */
  async read(
    caller: Caller,
    id: FlareId,
    offset: number,
    count: number,
  ): Promise<{ data: Buffer; attributes: Attributes }> {
    return this.#guarded(id, async () => {
      let known = this.#known.get(id.key);
      for (let tries = 0; tries < TRIES_MAX; tries++) {
        // What was known may be old: then nothing says that the file ends there.
        const fresh = known === undefined;
        known ??= await this.#look(caller, id);
        const plan = planRead(known.size, offset, count);
        if (plan === null) {
          if (fresh) return { data: Buffer.alloc(0), attributes: known.attributes };
          known = undefined;
          continue;
        }
        const { data, attributes } = await this.#service.read(caller, id, plan.cipher.offset, plan.cipher.length);
        if (attributes.version === known.attributes.version) {
          return { data: openRead(this.#contents, known.header!, plan, data, this.#takeTurn), attributes };
        }
        known = undefined;
      }
      throw FlareError.of('IO');
    });
  }

  /**
   * Reaches a goal, and gives the attributes then. With `version` only if the flare has that when it begins, else VERSION. FBIG, and what the service
   * refuses.
   */
  async change(caller: Caller, id: FlareId, goal: Goal, version?: number): Promise<Attributes> {
    const before = this.#changing.get(id.key);
    const mine = (async () => {
      await before?.catch(() => undefined);
      return this.#guarded(id, () => this.#reach(caller, id, goal, version));
    })();
    this.#changing.set(id.key, mine);
    try {
      return await mine;
    } finally {
      if (this.#changing.get(id.key) === mine) this.#changing.delete(id.key);
    }
  }

  async #reach(caller: Caller, id: FlareId, first: Goal, version: number | undefined): Promise<Attributes> {
    if (first.kind === 'resize' && first.size === 0) return this.#empty(caller, id, version);
    let goal = first;
    let expected = version;
    let known = expected === undefined ? this.#known.get(id.key) : undefined;
    for (let lost = 0; lost < TRIES_MAX; ) {
      known ??= await this.#look(caller, id);
      if (expected !== undefined && expected !== known.attributes.version) throw FlareError.of('VERSION');
      const step = nextStep(this.#contents, known, goal, this.#blocksPerChange);
      const made =
        step === null ? await this.#nothing(caller, id, goal, known) : await this.#make(caller, id, step, known);
      if (made === null) {
        lost++;
        this.#known.delete(id.key);
        known = undefined;
        continue;
      }
      // From here on what others do in between is theirs.
      expected = undefined;
      known = made.known;
      this.#remember(id, known);
      if (made.rest === null) return known.attributes;
      goal = made.rest;
    }
    throw FlareError.of('IO');
  }

  /** Needs nothing to be known of the file, and so is the cure for one whose header is broken. */
  async #empty(caller: Caller, id: FlareId, version: number | undefined): Promise<Attributes> {
    const attributes = await this.#service.setattr(caller, id, { size: 0 }, version === undefined ? {} : { version });
    this.#remember(id, { attributes, size: attributes.size, header: null });
    return attributes;
  }

  /** Makes one step; null when the file has another version by now. */
  async #make(
    caller: Caller,
    id: FlareId,
    step: Step,
    known: Known,
  ): Promise<{ known: Known; rest: Goal | null } | null> {
    const { version } = known.attributes;
    const read: Buffer[] = [];
    for (const { offset, length } of step.reads) {
      const { data, attributes } = await this.#service.read(caller, id, offset, length);
      if (attributes.version !== version) return null;
      // The memory may be the service's own, for this turn only.
      read.push(step.reads.length > 1 ? Buffer.from(data) : data);
    }
    const taken: Buffer[] = [];
    const take = (bytes: number): Buffer => {
      const memory = this.#spare.take(bytes);
      taken.push(memory);
      return memory;
    };
    try {
      const { change, rest } = step.make(read, take);
      const attributes =
        change.kind === 'write'
          ? await this.#service.write(caller, id, change.offset, change.data, { version })
          : await this.#service.setattr(caller, id, { size: change.size }, { version });
      return { known: { attributes, size: attributes.size, header: headerAfter(known.header, change) }, rest };
    } catch (error) {
      if (isVersion(error)) return null;
      throw error;
    } finally {
      for (const memory of taken) this.#spare.giveBack(memory);
    }
  }

  /** There is nothing to change: permissions are checked and times are set as for a change, if what is known is so still. */
  async #nothing(caller: Caller, id: FlareId, goal: Goal, known: Known): Promise<{ known: Known; rest: null } | null> {
    const { version } = known.attributes;
    try {
      const attributes = await (goal.kind === 'resize'
        ? this.#service.setattr(caller, id, { size: known.size }, { version })
        : this.#service.write(caller, id, 0, Buffer.alloc(0), { version }));
      return { known: { ...known, attributes }, rest: null };
    } catch (error) {
      if (isVersion(error)) return null;
      throw error;
    }
  }

  /** Size, version and header, all at once. */
  async #look(caller: Caller, id: FlareId): Promise<Known> {
    const { data, attributes } = await this.#service.read(caller, id, 0, HEADER_BYTES);
    const header = attributes.size < HEADER_BYTES ? null : parseHeader(data);
    const known = { attributes, size: attributes.size, header };
    this.#remember(id, known);
    return known;
  }

  #remember({ key }: FlareId, known: Known): void {
    this.#known.delete(key);
    // What is wrong with a file is said of what it is now.
    if (truncated(known.size)) return;
    this.#known.set(key, known);
    if (this.#known.size > KNOWN_MAX) takeOldest(this.#known);
  }

  async #guarded<Result>(id: FlareId, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CipherError)) throw error;
      if (error.fault === 'FILE_TOO_LARGE') throw FlareError.of('FBIG');
      const { fault, block } = error;
      this.#logger.error({ flare: keyText(id.key), fault, block, err: error }, 'a file cannot be decrypted');
      throw FlareError.of('IO');
    }
  }
}

/** The header that a file has after a change. */
function headerAfter(header: FileHeader | null, change: Change): FileHeader | null {
  // A file that keeps its size, or a part of it, keeps its header: `#empty` does the rest.
  return change.kind === 'size' ? header : (header ?? parseHeader(change.data));
}

function isVersion(error: unknown): boolean {
  return error instanceof FlareError && error.status === 'VERSION';
}
