import t from 'tap';
import { silentLogger } from '../../base/logger.ts';
import { VirtualTime } from '../../base/virtual-clock.ts';
import type { AccountUsage } from '../../flare/store/usage.ts';
import type { Peers } from '../peers.ts';
import type { Loads } from '../programs/node/handlers.ts';
import { HEARD_MAX, USAGE_MAX } from '../programs/node/procedures/figures.ts';
import type { MemberId, Projection } from '../projection/types.ts';
import { alone, member } from '../testing/members.ts';
import { distances, LOAD_MS, LOAD_PEERS, NetworkFigures } from './figures.ts';
import type { RingMap } from './ring-map.ts';

/* What volcanos tell each other of themselves: nobody asks all others, and still everybody knows of all. */

function mapOf(volcanos: number): Projection {
  const all = Array.from({ length: volcanos }, (_, at) => ({ ...member(at), state: 'serving' as const }));
  const projection = alone();
  const map = projection.map.map((one, slice) => ({ ...one, primary: slice % volcanos }));
  return { ...projection, volcanos: all, map };
}

/** A network of figures alone: each with 1000 bytes and its number of flares. */
class Network {
  readonly time = new VirtualTime();
  readonly all: NetworkFigures[] = [];
  /** Whom each has asked. */
  readonly asked: Set<MemberId>[] = [];
  readonly map: { projection: Projection };
  most = 0;
  /** What each says of accounts with a limit. */
  readonly usage: AccountUsage[][] = [];
  readonly warned: string[] = [];

  constructor(volcanos: number) {
    this.map = { projection: mapOf(volcanos) };
    for (let at = 0; at < volcanos; at++) {
      const asked = new Set<MemberId>();
      const load = (id: MemberId) => async (sender: MemberId, loads: Loads) => {
        asked.add(id);
        this.most = Math.max(this.most, loads.heard.length);
        const other = this.all[Number.parseInt(id, 16)]!;
        other.told(sender, loads);
        return other.tells();
      };
      const peers = { peer: (id: MemberId) => ({ node: { load: load(id) } }) } as unknown as Peers;
      const figures = new NetworkFigures({
        ...{ self: member(at).id, clock: this.time.clock(), peers, map: this.map as RingMap },
        load: () => at,
        space: () => ({ totalBytes: 1000, freeBytes: 500, availableBytes: 400, flares: at }),
        lag: () => 0,
        disk: () => ({ syncMs: 1, damaged: 0, repaired: 0 }),
        usage: () => this.usage[at] ?? [],
        logger: { ...silentLogger, warn: (_fields: object, message: string) => void this.warned.push(message) },
      });
      this.asked.push(asked);
      this.all.push(figures);
    }
  }

  async rounds(count: number): Promise<void> {
    await this.time.run(count * LOAD_MS);
  }

  /** How many are known of, by the one who knows of the fewest. */
  fewest(): number {
    return Math.min(
      ...this.all.map((one) => this.map.projection.volcanos.filter(({ id }) => one.of(id) !== null).length),
    );
  }
}

t.test('in a network of few each tells all others, and knows of all at once', async (t) => {
  for (const volcanos of [2, 3, LOAD_PEERS + 1]) {
    const network = new Network(volcanos);
    for (const one of network.all) one.start();
    await network.rounds(0.5);
    t.equal(network.fewest(), volcanos);
    t.equal(network.most, 0, 'and passes nothing on');
    for (const asked of network.asked) t.equal(asked.size, volcanos - 1);
  }
});

t.test('in a large network each asks a few, and all know of all after some rounds', async (t) => {
  const volcanos = 250;
  const network = new Network(volcanos);
  for (const one of network.all) one.start();
  await network.rounds(8);
  t.equal(network.fewest(), volcanos);
  t.equal(network.most, HEARD_MAX);
  for (const asked of network.asked) t.equal(asked.size, distances(volcanos).length);
  t.ok(distances(volcanos).length <= LOAD_PEERS);
  const { flares, totalBytes } = network.all[123]!.statfs();
  t.equal(totalBytes, (1000 * volcanos) / 2, 'with two copies of everything there is half of the room');
  t.equal(flares, Math.floor((volcanos * (volcanos - 1)) / 4));
});

