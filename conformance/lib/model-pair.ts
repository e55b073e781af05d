import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { FlareError, FlareStatus } from '../../src/flare/errors.ts';
import { MemoryService } from '../../src/flare/testing/memory-service.ts';
import type { Attributes, Caller, FlareId, FlareType } from '../../src/flare/types.ts';
import type { Wire } from './wire.ts';
import { type Answer, type Fattr, Nfs2Wire, type Sattr, Stat } from './wire-nfs2.ts';

/** One call of a history. Flares are meant by their place in the list of those met so far, modulo its length. */
export type Step =
  | { readonly op: 'GETATTR' | 'READLINK' | 'READDIR' | 'STATFS'; readonly who: number; readonly on: number }
  | { readonly op: 'SETATTR'; readonly who: number; readonly on: number; readonly changes: Sattr }
  | { readonly op: 'LOOKUP' | 'REMOVE' | 'RMDIR'; readonly who: number; readonly on: number; readonly name: string }
  | { readonly op: 'READ'; readonly who: number; readonly on: number; readonly offset: number; readonly count: number }
  | { readonly op: 'WRITE'; readonly who: number; readonly on: number; readonly offset: number; readonly data: Buffer }
  | {
      readonly op: 'CREATE' | 'MKDIR';
      readonly who: number;
      readonly on: number;
      readonly name: string;
      readonly changes: Sattr;
    }
  | {
      readonly op: 'SYMLINK';
      readonly who: number;
      readonly on: number;
      readonly name: string;
      readonly target: string;
    }
  | { readonly op: 'LINK'; readonly who: number; readonly on: number; readonly to: number; readonly name: string }
  | {
      readonly op: 'RENAME';
      readonly who: number;
      readonly on: number;
      readonly name: string;
      readonly to: number;
      readonly toName: string;
    };

/** What model and volcano are compared by. */
interface Seen {
  readonly status: number;
  readonly flare?: object;
  readonly data?: string;
  readonly names?: readonly string[];
}

/** Who calls: root, an owner, somebody else, and a member of the owner's group. */
export const CALLERS: readonly Caller[] = [
  { uid: 0, gid: 0, gids: [] },
  { uid: 1000, gid: 1000, gids: [] },
  { uid: 1001, gid: 1001, gids: [] },
  { uid: 1002, gid: 1002, gids: [1000, 1001] },
];

const ROOT: Caller = { uid: 0, gid: 0, gids: [] };
const UNSET = 0xffffffff;
const FILE: FlareType = 1;
const DIRECTORY: FlareType = 2;

/** Type bits of `fattr.mode` and of the mode in attributes are not the same thing: only the permissions are compared. */
function ofModel(attributes: Attributes): object {
  const { type, mode, nlink, uid, gid, size } = attributes;
  return { type, mode, nlink, uid, gid, ...(type === DIRECTORY ? {} : { size }) };
}

function ofVolcano({ type, mode, nlink, uid, gid, size }: Fattr): object {
  return { type, mode: mode & 0o7777, nlink, uid, gid, ...(type === DIRECTORY ? {} : { size }) };
}

const defined = <T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as never;

/** A volcano and a model in memory that go through the same history. */
export class ModelPair {
  readonly #model = new MemoryService({ clock: systemClock, random: systemRandom, root: { mode: 0o777 } });
  readonly #ids: FlareId[];
  readonly #handles: Buffer[];
  readonly #clients: readonly Nfs2Wire[];

  private constructor(wire: Wire, root: Buffer) {
    this.#clients = CALLERS.map(({ uid, gid, gids }) => new Nfs2Wire(wire, { uid, gid, gids: [...gids] }));
    this.#ids = [this.#model.root()];
    this.#handles = [root];
  }

  /** Both start with an empty directory that everybody may write in: on the volcano one of this name. */
  static async start(wire: Wire, root: Buffer, name: string): Promise<ModelPair> {
    const asRoot = new Nfs2Wire(wire);
    const { handle } = await asRoot.ok('MKDIR', root, name, { mode: 0o777 });
    return new ModelPair(wire, handle!);
  }

