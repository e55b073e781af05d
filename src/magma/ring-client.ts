import { systemClock } from '../base/clock.ts';
import { createTlsNet } from '../base/net/tls.ts';
import type { Endpoint } from '../base/net.ts';
import { systemRandom } from '../base/random.ts';
import { systemResolver } from '../base/resolver.ts';
import { systemNet } from '../base/system-net.ts';
import { NO_KEYS } from '../dht/keys/standing.ts';
import { Link } from '../dht/link.ts';
import { NodeClient } from '../dht/programs/node/client.ts';
import type { Figures } from '../dht/programs/node/handlers.ts';
import type { Hello } from '../dht/programs/node/hello.ts';
import { NODE_REPLY_BYTES_MAX } from '../dht/programs/node/schema.ts';
import { ID_BYTES, type Member, type MemberId, type Projection } from '../dht/projection/types.ts';
import { PROTOCOLS } from '../dht/protocols.ts';
import { joinerSelf, keyringOf, type NetworkSecrets, volcanoSelf } from '../dht/secrets.ts';
import { askNetwork } from '../dht/volcano/join.ts';
import { resolveSeeds, type Seed } from '../magmad/seeds.ts';
import { VERSION } from '../magmad/version.ts';
import type { Asking } from './options.ts';

/** Nobody's: the tool has none to tell. */
const NO_FIGURES: Figures = {
  ...{ load: 0, capacityBytes: 0, freeBytes: 0, availableBytes: 0 },
  ...{ flares: 0, lagRecords: 0, uptimeSeconds: 0 },
  ...{ syncMs: 0, damaged: 0, repaired: 0, protocol: PROTOCOLS.most, keys: NO_KEYS },
};

/** The operator's tool as it talks to the volcanos of a network, as one of them. */
export class RingClient {
  readonly secrets: NetworkSecrets;
  /** The newest map that the volcano which was asked knew, or knows by `newer`. */
  projection: Projection;
  /** Its nickname. */
  readonly asked: string;
  readonly #id: string;
  readonly #links = new Map<MemberId, Link>();

  private constructor(secrets: NetworkSecrets, projection: Projection, asked: string, id: string) {
    this.secrets = secrets;
    this.projection = projection;
    this.asked = asked;
    this.#id = id;
  }

  /** Asks a volcano, under the network's key. Rejects with a text that says what is wrong. */
  static async connect(at: Seed, key: string): Promise<RingClient> {
    const keyring = keyringOf(key);
    const id = systemRandom.bytes(ID_BYTES).toString('hex');
    const seeds = await resolveSeeds([at], systemResolver);
    const parts = { clock: systemClock, random: systemRandom, seeds };
    const self = joinerSelf(await keyring.joiner());
    const net = createTlsNet(systemNet, { keyOf: () => null, self });
    const networkId = await askNetwork(net, parts, helloOf(id, null));
    const secrets = await keyring.network(Buffer.from(networkId, 'hex'));
    const link = linkTo(secrets, id, at.host, seeds);
    try {
      const node = new NodeClient(link, () => 0);
      const { nickname } = await node.hello(helloOf(id, networkId));
      const projection = await node.known();
      if (projection === null) throw new Error(`${nickname} has no map yet`);
      return new RingClient(secrets, projection, nickname, id);
    } finally {
      await link.close();
    }
  }

  /** The volcano that was asked. Throws when it is none of the network any more. */
  get member(): Member {
    const member = this.projection.volcanos.find(({ nickname }) => nickname === this.asked);
    if (member === undefined) throw new Error(`${this.asked} is no volcano of the network: ask another one (--at)`);
    return member;
  }

  /** The node program of a volcano. */
  node(member: Member): NodeClient {
    let link = this.#links.get(member.id);
    if (link === undefined) {
      const { addresses, nodePort: port, nickname } = member;
      link = linkTo(
        this.secrets,
        this.#id,
        nickname,
        addresses.map((address) => ({ address, port })),
      );
      this.#links.set(member.id, link);
    }
    return new NodeClient(link, () => this.projection.epoch);
  }

  /** Takes up what that volcano knows by now: calls are made by that map. */
  async newer(member: Member): Promise<this> {
    const known = await this.node(member).known();
    if (known !== null && known.epoch > this.projection.epoch) this.projection = known;
    return this;
  }

  /** What a volcano tells of itself. Rejects when it does not answer. */
  async figures(member: Member): Promise<Figures> {
    return (await this.node(member).load(this.#id, { figures: NO_FIGURES, usage: [], heard: [] })).figures;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#links.values()].map((link) => link.close()));
  }
}

/**
 * Asks the volcano that is to be asked, or, where nobody has said which, those that the configuration names to join by: that of this machine may be the one that is dead. `through` is who answered. Rejects with
 * what the first one said.
 */
export async function connectAny(
  { at, config, flags }: Pick<Asking, 'at' | 'config' | 'flags'>,
  key: string,
  connect: (at: Seed, key: string) => Promise<RingClient> = RingClient.connect,
): Promise<{ readonly ring: RingClient; readonly through: Seed }> {
  const errors: unknown[] = [];
  for (const through of [at, ...(flags.at === undefined ? config.join : [])]) {
    try {
      return { ring: await connect(through, key), through };
    } catch (error) {
      errors.push(error);
    }
  }
  throw errors[0];
}

function helloOf(id: string, networkId: string | null): Hello {
  const clock = systemClock.now();
  const nickname = `magma-${id.slice(0, 12)}`;
  return {
    protocols: PROTOCOLS,
    version: VERSION,
    networkId,
    id,
    nickname,
    epoch: 0,
    clock,
    joining: true,
    life: 0,
    born: 0,
  };
}

function linkTo(secrets: NetworkSecrets, id: string, name: string, to: readonly Endpoint[]): Link {
  const net = createTlsNet(systemNet, { keyOf: () => null, self: volcanoSelf(secrets) });
  const networkId = secrets.networkId.toString('hex');
  return new Link({
    ...{ net, clock: systemClock, random: systemRandom, name, to, replyBytes: NODE_REPLY_BYTES_MAX },
    async greet(caller) {
      await new NodeClient(caller, () => 0).hello(helloOf(id, networkId));
    },
  });
}
