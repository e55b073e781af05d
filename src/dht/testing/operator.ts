import type { Clock } from '../../base/clock.ts';
import type { Endpoint } from '../../base/net.ts';
import type { Random } from '../../base/random.ts';
import type { SimulatedHost } from '../../base/simulated/host.ts';
import { createPlainSecureNet } from '../../base/simulated/plain-secure-net.ts';
import type { SimulatedProcess } from '../../base/simulated/process.ts';
import { Link } from '../link.ts';
import { NodeClient } from '../programs/node/client.ts';
import type { Hello } from '../programs/node/hello.ts';
import { NODE_REPLY_BYTES_MAX } from '../programs/node/schema.ts';
import { indexOf } from '../projection/queries.ts';
import { PROTOCOLS } from '../protocols.ts';
import { untilDone } from '../retry.ts';
import { volcanoSelf } from '../secrets.ts';
import { quickKeyring, type VirtualRing, type VirtualVolcano } from './virtual-ring.ts';

/** The operator's host in each ring. */
const hosts = new WeakMap<VirtualRing, SimulatedHost>();
const OPERATOR = 'f'.repeat(32);

/** The way of the operator's tool to a volcano: as one that has the network's key (`quickKeyring`), and is no member. */
export async function operatorLink(of: {
  readonly process: SimulatedProcess;
  readonly clock: Clock;
  readonly random: Random;
  readonly networkId: string;
  readonly name: string;
  readonly to: Endpoint;
  readonly key?: string;
}): Promise<Link> {
  const { process, clock, random, networkId, name, to, key = 'm4gm4s3cr3t' } = of;
  const secrets = await quickKeyring(key).network(Buffer.from(networkId, 'hex'));
  const hello = (): Hello => ({
    ...{ protocols: PROTOCOLS, version: '0.1.0', networkId, id: OPERATOR, nickname: 'operator' },
    ...{ epoch: 0, clock: clock.now(), joining: true, life: 0, born: 0 },
  });
  return new Link({
    net: createPlainSecureNet(process, clock, { keyOf: () => null, self: volcanoSelf(secrets) }),
    ...{ clock, random, name, to: [to], replyBytes: NODE_REPLY_BYTES_MAX },
    async greet(caller) {
      await new NodeClient(caller, () => 0).hello(hello());
    },
  });
}

/** What the operator's tool does, by way of a volcano of a virtual ring: as one that has the network's key, from a host of its own. */
export class Operator {
  readonly #ring: VirtualRing;
  readonly #host: SimulatedHost;

  constructor(ring: VirtualRing) {
    this.#ring = ring;
    this.#host = hosts.get(ring) ?? ring.network.host('operator', ['10.9.9.9']);
    hosts.set(ring, this.#host);
  }

  /** Calls the node program of that volcano. */
  ask<T>(number: number, work: (node: NodeClient) => Promise<T>): Promise<T> {
    const volcano = this.#ring.volcanos[number]!;
    return this.askAt(volcano, volcano.up.networkId, work);
  }

  /** As `ask`, of one that runs and may not serve. */
  async askAt<T>(volcano: VirtualVolcano, networkId: string, work: (node: NodeClient) => Promise<T>): Promise<T> {
    const ring = this.#ring;
    const { seed, nickname } = volcano;
    const clock = ring.time.clock();
    const process = this.#host.process(clock);
    const link = await operatorLink({ process, clock, random: ring.random(), networkId, name: nickname, to: seed });
    const node = new NodeClient(link, () => volcano.ring?.projection().epoch ?? 0);
    try {
      return await ring.settle(work(node));
    } finally {
      await ring.settle(link.close());
      process.kill();
    }
  }

  /** Declares a volcano dead, as `magma dead` does: again while others have not taken over yet. */
  async bury(through: number, nickname: string): Promise<void> {
    const ring = this.#ring;
    const projection = ring.volcanos[through]!.up.projection();
    const { id } = projection.volcanos.find((one) => one.nickname === nickname)!;
    const pace = { clock: ring.time.clock(), random: ring.random(), patienceMs: 60_000 };
    await this.ask(through, (node) => untilDone(pace, 'dead', () => node.bury(id)));
    await ring.time.run(1000);
    if (indexOf(ring.volcanos[through]!.up.projection(), id) !== -1) throw new Error(`${nickname} is still there`);
  }

  /** Has a volcano leave, or stay, as `magma leave` does. */
  async leave(through: number, nickname: string, leaves = true): Promise<void> {
    const ring = this.#ring;
    const { id } = ring.volcanos[through]!.up.projection().volcanos.find((one) => one.nickname === nickname)!;
    const pace = { clock: ring.time.clock(), random: ring.random(), patienceMs: 60_000 };
    await this.ask(through, (node) => untilDone(pace, 'leave', () => node.leave(id, leaves)));
  }
}