  /** Goes one step on both; both answers, to be compared. */
  async step(step: Step): Promise<{ model: Seen; volcano: Seen }> {
    const on = step.on % this.#ids.length;
    const met = this.#ids.length;
    const model = this.#modelAnswers(step, on);
    const answer = await this.#volcanoAnswers(step, on);
    if (answer.status === Stat.OK && answer.handle !== undefined) this.#handles.push(answer.handle);
    // Only one of them met a flare: a difference that the comparison of the answers shows.
    this.#ids.length = Math.min(this.#ids.length, this.#handles.length);
    this.#handles.length = this.#ids.length;
    if (this.#ids.length > met) this.#known(met);
    return { model, volcano: this.#seen(step, answer) };
  }

  /** A flare that was met before has the handle that it had: one entry in both lists. */
  #known(last: number): void {
    const { key, generation } = this.#ids[last]!;
    const before = this.#ids.findIndex((id) => id.key === key && id.generation === generation);
    if (before === last) return;
    if (!this.#handles[before]!.equals(this.#handles[last]!)) throw new Error('the same flare has two handles');
    this.#ids.pop();
    this.#handles.pop();
  }

  #modelAnswers(step: Step, on: number): Seen {
    const caller = CALLERS[step.who]!;
    const id = this.#ids[on]!;
    const meets = (attributes: Attributes): Seen => {
      this.#ids.push({ key: attributes.key, generation: attributes.generation });
      return { status: 0, flare: ofModel(attributes) };
    };
    const model = this.#model;
    try {
      // A handle is looked at before all else that a call carries.
      model.getattr(id);
      if ('to' in step) model.getattr(this.#ids[step.to % this.#ids.length]!);
      switch (step.op) {
        case 'GETATTR':
          return { status: 0, flare: ofModel(model.getattr(id)) };
        case 'SETATTR':
          return { status: 0, flare: ofModel(model.setattr(caller, id, defined(step.changes))) };
        case 'LOOKUP':
          return meets(model.lookup(caller, id, step.name));
        case 'READLINK':
          return { status: 0, data: model.readlink(caller, id).toString('latin1') };
        case 'READ': {
          // RFC 1094 knows no other refusal of what is no file (FIELD row 14).
          if (model.getattr(id).type !== FILE) return { status: Stat.ISDIR };
          const { data, attributes } = model.read(caller, id, step.offset, step.count);
          return { status: 0, flare: ofModel(attributes), data: data.toString('latin1') };
        }
        case 'WRITE':
          return { status: 0, flare: ofModel(model.write(caller, id, step.offset, step.data)) };
        case 'CREATE': {
          const { mode = 0o666, ...rest } = step.changes;
          const birth = { ...defined(rest), type: FILE, mode };
          const found = model.create(caller, id, step.name, birth, { existing: 'open' });
          return found.type === FILE ? meets(found) : { status: Stat.EXIST };
        }
        case 'MKDIR':
          return meets(model.create(caller, id, step.name, { type: DIRECTORY, mode: step.changes.mode ?? 0o777 }));
        case 'SYMLINK':
          model.create(caller, id, step.name, { type: 5, mode: 0o777, target: Buffer.from(step.target, 'latin1') });
          return { status: 0 };
        case 'REMOVE':
          model.remove(caller, id, step.name);
          return { status: 0 };
        case 'RMDIR':
          model.rmdir(caller, id, step.name);
          return { status: 0 };
        case 'LINK':
          model.link(caller, id, this.#ids[step.to % this.#ids.length]!, step.name);
          return { status: 0 };
        case 'RENAME':
          model.rename(caller, id, step.name, this.#ids[step.to % this.#ids.length]!, step.toName);
          return { status: 0 };
        case 'READDIR': {
          const { entries } = model.readdir(caller, id, 0, 1000);
          return { status: 0, names: entries.map(({ name }) => name).sort() };
        }
        case 'STATFS':
          return { status: 0 };
      }
    } catch (error) {
      if (error instanceof FlareError) return { status: FlareStatus[error.status] };
      throw error;
    }
  }

  #volcanoAnswers(step: Step, on: number): Promise<Answer> {
    const client = this.#clients[step.who]!;
    const handle = this.#handles[on]!;
    const other = (to: number): Buffer => this.#handles[to % this.#handles.length]!;
    switch (step.op) {
      case 'GETATTR':
      case 'READLINK':
      case 'STATFS':
        return client.call(step.op, handle);
      case 'READDIR':
        return client.call('READDIR', handle, 0, 8192);
      case 'SETATTR':
        return client.call('SETATTR', handle, step.changes);
      case 'LOOKUP':
      case 'REMOVE':
      case 'RMDIR':
        return client.call(step.op, handle, step.name);
      case 'READ':
        return client.call('READ', handle, step.offset, step.count);
      case 'WRITE':
        return client.call('WRITE', handle, step.offset, step.data);
      case 'CREATE':
        return client.call('CREATE', handle, step.name, { mode: 0o666, ...step.changes });
      case 'MKDIR':
        return client.call('MKDIR', handle, step.name, { mode: 0o777, ...step.changes });
      case 'SYMLINK':
        return client.call('SYMLINK', handle, step.name, step.target);
      case 'LINK':
        return client.call('LINK', handle, other(step.to), step.name);
      case 'RENAME':
        return client.call('RENAME', handle, step.name, other(step.to), step.toName);
    }
  }

  #seen(step: Step, answer: Answer): Seen {
    if (answer.status !== Stat.OK) return { status: answer.status };
    const names = answer.entries?.map(({ name }) => name).filter((name) => name !== '.' && name !== '..');
    return {
      status: 0,
      ...(answer.attributes === undefined ? {} : { flare: ofVolcano(answer.attributes) }),
      ...(answer.data === undefined ? {} : { data: answer.data.toString('latin1') }),
      ...(names === undefined || step.op !== 'READDIR' ? {} : { names: names.sort() }),
    };
  }

  /** Compares everything that the model holds with the volcano, as root; the first difference, or undefined. */
  async difference(): Promise<string | undefined> {
    const asRoot = this.#clients[0]!;
    const open: { id: FlareId; handle: Buffer; path: string }[] = [
      { id: this.#model.root(), handle: this.#handles[0]!, path: '' },
    ];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const { id, handle, path } = next;
      const entries = this.#model.readdir(ROOT, id, 0, UNSET).entries;
      const listed = await asRoot.list(handle);
      if (listed.size !== entries.length + 2)
        return `${path}/: ${[...listed.keys()]} and not ${entries.map((e) => e.name)}`;
      for (const entry of entries) {
        const child = `${path}/${entry.name}`;
        const wanted = this.#model.lookup(ROOT, id, entry.name);
        const found = await asRoot.call('LOOKUP', handle, entry.name);
        if (found.status !== Stat.OK) return `${child}: LOOKUP ${found.status}`;
        const [one, other] = [JSON.stringify(ofModel(wanted)), JSON.stringify(ofVolcano(found.attributes!))];
        if (one !== other) return `${child}: ${other} and not ${one}`;
        if (wanted.type === DIRECTORY) open.push({ id: wanted, handle: found.handle!, path: child });
      }
    }
    return undefined;
  }
}
