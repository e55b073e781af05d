import type { Attributes, Caller, FlareId, Key, Name } from '../../flare/types.ts';
import { ROOT_NODE } from '../protocol/numbers.ts';
import { Refusal } from '../protocol/refusal.ts';

/** The most flares that the kernel may know at once: what it knows of one takes some 300 bytes here, and more in the kernel. */
export const NODES_MAX = 4_000_000;

/** A name that a file was given when its last one was removed while it was open. */
export interface HiddenName {
  /** Who removed it, and so may remove it for good. */
  readonly caller: Caller;
  readonly directory: FlareId;
  readonly name: Name;
}

/** A flare that the kernel knows, by a number that never means another one. */
export interface Node {
  readonly nodeid: number;
  readonly id: FlareId;
  /** How often it was told to the kernel and not forgotten by it. */
  lookups: number;
  /** What was last heard of it; anybody may have changed it since. */
  known: Attributes;
  /** The `version` of the attributes that the kernel was last told; null: none since it was changed from here. */
  told: number | null;
  /** Open files of it, not counting directories. */
  opens: number;
  /** Its `version` as of which the kernel's cached pages hold what it does; null: they may not. */
  cached: number | null;
  /** The `version` at which the kernel was last made to let go of all that it had of the node, since it was changed from here; null: at none. And when it has, or had. */
  cleared: { readonly version: number; readonly done: Promise<void> } | null;
  hidden: HiddenName | null;
  /** Open files of it by which locks were lost: while there are any, the kernel is to ask each time. */
  distrusted: number;
}

/** What the kernel knows: nodes by number and by flare, with the kernel's count of references. */
export class Nodes {
  readonly #byNumber = new Map<number, Node>();
  readonly #byKey = new Map<Key, Node>();
  readonly #max: number;
  readonly root: Node;
  #next = ROOT_NODE + 1;

  constructor(root: Attributes, max = NODES_MAX) {
    this.#max = max;
    this.root = made(ROOT_NODE, root);
    this.#byNumber.set(ROOT_NODE, this.root);
    this.#byKey.set(root.key, this.root);
  }

  get count(): number {
    return this.#byNumber.size;
  }

  /** ESTALE when the kernel was told of no such node, or has forgotten it. */
  get(nodeid: number): Node {
    const node = this.#byNumber.get(nodeid);
    if (node === undefined) throw Refusal.of('ESTALE');
    return node;
  }

  /** The node of a flare that the kernel knows. */
  find({ key, generation }: FlareId): Node | undefined {
    const node = this.#byKey.get(key);
    return node?.id.generation === generation ? node : undefined;
  }

  /** The flare's node, referred to once more: to be taken back with `forget` when the kernel is not told. ENOMEM above the bound. */
  refer(attributes: Attributes): Node {
    let node = this.find(attributes);
    if (node === undefined) {
      if (this.#byNumber.size >= this.#max) throw Refusal.of('ENOMEM');
      node = made(this.#next++, attributes);
      this.#byNumber.set(node.nodeid, node);
      // An older generation of the key is found by its number only.
      this.#byKey.set(attributes.key, node);
    } else {
      node.known = attributes;
    }
    node.lookups += 1;
    return node;
  }

  /** Takes so many references back. A node that is not known, or more than there are, is no harm. */
  forget(nodeid: number, count: number): void {
    const node = this.#byNumber.get(nodeid);
    if (node === undefined || node === this.root) return;
    node.lookups -= count;
    if (node.lookups > 0) return;
    this.#byNumber.delete(nodeid);
    if (this.#byKey.get(node.id.key) === node) this.#byKey.delete(node.id.key);
  }
}

function made(nodeid: number, known: Attributes): Node {
  const { key, generation } = known;
  const counts = { lookups: 0, opens: 0, distrusted: 0 };
  return { nodeid, id: { key, generation }, known, told: null, cached: null, cleared: null, hidden: null, ...counts };
}
