import { takeOldest } from '../../base/oldest.ts';
import { FlareError } from '../../flare/errors.ts';
import type { FlareService } from '../../flare/service.ts';
import type { Attributes, Caller, FlareId, Key, Name } from '../../flare/types.ts';
import { CipherError } from '../crypto/errors.ts';
import { DIRIV_BYTES, DIRIV_NAME, parseDirectoryIv } from '../crypto/names.ts';
import type { Complaints } from './complaints.ts';
import { asNeeded, isRefusal, TRIES_MAX, unless } from './refusals.ts';
import { endingName } from './temporary.ts';

/** Directories of which the IV is kept; some 300 bytes each. */
export const IVS_MAX = 20_000;

/** The IVs of directories. A directory keeps its own for all its life, so what was read once is kept. */
export class DirectoryIvs {
  readonly #service: FlareService;
  readonly #complaints: Complaints;
  readonly #known = new Map<Key, { readonly generation: number; readonly iv: Buffer }>();

  constructor(service: FlareService, complaints: Complaints) {
    this.#service = service;
    this.#complaints = complaints;
  }

  /** The IV of a directory. NOTDIR, STALE, ACCES; IO, and a line in the log, when it has none or a broken one. */
  async of(caller: Caller, directory: FlareId): Promise<Buffer> {
    const known = this.#known.get(directory.key);
    if (known?.generation === directory.generation) return known.iv;
    const there = await this.#load(caller, directory);
    if (there !== null) return there;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const before = await this.#service.getattr(directory);
      const iv = await this.#load(caller, directory);
      if (iv !== null) return iv;
      if (await this.settle(caller, before.parent, directory)) continue;
      // It was in neither place, and could not go from one to the other.
      if ((await this.#service.getattr(directory)).version === before.version) break;
    }
    this.#complaints.make(directory, null, `a directory without ${DIRIV_NAME}`);
    throw FlareError.of('IO');
  }

  /** Keeps the IV of a directory that was made here. */
  remember({ key, generation }: FlareId, iv: Buffer): void {
    this.#known.delete(key);
    this.#known.set(key, { generation, iv });
    if (this.#known.size > IVS_MAX) takeOldest(this.#known);
  }

  /** Moves the IV of a directory into its parent, so that it can be ended; false when it is not there. */
  async take(caller: Caller, directory: FlareId, parent: FlareId): Promise<boolean> {
    const to = endingName(directory);
    const work = async (who: Caller): Promise<true> => {
      await this.#service.rename(who, directory, DIRIV_NAME, parent, to);
      return true;
    };
    return unless(['NOENT'], () => asNeeded(caller, work), false);
  }

  /**
   * Brings to an end what `take` began, here or by a client that died: the IV goes back if the directory lives, wherever it is by now, and goes for good if it does not. False when there
   * is nothing of that directory in that parent.
   */
  async settle(caller: Caller, parent: FlareId, directory: FlareId): Promise<boolean> {
    const name = endingName(directory);
    if ((await this.#find(caller, parent, name)) === null) return false;
    const put = async (who: Caller): Promise<boolean> => {
      await this.#service.rename(who, parent, name, directory, DIRIV_NAME);
      return true;
    };
    const lives = await unless(['STALE'], () => this.#service.getattr(directory), null);
    // It may also end, or get its IV back, between these two.
    const back = lives !== null && (await unless(['STALE', 'NOENT'], () => asNeeded(caller, put), false));
    if (!back && (await unless(['STALE'], () => this.#service.getattr(directory), null)) === null) {
      await unless(['NOENT', 'STALE'], () => asNeeded(caller, (who) => this.#service.remove(who, parent, name)), null);
    }
    return true;
  }

  async #load(caller: Caller, directory: FlareId): Promise<Buffer | null> {
    const found = await this.#find(caller, directory, DIRIV_NAME);
    const iv = found === null ? null : await this.#read(caller, directory, found);
    if (iv !== null) this.remember(directory, iv);
    return iv;
  }

  async #find(caller: Caller, directory: FlareId, name: Name): Promise<Attributes | null> {
    return unless(['NOENT'], () => asNeeded(caller, (who) => this.#service.lookup(who, directory, name)), null);
  }

  /** Null when it has gone meanwhile. */
  async #read(caller: Caller, directory: FlareId, file: FlareId): Promise<Buffer | null> {
    try {
      const { data } = await asNeeded(caller, (who) => this.#service.read(who, file, 0, DIRIV_BYTES + 1));
      return parseDirectoryIv(data);
    } catch (error) {
      if (isRefusal(error, 'STALE')) return null;
      const broken = error instanceof CipherError ? error.message : `${DIRIV_NAME} is no file`;
      if (!(error instanceof CipherError) && !isRefusal(error, 'ISDIR', 'INVAL')) throw error;
      this.#complaints.make(directory, DIRIV_NAME, broken);
      throw FlareError.of('IO');
    }
  }
}
