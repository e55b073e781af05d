import type { FlareStatusName } from '../../../src/flare/errors.ts';
import { FlareType, type Name } from '../../../src/flare/types.ts';
import type { Answer, Call, Id, Shown } from './history.ts';
import { BLOCK_BYTES } from './history.ts';

/** One flare of the model. Never changed in place. */
interface Node {
  readonly type: FlareType;
  /** Names that mean it, of what is no directory. */
  readonly names: number;
  readonly blocks: readonly string[];
  readonly entries: ReadonlyMap<Name, Id>;
  /** A directory's. */
  readonly parent: Id;
  /** 0 until it is seen. */
  readonly fileid: number;
  /** The version that was last seen: it is that still when `exact`, else a greater one. */
  readonly version: number;
  readonly exact: boolean;
}

const NO_ENTRIES: ReadonlyMap<Name, Id> = new Map();
const BORN_BLIND = '?';

/** Calls that may be refused for want of room. */
const CHANGES: ReadonlySet<Call['kind']> = new Set(['write', 'cut', 'create', 'remove', 'rmdir', 'rename', 'link']);

/** A block that was never written, as files show it. */
export const HOLE = '';

/**
 * What a tree of flares is to be, one call after the other (`FlareService`, src/flare/service.ts), for uid 0. Never changed in place. A flare whose birth was not answered has a name of its own
 * (`?n`) until somebody sees it.
 */
export class Model {
  readonly #nodes: ReadonlyMap<Id, Node>;
  #text: string | null = null;

  private constructor(nodes: ReadonlyMap<Id, Node>) {
    this.#nodes = nodes;
  }

  /** A root directory alone. */
  static of(root: Id): Model {
    const node = { type: FlareType.directory, names: 0, blocks: [], entries: NO_ENTRIES, parent: root, fileid: 0 };
    return new Model(new Map([[root, { ...node, version: 0, exact: false }]]));
  }

  /** The same text for the same state. */
  get text(): string {
    this.#text ??= [...this.#nodes]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([id, node]) => `${id}:${nodeText(node)}`)
      .join('\n');
    return this.#text;
  }

  /**
   * The state after that call was made now, and answered so; null when it cannot be answered so. Without an answer: the state after the call if it is not refused
   * and changes something, else null. `number` names the call.
   */
  after(call: Call, answer: Answer | null, number: number): Model | null {
    const known = answer?.shown === undefined ? this : this.#meet(answer.shown.id, call);
    if (known === null) return null;
    const refusals = known.#refusals(call);
    // Whether there was room is not of the model; `Run` looks at whether a disk was full at all.
    if (answer?.refused === 'NOSPC' && CHANGES.has(call.kind)) return known;
    if (answer?.refused !== undefined) return refusals.has(answer.refused) ? known : null;
    if (refusals.size > 0) return null;
    return known.#done(call, answer, number);
  }

  #with(changes: readonly (readonly [Id, Node | null])[]): Model {
    const nodes = new Map(this.#nodes);
    for (const [id, node] of changes) {
      if (node === null) nodes.delete(id);
      else nodes.set(id, node);
    }
    return new Model(nodes);
  }

