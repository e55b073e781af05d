import { takeOldest } from '../../base/oldest.ts';
import { FlareError } from '../../flare/errors.ts';
import type { FlareService } from '../../flare/service.ts';
import { type Attributes, type Caller, type FlareId, FlareType, type Name } from '../../flare/types.ts';
import {
  ENCRYPTED_NAME_BYTES_MAX,
  LONG_NAME_MODE,
  LONG_NAME_SUFFIX,
  type NameCipher,
  type PlainName,
  type StoredName,
} from '../crypto/names.ts';
import type { Complaints } from './complaints.ts';
import { asNeeded, TRIES_MAX, unless } from './refusals.ts';

/** Long names that are kept; less than 1 KiB each. */
export const LONG_NAMES_MAX = 4096;

type Long = NonNullable<StoredName['long']>;

/** The files that hold long names. */
export class LongNames {
  readonly #service: FlareService;
  readonly #names: NameCipher;
  readonly #complaints: Complaints;
  /** Plain names by directory IV and entry, which is the digest of what was decrypted: they are never out of date. */
  readonly #known = new Map<string, Buffer>();

  constructor(service: FlareService, names: NameCipher, complaints: Complaints) {
    this.#service = service;
    this.#names = names;
    this.#complaints = complaints;
  }

  /**
   * Makes a flare get that name by `work`. Its file is there before it, and looked at again after it, since whoever took the same name away meanwhile takes the file away after it. What is
   * refused leaves no file behind.
   */
  async naming<T>(caller: Caller, directory: FlareId, stored: StoredName, work: () => T | Promise<T>): Promise<T> {
    const { long } = stored;
    if (long === null) return work();
    // Who may not make names there is told so by what he asks for, or that the name is taken.
    const mine = await unless(['ACCES'], () => this.#make(caller, directory, long), 'refused');
    let made: T;
    try {
      made = await work();
    } catch (error) {
      if (mine !== 'refused' && error instanceof FlareError) await this.unnamed(caller, directory, stored, true);
      throw error;
    }
    const file = await this.#find(caller, directory, long.entry);
    if (file?.size !== long.contents.length) await this.#agree(caller, directory, stored);
    return made;
  }

  /**
   * Takes the file away when its name is gone; and puts it back when somebody has made that name again meanwhile. `look`: the name may be there still. Never rejects: what the caller asked for
   * is done, and a file too many does no harm.
   */
  async unnamed(caller: Caller, directory: FlareId, stored: StoredName, look = false): Promise<void> {
    const { entry, long } = stored;
    if (long === null) return;
    try {
      if (!look) await this.#remove(caller, directory, long.entry);
      if (look || (await this.#has(caller, directory, entry))) await this.#agree(caller, directory, stored);
    } catch (error) {
      this.#complaints.leftBehind(directory, long.entry, error);
    }
  }

  /** Makes or removes the file, as long as it is there without its name, or the name without it. */
  async #agree(caller: Caller, directory: FlareId, { entry, long }: StoredName): Promise<void> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const named = await this.#has(caller, directory, entry);
      const file = await this.#find(caller, directory, long!.entry);
      if (named ? file?.size === long!.contents.length : file === null) return;
      if (named) await asNeeded(caller, (who) => this.#make(who, directory, long!));
      else await this.#remove(caller, directory, long!.entry);
    }
  }

  /** The plain name of a `long` entry; null when it has gone meanwhile. */
  async plain(caller: Caller, directory: FlareId, iv: Buffer, entry: Name): Promise<PlainName | null> {
    const key = iv.toString('latin1') + entry;
    const known = this.#known.get(key);
    if (known !== undefined) return { name: known };
    for (let tries = 0; tries < 2; tries++) {
      const contents = await this.contents(caller, directory, entry + LONG_NAME_SUFFIX);
      if (contents === null) {
        if (!(await this.#has(caller, directory, entry))) return null;
        continue;
      }
      const plain = this.#names.longName(Buffer.from(entry, 'latin1'), contents, iv);
      if ('name' in plain) {
        this.#known.set(key, plain.name);
        if (this.#known.size > LONG_NAMES_MAX) takeOldest(this.#known);
      }
      return plain;
    }
    return { fault: `its ${LONG_NAME_SUFFIX} file is missing` };
  }

  /** What such a file holds, and maybe more than it can; null when there is none. */
  async contents(caller: Caller, directory: FlareId, name: Name): Promise<Buffer | null> {
    const look = async (who: Caller): Promise<Buffer> => {
      const found = await this.#service.lookup(who, directory, name);
      if (found.type !== FlareType.file) return Buffer.alloc(0);
      const { data } = await asNeeded(who, (who) => this.#service.read(who, found, 0, ENCRYPTED_NAME_BYTES_MAX + 1));
      return Buffer.from(data);
    };
    return unless(['NOENT', 'STALE'], () => asNeeded(caller, look), null);
  }

  /** Makes the file, or finds it: it can hold nothing else, unless who makes it is about to write it, or has died. */
  async #make(caller: Caller, directory: FlareId, { entry, contents }: Long): Promise<void> {
    const birth = { type: FlareType.file, mode: LONG_NAME_MODE } as const;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const file = await unless(
        ['EXIST'],
        () => this.#service.create(caller, directory, entry, birth, { existing: 'open' }),
        null,
      );
      if (file?.type !== FlareType.file) {
        this.#complaints.make(directory, entry, 'it is no file');
        throw FlareError.of('IO');
      }
      if (file.size === contents.length) return;
      if (await this.#fill(caller, file, contents)) return;
    }
    throw FlareError.of('IO');
  }

  /** False when the file has gone meanwhile. */
  async #fill(caller: Caller, file: Attributes, contents: Buffer): Promise<boolean> {
    const write = async (who: Caller): Promise<true> => {
      if (file.size > contents.length) await this.#service.setattr(who, file, { size: 0 });
      await this.#service.write(who, file, 0, contents);
      return true;
    };
    return unless(['STALE'], () => asNeeded(caller, write), false);
  }

  async #remove(caller: Caller, directory: FlareId, name: Name): Promise<void> {
    await unless(['NOENT', 'STALE'], () => asNeeded(caller, (who) => this.#service.remove(who, directory, name)), null);
  }

  async #has(caller: Caller, directory: FlareId, name: Name): Promise<boolean> {
    return (await this.#find(caller, directory, name)) !== null;
  }

  async #find(caller: Caller, directory: FlareId, name: Name): Promise<Attributes | null> {
    const look = (who: Caller) => this.#service.lookup(who, directory, name);
    return unless(['NOENT', 'STALE'], () => asNeeded(caller, look), null);
  }
}
