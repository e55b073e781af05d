import type { Random } from '../../../src/base/random.ts';
import type { SimulatedHost } from '../../../src/base/simulated/host.ts';
import type { SimulatedNetwork } from '../../../src/base/simulated/network.ts';
import type { VirtualTime } from '../../../src/base/virtual-clock.ts';
import { NodeClient } from '../../../src/dht/programs/node/client.ts';
import type { Standing } from '../../../src/dht/programs/node/handlers.ts';
import { DeniedError } from '../../../src/dht/programs/result.ts';
import { informed, mayMove, movedRegister, nextGeneration } from '../../../src/dht/projection/generation.ts';
import { memberOf } from '../../../src/dht/projection/queries.ts';
import type { Member, MemberId, Projection } from '../../../src/dht/projection/types.ts';
import { operatorLink } from '../../../src/dht/testing/operator.ts';

/** How long the operator waits for an answer, in milliseconds: who is asked may have called the keeper in vain before. */
const PATIENCE_MS = 10_000;
/** Who has begun a takeover and breaks it off does so before one of so many steps. */
const BROKEN_OFF = 6;

/** What came of a takeover. */
export type TakenOver = 'moved' | 'not needed' | 'too few' | 'broken off';

/** The operator with `magma takeover`, on a host of the simulated network. */
export class SimulatedOperator {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #host: SimulatedHost;

  constructor(time: VirtualTime, net: SimulatedNetwork, random: Random) {
    this.#time = time;
    this.#random = random;
    this.#host = net.host('operator', ['10.9.9.9']);
  }

  /** Moves the register, if that is needed and enough are there. `newest`: the newest map that there is; `breaksOff`: perhaps not to the end. */
  async takeOver(newest: () => Projection, breaksOff: boolean): Promise<TakenOver> {
    const known = newest();
    let map = known;
    const living = new Map<MemberId, Standing>();
    const look = async (member: Member): Promise<void> => {
      const standing = await this.#ask(known, member, (node) => node.standing()).catch(() => null);
      if (standing === null) return;
      living.set(member.id, standing);
      const newest = await this.#ask(known, member, (node) => node.known()).catch(() => null);
      if (newest !== null && newest.epoch > map.epoch) map = newest;
    };
    await Promise.all(known.volcanos.map(look));
    // The keeper went on alone, by maps that nobody who is there has read: it is waited for (docs/ring-failover.md, "Nothing is lost when the old keeper was off").
    if (Math.max(0, ...[...living.values()].map(({ epoch }) => epoch)) < known.epoch) return 'too few';
    const to = this.#candidate(map, living);
    if (typeof to === 'string') return to;
    if (!mayMove(map, informed(living), to.id)) return 'too few';
    try {
      await this.#move(map, living, to, newest, breaksOff);
      return 'moved';
    } catch {
      return 'broken off';
    }
  }

  /** Has that volcano leave, or stay after all, by way of any that answers; harmless when it cannot be. */
  async leave(known: Projection, id: MemberId, leaves: boolean): Promise<void> {
    for (const member of known.volcanos) {
      const told = await this.#ask(known, member, (node) => node.leave(id, leaves)).then(
        () => true,
        (error: unknown) => error instanceof DeniedError,
      );
      if (told) return;
    }
  }

  #candidate(map: Projection, living: ReadonlyMap<MemberId, Standing>): Member | 'not needed' | 'too few' {
    const keeper = memberOf(map, map.arbiter ?? '');
    if (keeper === null) return 'not needed';
    const standing = living.get(keeper.id);
    const begun = [...living.values()].some(({ promised }) => promised > 0);
    if (standing !== undefined) return standing.reaches && !begun ? 'not needed' : keeper;
    if (!begun && [...living.values()].some(({ reaches }) => reaches)) return 'not needed';
    const agreeing = informed(living);
    const able = map.volcanos.filter(({ id, state }) => agreeing.includes(id) && state === 'serving');
    return able.length === 0 ? 'too few' : able[this.#random.below(able.length)]!;
  }

  async #move(
    map: Projection,
    living: ReadonlyMap<MemberId, Standing>,
    to: Member,
    newest: () => Projection,
    breaksOff: boolean,
  ): Promise<void> {
    const heard = [...living.values()].flatMap(({ heard, promised }) => [heard, promised]);
    const epoch = nextGeneration(Math.max(map.epoch, ...heard), this.#random);
    const step = (): void => {
      if (breaksOff && this.#random.below(BROKEN_OFF) === 0) throw new Error('broken off');
    };
    let found: Projection | null = null;
    for (const id of [to.id, ...informed(living).filter((one) => one !== to.id)]) {
      step();
      const known = await this.#ask(map, memberOf(map, id)!, (node) => node.promise(epoch, to.id));
      if (found === null || known.epoch > found.epoch) found = known;
    }
    step();
    if (found!.epoch < map.epoch) throw new Error('who knew the newest map is gone');
    // It was to be off, and has started again meanwhile.
    if (found!.epoch < newest().epoch) throw new Error('the keeper goes on alone');
    await this.#ask(map, to, (node) => node.crown(movedRegister(found!, to.id, epoch)));
  }

  async #ask<T>({ networkId, epoch }: Projection, member: Member, work: (node: NodeClient) => Promise<T>): Promise<T> {
    const clock = this.#time.clock();
    const process = this.#host.process(clock);
    const { nickname: name, addresses, nodePort: port } = member;
    const to = { address: addresses[0]!, port };
    const link = await operatorLink({ process, clock, random: this.#random, networkId, name, to });
    const late = new Promise<never>((_, reject) => {
      clock.after(PATIENCE_MS, () => reject(new Error('no answer')));
    });
    try {
      return await Promise.race([work(new NodeClient(link, () => epoch)), late]);
    } finally {
      void link.close().catch(() => {});
      process.kill();
    }
  }
}
