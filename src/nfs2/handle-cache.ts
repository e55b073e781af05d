import type { FlareId, Key } from '../flare/types.ts';

/** How many handles are remembered, in each of the two halves. */
export const HANDLES_MAX = 16_384;

/** A handle that this network issued, and what it means. */
export interface Handle extends FlareId {
  /** The number of the share that it was reached through. */
  readonly share: number;
  /** The 32 bytes, never changed. */
  readonly bytes: Buffer;
  /** The same as a Latin-1 string. */
  readonly text: string;
}

/**
 * Handles that were issued or verified lately, by their bytes and by their key. There are two halves: when the young one is full, the old one is
 * forgotten and the young one becomes the old one, so what is used stays.
 */
export class HandleCache {
  #young = new Map<string, Handle>();
  #old = new Map<string, Handle>();
  #youngKeys = new Map<Key, Handle>();
  #oldKeys = new Map<Key, Handle>();

  /** The handle of these bytes. */
  byText(text: string): Handle | undefined {
    const handle = this.#young.get(text);
    if (handle !== undefined) return handle;
    const old = this.#old.get(text);
    if (old !== undefined) this.keep(old);
    return old;
  }

  /** The handle that was last issued or verified for that key. */
  byKey(key: Key): Handle | undefined {
    const handle = this.#youngKeys.get(key);
    if (handle !== undefined) return handle;
    const old = this.#oldKeys.get(key);
    if (old !== undefined) this.keep(old);
    return old;
  }

  keep(handle: Handle): void {
    if (this.#young.size >= HANDLES_MAX) {
      this.#old = this.#young;
      this.#oldKeys = this.#youngKeys;
      this.#young = new Map();
      this.#youngKeys = new Map();
    }
    this.#young.set(handle.text, handle);
    this.#youngKeys.set(handle.key, handle);
  }

  /** How many are remembered. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
