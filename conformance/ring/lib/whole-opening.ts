import { type Logger, silentLogger } from '../../../src/base/logger.ts';
import type { Random } from '../../../src/base/random.ts';
import type { VirtualTime } from '../../../src/base/virtual-clock.ts';
import type { BalanceOptions } from '../../../src/dht/balance/balancer.ts';
import type { MoveNote } from '../../../src/dht/balance/moves.ts';
import { Failover, type FailoverParts } from '../../../src/dht/failover/failover.ts';
import type { Peers } from '../../../src/dht/peers.ts';
import { indexOf } from '../../../src/dht/projection/queries.ts';
import { SharedProjectionStore } from '../../../src/dht/projection/shared-store.ts';
import type { MemberId } from '../../../src/dht/projection/types.ts';
import { Mirroring } from '../../../src/dht/replication/mirroring.ts';
import type { MirrorNode } from '../../../src/dht/replication/types.ts';
import { NODE_PORT, usualOptions } from '../../../src/dht/testing/virtual-ring.ts';
import type { RingOptions } from '../../../src/dht/volcano/options.ts';
import type { Replication, ReplicationParts } from '../../../src/dht/volcano/replication.ts';
import { openRing, type Ring } from '../../../src/dht/volcano.ts';
import { inlineIndexHost } from '../../../src/flare/index/inline-host.ts';
import { recordHead } from '../../../src/flare/record/head.ts';
import type { StoreLimits } from '../../../src/flare/store/limits.ts';
import { openStore } from '../../../src/flare/store/open.ts';
import type { SharedRegister } from './shared-register.ts';
import type { WholeCounts } from './whole-counts.ts';
import type { Life, Volcano, WholeBreaks } from './whole-life.ts';
import type { WholeMap } from './whole-map.ts';
import type { Chance, MessageKind, MessageStage } from './world.ts';

/** Volcanos that a newcomer is told to join through, at most: the first ones. */
const SEEDS_MAX = 8;

/** What whole volcanos are started with. */
export interface OpeningParts {
  readonly time: VirtualTime;
  readonly chance: Chance;
  readonly breaks: WholeBreaks;
  readonly limits: Partial<StoreLimits>;
  readonly replicas: number;
  readonly failoverMs: number;
  /** Where the maps lie; null: with a volcano. */
  readonly register: SharedRegister | null;
  readonly volcanos: readonly Volcano[];
  readonly map: WholeMap;
  readonly counts: WholeCounts;
  readonly faults: string[];
  readonly warnings: string[];
  /** False when the volcano is dead, or dies at this moment. */
  readonly moment: (life: Life, kind: MessageKind, stage: MessageStage, by?: number) => boolean;
  /** It is told that it is none of the network any more. */
  readonly departed: (at: number) => void;
}

/** Starts whole volcanos: real ones, but that each step between their parts is seen, may be their last, and may be broken by a mutation. */
export class Opening {
  readonly #parts: OpeningParts;

  constructor(parts: OpeningParts) {
    this.#parts = parts;
  }