t.test('what is heard is taken when it is newer, and only of members', async (t) => {
  const network = new Network(3);
  const [one] = network.all;
  const figures = network.all[1]!.own();
  const tell = (id: MemberId, ageMs: number, load: number): void =>
    one!.told(member(1).id, {
      figures,
      usage: [],
      heard: [{ id, ageMs, usage: [{ share: 1, uid: 7, bytes: load, files: 1 }], figures: { ...figures, load } }],
    });
  const of = (id: MemberId): number | undefined => one!.of(id)?.load;
  await network.time.run(10_000);
  tell(member(2).id, 3000, 30);
  t.equal(of(member(2).id), 30);
  tell(member(2).id, 4000, 40);
  t.equal(of(member(2).id), 30, 'what is older is not');
  tell(member(2).id, 2000, 20);
  t.equal(of(member(2).id), 20);
  tell(member(9).id, 0, 9);
  t.equal(of(member(9).id), undefined);
  tell(member(0).id, 0, 99);
  t.equal(of(member(0).id), 0, 'nobody else says what this volcano does');
});

t.test(
  'What accounts have elsewhere is the sum of what each said last, without waiting; who is no member counts no more',
  async (t) => {
    const network = new Network(3);
    const account = { share: 1, uid: 1000 };
    for (const [at, bytes] of [10, 20, 30].entries()) network.usage[at] = [{ ...account, bytes, files: 1 }];
    const [one] = network.all;
    t.same(one!.usageElsewhere(1, 1000), { bytes: 0, files: 0 }, 'nothing is known yet');
    for (const each of network.all) each.start();
    await network.rounds(0.5);
    t.same(one!.usageElsewhere(1, 1000), { bytes: 50, files: 2 }, 'the own is not in it');
    t.same(one!.usageElsewhere(2, 1000), { bytes: 0, files: 0 });
    network.usage[1] = [];
    t.same(one!.usageElsewhere(1, 1000), { bytes: 50, files: 2 }, 'until it is told again');
    await network.rounds(1);
    t.same(one!.usageElsewhere(1, 1000), { bytes: 30, files: 1 });
    const { map, ...projection } = network.map.projection;
    const others = map.map((one) => ({ ...one, primary: one.primary % 2 }));
    network.map.projection = { ...projection, epoch: projection.epoch + 1, map: others };
    t.same(one!.usageElsewhere(1, 1000), { bytes: 0, files: 0 }, 'others serve what it served, and count it');
    network.map.projection = { ...projection, map };
    t.same(one!.usageElsewhere(1, 1000), { bytes: 30, files: 1 });
    network.map.projection = {
      ...network.map.projection,
      epoch: 2,
      volcanos: network.map.projection.volcanos.slice(0, 2),
    };
    await network.rounds(1);
    t.same(one!.usageElsewhere(1, 1000), { bytes: 0, files: 0 }, 'when the map has left it out');
  },
);

t.test(
  'In a large network usage comes to all; what is told is bounded, the largest first, and more is logged once',
  async (t) => {
    const network = new Network(20);
    network.usage[0] = Array.from({ length: USAGE_MAX + 1 }, (_, at) => ({
      share: 1,
      uid: at + 1,
      bytes: at,
      files: 1,
    }));
    for (const each of network.all) each.start();
    await network.rounds(6);
    for (const each of network.all.slice(1)) {
      t.same(each.usageElsewhere(1, USAGE_MAX + 1), { bytes: USAGE_MAX, files: 1 });
      t.same(each.usageElsewhere(1, 1), { bytes: 0, files: 0 }, 'the smallest');
    }
    t.match(network.warned, [/more users have quotas/]);
    t.equal(network.warned.length, 1);
  },
);
