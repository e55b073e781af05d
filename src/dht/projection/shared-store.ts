import { deflateSync, inflateSync } from 'node:zlib';
import type { KeyValue } from '../../base/key-value.ts';
import { RetryError } from '../owners.ts';
import { decodeProjection, encodeProjection, PROJECTION_BYTES_MAX } from './codec.ts';
import type { ProjectionStore } from './store.ts';
import { type Projection, ProjectionError } from './types.ts';
import { validStep } from './valid-step.ts';
import { validate } from './validate.ts';

/** So many projections are kept, the newest. */
export const SHARED_KEPT = 4;
const EPOCH_DIGITS = 16;

async function reached<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw new RetryError(`the register of the maps: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * The register kept in a store that all volcanos share, such as etcd: a key for each epoch, `<prefix>projection/<epoch, 16 digits>`, whose value is the projection as it goes over the wire,
 * deflated. A key is made only while the one before is there, so an epoch whose key has been removed cannot be written again; `<prefix>begun` stays for ever, for the first.
 */
export class SharedProjectionStore implements ProjectionStore {
  readonly #keys: KeyValue;
  readonly #begun: string;
  readonly #prefix: string;

  /** `prefix`: of all keys of this network. */
  constructor(keys: KeyValue, prefix: string) {
    this.#keys = keys;
    this.#begun = `${prefix}begun`;
    this.#prefix = `${prefix}projection/`;
  }

  /** Rejects with `RetryError` when the store cannot be reached, with `ProjectionError` or `XdrError` when what is there cannot be read. */
  async newest(): Promise<Projection | null> {
    const found = await reached(this.#keys.last(this.#prefix));
    if (found === null) return null;
    const projection = this.#read(found.key, found.value);
    if (this.#keyOf(projection.epoch) === found.key) return projection;
    throw new ProjectionError(`${found.key} holds the projection of epoch ${projection.epoch}`);
  }

  /** When it rejects with `RetryError` the projection may have been written: `newest` tells. */
  async write(projection: Projection): Promise<'written' | 'taken'> {
    return this.#write(projection, validStep);
  }

  async force(projection: Projection): Promise<'written' | 'taken'> {
    return this.#write(projection, () => {});
  }

  async #write(projection: Projection, check: typeof validStep): Promise<'written' | 'taken'> {
    validate(projection);
    const { epoch } = projection;
    const before = await this.newest();
    if (before !== null && epoch !== before.epoch + 1) return 'taken';
    if (before !== null) check(before, projection);
    const first = before === null;
    const value = deflateSync(encodeProjection(projection));
    const commit = {
      there: first ? [] : [this.#keyOf(before.epoch)],
      absent: first ? [this.#begun, this.#keyOf(epoch)] : [this.#keyOf(epoch)],
      set: new Map([[this.#keyOf(epoch), value], ...(first ? [[this.#begun, Buffer.alloc(0)] as const] : [])]),
    };
    const written = await reached(this.#keys.commit(commit));
    if (!written) return 'taken';
    // What cannot be removed now is, with the next one.
    await this.#keys.remove(this.#keyOf(0), this.#keyOf(Math.max(0, epoch - SHARED_KEPT + 1))).catch(() => {});
    return 'written';
  }

  watch(changed: (projection: Projection) => void): () => void {
    let stopped = false;
    let epoch = 0;
    let looking = false;
    let again = false;
    const look = async (): Promise<void> => {
      again = looking;
      if (looking) return;
      looking = true;
      try {
        do {
          again = false;
          const newest = await this.newest();
          if (newest === null || newest.epoch <= epoch || stopped) continue;
          epoch = newest.epoch;
          changed(newest);
        } while (again);
      } catch {
        // The watch tells again when the store can be reached, and who needs the map now is told by `newest` why not.
      } finally {
        looking = false;
      }
    };
    const stop = this.#keys.watch(this.#prefix, () => void look());
    return () => {
      stopped = true;
      stop();
    };
  }

  #keyOf(epoch: number): string {
    return `${this.#prefix}${String(epoch).padStart(EPOCH_DIGITS, '0')}`;
  }

  #read(key: string, value: Buffer): Projection {
    let bytes: Buffer;
    try {
      bytes = inflateSync(value, { maxOutputLength: PROJECTION_BYTES_MAX });
    } catch {
      throw new ProjectionError(`${key} does not hold a projection: something else has written there`);
    }
    return decodeProjection(bytes);
  }
}