  /** It may well tell of something that is wrong. */
  #isExcused({ at, failed, short }: Life, message: string): boolean {
    const { rotten, unsynced } = this.#parts.volcanos[at]!;
    // Records that a mirror has, and its primary had not synced, may be in the mirror's log no more when the primary is back.
    return failed || short || rotten.length > 0 || (unsynced && message.startsWith('this volcano lacks records'));
  }

  #logger(life: Life): Logger {
    const { warnings, faults } = this.#parts;
    const text = (fields: object, message: string): string => {
      const { err, ...rest } = fields as { err?: unknown };
      const why = err === undefined ? '' : `: ${err instanceof Error ? err.stack : err}`;
      return `volcano ${life.at} logged: ${message} ${JSON.stringify(rest)}${why}`;
    };
    const into = (list: string[]) => (fields: object, message: string) => {
      if (life.alive)
        (this.#isExcused(life, message) ? warnings : list).push(`${this.#parts.time.now} µs: ${text(fields, message)}`);
    };
    const keep = into(faults);
    const warn = into(warnings);
    const debug = process.env.MAGMA_DEBUG ? warn : silentLogger.debug;
    return { ...silentLogger, error: keep, fatal: keep, warn, debug, child: () => this.#logger(life) };
  }

  /** Starts a volcano as `openRing` does, with parts of which each step is seen. */
  open(life: Life): Promise<Ring> {
    const { at, disk, clock, net } = life;
    const { chance, volcanos, breaks, limits, replicas, failoverMs, departed } = this.#parts;
    const random = chance(`volcano ${at} ${volcanos[at]!.lives}`);
    const logger = this.#logger(life);
    const others = volcanos.slice(0, SEEDS_MAX + 1).filter((_, other) => other !== at);
    const first = at === 0 && !volcanos[at]!.departed;
    const seeds = others.map(({ host }) => ({ address: host.addresses[0]!, port: NODE_PORT }));
    return openRing({
      ...usualOptions({ process: net, clock, random, nickname: `v${at}` }),
      ...{ disk, logger },
      open: async (how) => {
        const store = await openStore({
          ...{ disk, clock, random, logger },
          indexHost: async ({ disk }) => {
            const index = await inlineIndexHost({ disk });
            life.index = index;
            return index;
          },
          segmentBytes: 16 * 1024,
          root: { mode: 0o777 },
          limits,
          ...how,
        });
        const joint = breaks.joint?.(store.joint, at, clock) ?? store.joint;
        Object.assign(store, { joint: this.#watched(life, 'joint', joint, ['prepare', 'resolve']) });
        life.store = store;
        return store;
      },
      boot: first,
      seeds: first ? [] : seeds,
      // What has called it is done first.
      left: () => this.#parts.time.after(0, () => life.alive && departed(at)),
      replicas,
      failoverMs,
      register: this.#registerOf(life, random),
      balance: this.#balance(life),
      replication: (parts) => this.#replication(life, parts),
      failover: (parts) => this.#failover(life, parts),
    });
  }

  #registerOf({ at, clock }: Life, random: Random): NonNullable<RingOptions['register']> | null {
    const { register } = this.#parts;
    if (register === null) return null;
    return (networkId) => new SharedProjectionStore(register.client(at, clock, random), `magma/${networkId}/`);
  }

  #balance({ at }: Life): BalanceOptions | null {
    const options = this.#parts.breaks.balance?.(at);
    if (options === undefined) return null;
    const told = ({ end }: MoveNote): void => {
      if (end === 'done') this.#parts.counts.balanced++;
      else this.#parts.counts.unmoved++;
    };
    return { ...options, told };
  }

  #failover(life: Life, parts: FailoverParts): Failover {
    const ask: FailoverParts['ask'] = (member, patienceMs) => {
      this.#parts.moment(life, 'lease', 'sent');
      return parts.ask(member, patienceMs);
    };
    const make = this.#parts.breaks.failover ?? ((all: FailoverParts) => new Failover(all));
    const failover = make({ ...parts, ask });
    const holds = failover.holds.bind(failover);
    life.holds = holds;
    failover.holds = (slice) => {
      const held = holds(slice);
      if (held && life.alive) this.#parts.map.checkAlone(life, slice);
      return held;
    };
    return failover;
  }

  #replication(life: Life, parts: ReplicationParts): Replication {
    const mirroring = new Mirroring({ ...parts, peers: this.#told(life, parts.peers) });
    life.replication = mirroring;
    const update = mirroring.update.bind(mirroring);
    mirroring.update = (projection) => {
      if (life.alive) this.#parts.map.learned(life, projection);
      update(projection);
    };
    const tail = mirroring.tail.bind(mirroring);
    mirroring.tail = (ask) => {
      this.#parts.counts.tails++;
      return tail(ask);
    };
    const replication = this.#parts.breaks.replication?.(mirroring, parts, life.at) ?? mirroring;
    return this.#watched(life, 'mirror', replication, ['append', 'followed', 'tail', 'common']);
  }

  /** The same, but that a volcano may be cut off when it is about to send records. */
  #told(life: Life, peers: Peers): Peers {
    return new Proxy(peers, {
      get: (target, name) => {
        if (name !== 'peer') return Reflect.get(target, name, target);
        return (member: MemberId) => {
          const { node } = target.peer(member);
          const append: MirrorNode['append'] = (message) => {
            const records = message.groups.flat().some(({ payload }) => !recordHead(payload).base);
            if (records) this.#parts.moment(life, 'mirror', 'sent');
            return node.append(message);
          };
          return {
            node: {
              append,
              followed: (ask) => node.followed(ask),
              tail: (ask) => node.tail(ask),
              common: (ask) => node.common(ask),
            } satisfies MirrorNode,
          };
        };
      },
    });
  }

  /** The same, but that it may die when it is asked one of those, and when it is about to answer. */
  #watched<T extends object>(life: Life, kind: MessageKind, target: T, names: readonly (keyof T & string)[]): T {
    const asked = new Map<PropertyKey, unknown>();
    for (const name of names) {
      const method = (target[name] as (...args: unknown[]) => unknown).bind(target);
      asked.set(name, async (...args: unknown[]): Promise<unknown> => {
        const by = this.#memberIn(args[0]);
        if (!this.#parts.moment(life, kind, 'arrived', by)) return new Promise(() => {});
        const answer = await method(...args);
        return this.#parts.moment(life, kind, 'answered', by) ? answer : new Promise(() => {});
      });
    }
    return new Proxy(target, {
      get(real, name) {
        const known = asked.get(name);
        if (known !== undefined) return known;
        const value = Reflect.get(real, name, real) as unknown;
        if (typeof value !== 'function') return value;
        const bound = value.bind(real) as unknown;
        asked.set(name, bound);
        return bound;
      },
    });
  }

  /** The number of the volcano that says that it asks; undefined: it does not say. */
  #memberIn(argument: unknown): number | undefined {
    const { map } = this.#parts;
    const { sender } = argument as { readonly sender?: MemberId };
    const at = sender === undefined || map.newest === null ? -1 : indexOf(map.newest, sender);
    return at === -1 ? undefined : map.numberOf(map.newest!, at);
  }
}