  /** What the call's name means now, if it names something. */
  #named(call: Call): Id | undefined {
    if (!('directory' in call) || !('name' in call)) return undefined;
    return this.#nodes.get(call.directory)?.entries.get(call.name);
  }

  /** A flare that was born blind and is seen for the first time: it has its own identity from now on. Null when that is another's. */
  #meet(id: Id, call: Call): Model | null {
    if (call.kind !== 'lookup' && call.kind !== 'create') return this;
    const named = this.#named(call);
    return named?.startsWith(BORN_BLIND) ? this.#identify(named, id) : this;
  }

  #identify(blind: Id, id: Id): Model | null {
    if (this.#nodes.has(id)) return null;
    const nodes = new Map<Id, Node>();
    for (const [key, node] of this.#nodes) {
      const entries = [...node.entries.values()].includes(blind)
        ? new Map([...node.entries].map(([name, at]) => [name, at === blind ? id : at]))
        : node.entries;
      nodes.set(key === blind ? id : key, { ...node, entries, parent: node.parent === blind ? id : node.parent });
    }
    return new Model(nodes);
  }

  #refusals(call: Call): Set<FlareStatusName> {
    const found = new Set<FlareStatusName>();
    const directory = (id: Id): Node | undefined => {
      const node = this.#nodes.get(id);
      if (node === undefined) found.add('STALE');
      else if (node.type !== FlareType.directory) found.add('NOTDIR');
      else return node;
      return undefined;
    };
    switch (call.kind) {
      case 'getattr':
        if (!this.#nodes.has(call.id)) found.add('STALE');
        break;
      case 'read':
      case 'write':
      case 'cut': {
        const node = this.#nodes.get(call.id);
        if (node === undefined) found.add('STALE');
        else if (node.type === FlareType.directory) found.add('ISDIR');
        else if (node.type !== FlareType.file) found.add('INVAL');
        break;
      }
      case 'readdir':
        directory(call.directory);
        break;
      case 'lookup':
        if (directory(call.directory)?.entries.has(call.name) === false) found.add('NOENT');
        break;
      case 'create': {
        const there = this.#nodes.get(directory(call.directory)?.entries.get(call.name) ?? '');
        if (there !== undefined && (!call.open || there.type === FlareType.directory)) found.add('EXIST');
        break;
      }
      case 'remove':
      case 'rmdir': {
        const parent = directory(call.directory);
        if (parent === undefined) break;
        const node = this.#nodes.get(parent.entries.get(call.name) ?? '');
        if (node === undefined) found.add('NOENT');
        else if (call.kind === 'remove' && node.type === FlareType.directory) found.add('ISDIR');
        else if (call.kind === 'rmdir' && node.type !== FlareType.directory) found.add('NOTDIR');
        else if (call.kind === 'rmdir' && node.entries.size > 0) found.add('NOTEMPTY');
        break;
      }
      case 'link': {
        const node = this.#nodes.get(call.id);
        if (node === undefined) found.add('STALE');
        else if (node.type === FlareType.directory) found.add('PERM');
        if (directory(call.directory)?.entries.has(call.name) === true) found.add('EXIST');
        break;
      }
      case 'rename': {
        const [source, goal] = [directory(call.from), directory(call.to)];
        if (source === undefined || goal === undefined) break;
        const id = source.entries.get(call.fromName);
        const flare = this.#nodes.get(id ?? '');
        if (id === undefined || flare === undefined) found.add('NOENT');
        else this.#refusalsOfMove(call.to, id, flare, goal.entries.get(call.toName), found);
        break;
      }
    }
    return found;
  }

  #refusalsOfMove(to: Id, id: Id, flare: Node, replacedId: Id | undefined, found: Set<FlareStatusName>): void {
    if (replacedId === id) return;
    const replaced = this.#nodes.get(replacedId ?? '');
    const isDirectory = flare.type === FlareType.directory;
    if (isDirectory && this.#isInside(to, id)) found.add('INVAL');
    if (replaced === undefined) return;
    const wasDirectory = replaced.type === FlareType.directory;
    if (isDirectory && !wasDirectory) found.add('NOTDIR');
    if (!isDirectory && wasDirectory) found.add('ISDIR');
    if (replaced.entries.size > 0) found.add('NOTEMPTY');
  }

  #isInside(directory: Id, flare: Id): boolean {
    for (let at = directory; ; ) {
      if (at === flare) return true;
      const { parent } = this.#nodes.get(at)!;
      if (parent === at) return false;
      at = parent;
    }
  }

  /** What a call that is not refused does and shows. */
  #done(call: Call, answer: Answer | null, number: number): Model | null {
    switch (call.kind) {
      case 'getattr':
        return answer === null ? null : this.#shows(call.id, answer.shown!);
      case 'read': {
        if (answer === null) return null;
        const { blocks } = this.#nodes.get(call.id)!;
        const same =
          blocks.length === answer.blocks!.length && blocks.every((block, at) => block === answer.blocks![at]);
        return same ? this.#shows(call.id, answer.shown!) : null;
      }
      case 'write': {
        const node = this.#nodes.get(call.id)!;
        const blocks = [...node.blocks];
        while (blocks.length < call.block) blocks.push(HOLE);
        blocks[call.block] = call.token;
        return this.#with([[call.id, changed({ ...node, blocks })]]).#answered(call.id, answer);
      }
      case 'cut': {
        const node = this.#nodes.get(call.id)!;
        const blocks = node.blocks.slice(0, call.blocks);
        while (blocks.length < call.blocks) blocks.push(HOLE);
        return this.#with([[call.id, changed({ ...node, blocks })]]).#answered(call.id, answer);
      }
      case 'lookup': {
        if (answer === null) return null;
        return this.#named(call) === answer.shown!.id ? this : null;
      }
      case 'readdir':
        return answer === null ? null : this.#lists(call.directory, answer.entries!);
      case 'create':
        return this.#created(call, answer, number);
      case 'remove':
      case 'rmdir': {
        const parent = this.#nodes.get(call.directory)!;
        const id = parent.entries.get(call.name)!;
        return this.#with([this.#unnamed(id), [call.directory, changed(without(parent, call.name))]]);
      }
      case 'link': {
        const parent = this.#nodes.get(call.directory)!;
        const node = this.#nodes.get(call.id)!;
        return this.#with([
          [call.id, changed({ ...node, names: node.names + 1 })],
          [call.directory, changed(withEntry(parent, call.name, call.id))],
        ]);
      }
      case 'rename':
        return this.#renamed(call, answer);
    }
  }

  #created(call: Extract<Call, { kind: 'create' }>, answer: Answer | null, number: number): Model | null {
    const there = this.#named(call);
    // The attributes of what was there were seen at another moment.
    const shown = answer?.shown?.id;
    if (there !== undefined) return shown === there ? this : null;
    const id = shown ?? `${BORN_BLIND}${number}`;
    if (this.#nodes.has(id)) return null;
    const isDirectory = call.type === FlareType.directory;
    const born: Node = {
      type: call.type,
      names: isDirectory ? 0 : 1,
      blocks: [],
      entries: NO_ENTRIES,
      parent: call.directory,
      fileid: 0,
      version: 0,
      exact: false,
    };
    const parent = this.#nodes.get(call.directory)!;
    return this.#with([
      [id, born],
      [call.directory, changed(withEntry(parent, call.name, id))],
    ]).#answered(id, answer);
  }

  #renamed({ from, fromName, to, toName }: Extract<Call, { kind: 'rename' }>, answer: Answer | null): Model | null {
    const id = this.#nodes.get(from)!.entries.get(fromName)!;
    const replaced = this.#nodes.get(to)!.entries.get(toName);
    if (replaced === id) return answer === null ? null : this;
    const gone = replaced === undefined ? this : this.#with([this.#unnamed(replaced)]);
    const left = gone.#with([[from, changed(without(gone.#nodes.get(from)!, fromName))]]);
    const node = left.#nodes.get(id)!;
    const parent = node.type === FlareType.directory ? to : node.parent;
    return left.#with([
      [id, changed({ ...node, parent })],
      [to, changed(withEntry(left.#nodes.get(to)!, toName, id))],
    ]);
  }

  /** What a flare is when one of its names is gone. */
  #unnamed(id: Id): readonly [Id, Node | null] {
    const node = this.#nodes.get(id)!;
    return [id, node.names <= 1 ? null : changed({ ...node, names: node.names - 1 })];
  }

  #answered(id: Id, answer: Answer | null): Model | null {
    return answer === null ? this : this.#shows(id, answer.shown!);
  }

  /** The state in which the directory's names were just seen so; null when they are not so. */
  #lists(directory: Id, shown: ReadonlyMap<Name, number>): Model | null {
    const { entries } = this.#nodes.get(directory)!;
    if (entries.size !== shown.size) return null;
    const seen: [Id, Node][] = [];
    for (const [name, id] of entries) {
      const node = this.#nodes.get(id)!;
      const fileid = shown.get(name);
      if (fileid === undefined || (node.fileid !== 0 && node.fileid !== fileid)) return null;
      if (node.fileid === 0) seen.push([id, { ...node, fileid }]);
    }
    return seen.length === 0 ? this : this.#with(seen);
  }

  /** The state in which the flare was just seen so; null when it is not so. */
  #shows(id: Id, shown: Shown): Model | null {
    const node = this.#nodes.get(id)!;
    const size = node.type === FlareType.file ? node.blocks.length * BLOCK_BYTES : 0;
    if (shown.id !== id || shown.type !== node.type || shown.size !== size) return null;
    if (shown.nlink !== this.#nlink(node)) return null;
    if (node.exact ? shown.version !== node.version : shown.version <= node.version) return null;
    if (node.fileid !== 0 && shown.fileid !== node.fileid) return null;
    const { version, fileid } = shown;
    return node.exact && node.fileid !== 0 ? this : this.#with([[id, { ...node, version, fileid, exact: true }]]);
  }

  #nlink(node: Node): number {
    if (node.type !== FlareType.directory) return node.names;
    let directories = 2;
    for (const id of node.entries.values()) if (this.#nodes.get(id)!.type === FlareType.directory) directories++;
    return directories;
  }
}

function nodeText({ type, names, blocks, entries, parent, fileid, version, exact }: Node): string {
  const named = [...entries].sort().join(';');
  return `${type},${names},${blocks.join(' ')},${named},${parent},${fileid},${version}${exact ? '' : '+'}`;
}

function changed(node: Node): Node {
  return { ...node, exact: false };
}

function without(node: Node, name: Name): Node {
  const entries = new Map(node.entries);
  entries.delete(name);
  return { ...node, entries };
}

function withEntry(node: Node, name: Name, id: Id): Node {
  return { ...node, entries: new Map(node.entries).set(name, id) };
}
