import type { Caller, DirectoryEntry } from '../../flare/types.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Node } from './nodes.ts';

/** The most open files and directories at once. */
export const HANDLES_MAX = 1_000_000;

/** A part of a listing that was read ahead. */
export interface Page {
  /** The cookie that it comes after. */
  readonly after: number;
  readonly entries: readonly DirectoryEntry[];
  readonly end: boolean;
}

/** An open file or directory. */
export interface Handle {
  readonly node: Node;
  /** Who opened it: what is read and written through it is on his behalf, as with NFS. */
  readonly caller: Caller;
  readonly directory: boolean;
  /** Its writes go to the end of the file, wherever that is. */
  readonly appends: boolean;
  page: Page | null;
  /** Something was locked by it. */
  locked: boolean;
  /** What was locked by it was lost: it is of no use any more. */
  lost: boolean;
  /** The kernel knows it no more. */
  closed: boolean;
}

/** Open files and directories, by the numbers that the kernel has for them. */
export class Handles {
  readonly #all = new Map<number, Handle>();
  readonly #max: number;
  #next = 1;
  #files = 0;

  constructor(max = HANDLES_MAX) {
    this.#max = max;
  }

  /** Open files, not counting directories. */
  get files(): number {
    return this.#files;
  }

  get count(): number {
    return this.#all.size;
  }

  /** A new number. ENFILE above the bound. */
  add(node: Node, caller: Caller, kind: { readonly directory?: boolean; readonly appends?: boolean }): number {
    if (this.#all.size >= this.#max) throw Refusal.of('ENFILE');
    const { directory = false, appends = false } = kind;
    const number = this.#next++;
    this.#all.set(number, { node, caller, directory, appends, page: null, locked: false, lost: false, closed: false });
    if (!directory) {
      node.opens += 1;
      this.#files += 1;
    }
    return number;
  }

  /** An open file or directory, if there is one of that number. */
  find(number: number): Handle | undefined {
    return this.#all.get(number);
  }

  /** EBADF unless it is a handle of that node. */
  get(number: number, nodeid: number, directory = false): Handle {
    const handle = this.#all.get(number);
    if (handle?.node.nodeid !== nodeid || handle.directory !== directory) throw Refusal.of('EBADF');
    return handle;
  }

  /** Ends a handle and returns it; EBADF as for `get`. */
  remove(number: number, nodeid: number, directory = false): Handle {
    const handle = this.get(number, nodeid, directory);
    this.#all.delete(number);
    handle.closed = true;
    if (!directory) {
      handle.node.opens -= 1;
      this.#files -= 1;
    }
    return handle;
  }

  /** All that are open. */
  values(): Iterable<Handle> {
    return this.#all.values();
  }
}
