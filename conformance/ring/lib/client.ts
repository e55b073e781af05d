import type { Random } from '../../../src/base/random.ts';
import { FlareError, UnavailableError } from '../../../src/flare/errors.ts';
import { keyFromText } from '../../../src/flare/keys.ts';
import type { FlareService } from '../../../src/flare/service.ts';
import { type Birth, type Caller, type FlareId, FlareType } from '../../../src/flare/types.ts';
import { type Answer, BLOCK_BYTES, type Call, type Event, type History, type Id, shownOf } from './history.ts';
import { HOLE } from './model.ts';
import type { World } from './world.ts';

const WHO: Caller = { uid: 0, gid: 0, gids: [] };
/** The first wait for an answer is up to twice this, in milliseconds; each further one is twice as long, up to 8 times. */
const RETRANSMIT_MS = 600;
/** Blocks of the longest file. */
export const BLOCKS_MAX = 4;
/** Entries that a listing is asked for: all. */
const LIST_MAX = 1000;

function flareOf(id: Id): FlareId {
  const [key = '', generation] = id.split(' ');
  return { key: keyFromText(key)!, generation: Number(generation) };
}

function tokenBytes(token: string): Buffer {
  return Buffer.from(token.padEnd(BLOCK_BYTES, '.'), 'latin1');
}

function blocksOf(data: Buffer): string[] {
  const blocks: string[] = [];
  for (let at = 0; at < data.length; at += BLOCK_BYTES) {
    const text = data.toString('latin1', at, at + BLOCK_BYTES);
    blocks.push(/^\0*$/.test(text) ? HOLE : text.replace(/\.+$/, ''));
  }
  return blocks;
}

const BIRTHS: { readonly [type: number]: Birth } = {
  [FlareType.file]: { type: FlareType.file, mode: 0o644 },
  [FlareType.directory]: { type: FlareType.directory, mode: 0o755 },
  [FlareType.symlink]: { type: FlareType.symlink, mode: 0o777, target: Buffer.from('to') },
};

/** Makes the call. */
async function make(service: FlareService, who: Caller, call: Call): Promise<Answer> {
  switch (call.kind) {
    case 'getattr':
      return { shown: shownOf(await service.getattr(flareOf(call.id))) };
    case 'read': {
      const { data, attributes } = await service.read(who, flareOf(call.id), 0, BLOCKS_MAX * BLOCK_BYTES * 2);
      return { blocks: blocksOf(data), shown: shownOf(attributes) };
    }
    case 'write': {
      const offset = call.block * BLOCK_BYTES;
      return { shown: shownOf(await service.write(who, flareOf(call.id), offset, tokenBytes(call.token))) };
    }
    case 'cut':
      return { shown: shownOf(await service.setattr(who, flareOf(call.id), { size: call.blocks * BLOCK_BYTES })) };
    case 'lookup':
      return { shown: shownOf(await service.lookup(who, flareOf(call.directory), call.name)) };
    case 'readdir': {
      const { entries } = await service.readdir(who, flareOf(call.directory), 0, LIST_MAX);
      return { entries: new Map(entries.map(({ name, fileid }) => [name, fileid])) };
    }
    case 'create': {
      const options = { existing: call.open ? 'open' : 'refuse' } as const;
      const born = await service.create(who, flareOf(call.directory), call.name, BIRTHS[call.type]!, options);
      return { shown: shownOf(born) };
    }
    case 'remove':
      await service.remove(who, flareOf(call.directory), call.name);
      return {};
    case 'rmdir':
      await service.rmdir(who, flareOf(call.directory), call.name);
      return {};
    case 'rename':
      await service.rename(who, flareOf(call.from), call.fromName, flareOf(call.to), call.toName);
      return {};
    case 'link':
      await service.link(who, flareOf(call.id), flareOf(call.directory), call.name);
      return {};
  }
}

async function refusalOrAnswer(asking: Promise<Answer>): Promise<Answer> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof FlareError) return { refused: error.status };
    throw error;
  }
}

const READS = new Set(['getattr', 'read', 'lookup', 'readdir']);

/** A client that asks as NFS clients do: one call at a time, asked again, with the same identity, until it is answered, maybe of another volcano. */
export class Client {
  readonly name: string;
  readonly #world: World;
  readonly #history: History;
  readonly #random: Random;
  #calls = 0;
  /** A client that has gone asks nothing any more; what it has asked goes on. */
  gone = false;

  constructor(name: string, world: World, history: History, random: Random) {
    this.name = name;
    this.#world = world;
    this.#history = history;
    this.#random = random;
  }

  /** The answer; null when the client has gone before it came. Errors that no client is to see go to the world's faults. */
  async call(call: Call): Promise<Answer | null> {
    const identity = READS.has(call.kind) ? null : `${this.name} ${this.#calls++}`;
    const who = identity === null ? WHO : { ...WHO, replay: identity };
    const event = this.#history.invoke(this.name, call);
    const answer = await this.#untilAnswered(event, identity, (service) => make(service, who, call));
    if (answer === null) return null;
    // Nobody knows what became of a call that was answered so (`World` looks at whether it may have been).
    if (answer.refused !== 'IO') this.#record(event, answer);
    return answer;
  }

  #gateway(): number {
    const gateways = this.#world.gateways();
    return gateways[this.#random.below(gateways.length)]!;
  }

  #record(event: Event, answer: Answer): void {
    this.#history.answer(event, answer);
    // What a name means and what its flare is like are two looks when they have two owners.
    const { shown } = answer;
    if (event.call.kind === 'lookup' && shown !== undefined) {
      this.#history.within(event, { kind: 'getattr', id: shown.id }, { shown });
    }
  }

  #untilAnswered(
    event: Event,
    identity: string | null,
    run: (service: FlareService) => Promise<Answer>,
  ): Promise<Answer | null> {
    const { promise, resolve } = Promise.withResolvers<Answer | null>();
    let settled = false;
    let at = this.#gateway();
    const ask = (tries: number): void => {
      if (settled) return;
      if (this.gone) {
        settled = true;
        resolve(null);
        return;
      }
      if (tries > 0 || this.#world.network.doubled > 0) event.copies = true;
      if (tries > 0 && this.#random.below(2) === 0) at = this.#gateway();
      const most = RETRANSMIT_MS * 2 ** Math.min(tries, 3);
      this.#world.time.after((most + this.#random.below(most)) * 1000, () => ask(tries + 1));
      refusalOrAnswer(this.#world.ask(at, identity, run)).then(
        (answer) => {
          if (settled) return;
          settled = true;
          resolve(this.gone ? null : answer);
        },
        (error: unknown) => {
          if (error instanceof UnavailableError) return;
          this.#world.faults.push(`a client saw ${error instanceof Error ? error.stack : String(error)}`);
        },
      );
    };
    ask(0);
    return promise;
  }

  /** Resolves after up to that many milliseconds. */
  pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      this.#world.time.after(this.#random.below(Math.max(1, milliseconds * 1000)), resolve);
    });
  }
}
