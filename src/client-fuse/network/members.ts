import type { Endpoint } from '../../base/net.ts';
import { RetryError } from '../../dht/owners.ts';
import {
  RemoteService,
  type RemoteServiceOptions,
  readProjection,
  readRoot,
} from '../../dht/programs/flare/remote-service.ts';
import type { RpcCaller } from '../../dht/programs/result.ts';
import { ownerOfKey, takenFrom } from '../../dht/projection/queries.ts';
import { type Member, type MemberId, type Projection, ProjectionError } from '../../dht/projection/types.ts';
import { PROTOCOLS, unfitFor } from '../../dht/protocols.ts';
import type { FlareService } from '../../flare/service.ts';
import type { FlareId, Key } from '../../flare/types.ts';

/** A connection to the flare program of a volcano, which comes back by itself. */
export interface MemberLink extends RpcCaller {
  close(): Promise<void>;
}

/** Makes such a connection; `to` are tried in their order, `name` is for people. */
export type LinkMaker = (name: string, to: readonly Endpoint[]) => MemberLink;

interface Reached {
  readonly member: Member;
  readonly link: MemberLink;
  readonly service: RemoteService;
}

/** A volcano that was named when it was mounted. */
interface Seed {
  readonly name: string;
  readonly link: MemberLink;
}

/** The volcanos of a network as a client reaches them: by the newest map that it has heard of. */
export class Members {
  readonly #connect: LinkMaker;
  readonly #seeds: readonly Seed[];
  readonly #endpoints: readonly Endpoint[];
  readonly #reached = new Map<MemberId, Reached>();
  #projection: Projection;
  #learning: Promise<void> | null = null;
  #tried = 0;
  readonly root: FlareId;

  private constructor(connect: LinkMaker, endpoints: readonly Endpoint[], seeds: readonly Seed[], found: Found) {
    this.#connect = connect;
    this.#endpoints = endpoints;
    this.#seeds = seeds;
    this.#projection = found.projection;
    this.root = found.root;
  }

  /** Asks the volcanos that are named, in their order, for the map. Rejects with the last one's error when none tells it. */
  static async open(connect: LinkMaker, seeds: readonly Endpoint[]): Promise<Members> {
    const links = seeds.map((to) => {
      const name = `${to.address} port ${to.port}`;
      return { name, link: connect(name, [to]) };
    });
    try {
      return new Members(connect, seeds, links, await first(links));
    } catch (error) {
      await Promise.all(links.map(({ link }) => link.close()));
      throw error;
    }
  }

  /** The newest map that is known. */
  get projection(): Projection {
    return this.#projection;
  }

  /** The owner of a key. */
  ownerOf(key: Key): FlareService {
    return this.#reach(ownerOfKey(this.#projection, key)).service;
  }

  /** Any volcano, for what all can answer; another one with each try. */
  any(tries: number): FlareService {
    const { volcanos } = this.#projection;
    return this.#reach(volcanos[tries % volcanos.length]!).service;
  }

  /** Reads a newer map, if there is one, from whoever answers: those who serve, then those that were named. Never rejects. */
  learn(): Promise<void> {
    this.#learning ??= this.#learn().finally(() => {
      this.#learning = null;
    });
    return this.#learning;
  }

  async close(): Promise<void> {
    const links = [...[...this.#reached.values()].map(({ link }) => link), ...this.#seeds.map(({ link }) => link)];
    await Promise.all(links.map((link) => link.close()));
  }

  /** Who does not answer is not waited for when somebody else has; what others tell later is taken, too. */
  async #learn(): Promise<void> {
    const { epoch, volcanos } = this.#projection;
    const links = [...[...this.#reached.values()].map(({ link }) => link), ...this.#seeds.map(({ link }) => link)];
    // Those that are known may all be the one that is gone: another one is made known with each try.
    this.#tried += 1;
    links.push(this.#reach(volcanos[this.#tried % volcanos.length]!).link);
    const told = Promise.withResolvers<void>();
    const asked = [...new Set(links)].map(async (link) => {
      const found = await readProjection(link, epoch);
      if (found !== null && found.epoch > this.#projection.epoch) this.#take(found);
      told.resolve();
    });
    await Promise.race([told.promise, Promise.allSettled(asked)]);
  }

  /** Calls that wait for who has been taken over from are waited for no longer. */
  #take(found: Projection): void {
    const gone = takenFrom(this.#projection, found);
    this.#projection = found;
    for (const id of gone) {
      void this.#reached.get(id)?.link.close();
      this.#reached.delete(id);
    }
  }

  #reach(member: Member): Reached {
    const known = this.#reached.get(member.id);
    if (known !== undefined && sameWay(known.member, member)) return known;
    if (known !== undefined) void known.link.close();
    const own = member.addresses.map((address) => ({ address, port: member.flarePort }));
    // A volcano that is alone is where it was found, whatever addresses it knows of itself.
    const to = this.#projection.volcanos.length === 1 ? [...this.#endpoints, ...own] : own;
    const link = this.#connect(member.nickname, to);
    const options: RemoteServiceOptions = {
      caller: link,
      root: this.root,
      epoch: () => this.#projection.epoch,
    };
    const reached = { member, link, service: new RemoteService(options) };
    this.#reached.set(member.id, reached);
    return reached;
  }
}

interface Found {
  readonly projection: Projection;
  readonly root: FlareId;
}

/** Throws `ProjectionError` when the network is at a protocol that this program does not speak. */
function checkProtocol({ protocol }: Projection): void {
  const unfit = unfitFor(protocol, 'this program', PROTOCOLS);
  if (unfit !== null) throw new ProjectionError(unfit);
}

async function first(seeds: readonly Seed[]): Promise<Found> {
  let last: unknown = new Error('no volcano was named');
  for (const { name, link } of seeds) {
    try {
      const projection = await readProjection(link, 0);
      if (projection === null) throw new RetryError(`${name} has no map yet`);
      checkProtocol(projection);
      return { projection, root: await readRoot(link, projection.epoch) };
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

function sameWay(one: Member, other: Member): boolean {
  return one.flarePort === other.flarePort && one.addresses.join() === other.addresses.join();
}
