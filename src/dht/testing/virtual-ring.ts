import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { type Logger, silentLogger } from '../../base/logger.ts';
import type { Endpoint } from '../../base/net.ts';
import { type Random, seededRandom } from '../../base/random.ts';
import type { SimulatedHost } from '../../base/simulated/host.ts';
import { SimulatedNetwork } from '../../base/simulated/network.ts';
import { createPlainSecureNet } from '../../base/simulated/plain-secure-net.ts';
import type { SimulatedProcess } from '../../base/simulated/process.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { type VirtualClock, type VirtualClockOptions, VirtualTime } from '../../base/virtual-clock.ts';
import { inlineIndexHost } from '../../flare/index/inline-host.ts';
import { writeIdentity } from '../../flare/store/identity.ts';
import type { StoreLimits } from '../../flare/store/limits.ts';
import { openStore, type StoreOptions } from '../../flare/store/open.ts';
import { SMALL } from '../../flare/store/testing/harness.ts';
import { ProjectionNotes } from '../projection/notes.ts';
import { KNOWN_NOTES, OwnProjectionStore } from '../projection/own-store.ts';
import { withMember } from '../projection/steps.ts';
import type { Projection } from '../projection/types.ts';
import { validate } from '../projection/validate.ts';
import { joinerSecretFrom, type Keyring, secretsFrom } from '../secrets.ts';
import { ID_NOTE, NICKNAME_NOTE } from '../volcano/enter.ts';
import { NoReplication } from '../volcano/no-replication.ts';
import { openRing, type Ring, type RingOptions } from '../volcano.ts';
import { alone, member } from './members.ts';

/** The keys of a network key without its being stretched, which needs real time. */
export function quickKeyring(key: string): Keyring {
  const stretched = createHash('sha256').update(key).digest();
  return {
    joiner: async () => joinerSecretFrom(stretched),
    network: async (networkId) => secretsFrom(stretched, networkId),
  };
}

/** What volcanos on virtual time have in common: all but the disk, the store on it and where they log to. */
export function usualOptions(of: {
  readonly process: SimulatedProcess;
  readonly clock: Clock;
  readonly random: Random;
  readonly nickname: string;
  readonly key?: string;
}): Omit<RingOptions, 'disk' | 'open' | 'logger'> {
  const { process, clock, random, nickname, key = 'm4gm4s3cr3t' } = of;
  return {
    ...{ clock, random, nickname },
    secure: (options) => createPlainSecureNet(process, clock, options),
    keyring: quickKeyring(key),
    boot: false,
    seeds: [],
    hostNickname: 'host',
    serverName: '',
    addresses: [process.host.addresses[0]!],
    listen: [],
    flarePort: FLARE_PORT,
    nodePort: NODE_PORT,
    version: '0.1.0',
    networkName: null,
    replicas: 1,
    gate: ({ caller }) => caller,
    load: () => 0,
    replication: (parts) => new NoReplication(parts),
  };
}

/** How long something may take in virtual time, in milliseconds, before it is taken for stuck. */
const STUCK_MS = 120_000;
export const FLARE_PORT = 12_000;
export const NODE_PORT = 12_001;

/** One volcano among those of a `VirtualRing`: its host and its disk, and its life while it has one. */
export class VirtualVolcano {
  readonly number: number;
  readonly host: SimulatedHost;
  readonly nickname: string;
  disk = new SimulatedDisk();
  ring: Ring | null = null;
  process: SimulatedProcess | null = null;
  clock: VirtualClock | null = null;
  /** What it logged as a warning, or worse. */
  readonly warnings: string[] = [];

  constructor(number: number, host: SimulatedHost) {
    this.number = number;
    this.host = host;
    this.nickname = `v${number}`;
  }

  get address(): string {
    return this.host.addresses[0]!;
  }

  /** Its node program, for others to join through. */
  get seed(): Endpoint {
    return { address: this.address, port: NODE_PORT };
  }

  /** It runs. */
  get up(): Ring {
    if (this.ring === null) throw new Error(`${this.nickname} does not run`);
    return this.ring;
  }
}

/** What is different from how volcanos usually start here. */
export type Start = Partial<RingOptions> & {
  readonly clockOptions?: VirtualClockOptions;
  readonly key?: string;
  /** What its clock shows, in place of virtual time. */
  readonly now?: () => number;
};

/** Volcanos as they run in magmad, on virtual time, simulated disks and a simulated network. */
export class VirtualRing {
  readonly time = new VirtualTime();
  readonly network: SimulatedNetwork;
  readonly volcanos: VirtualVolcano[] = [];
  readonly #seed: number;
  readonly #limits: Partial<StoreLimits>;
  #lives = 0;

  constructor(options: { readonly volcanos: number; readonly seed?: number; readonly limits?: Partial<StoreLimits> }) {
    this.#seed = options.seed ?? 1;
    this.#limits = { ...SMALL, ...options.limits };
    this.network = new SimulatedNetwork({ time: this.time, random: seededRandom(this.#seed) });
    for (let number = 0; number < options.volcanos; number++) this.addVolcano();
  }

  /** One more, on a host of its own. */
  addVolcano(): void {
    const number = this.volcanos.length;
    const address = `10.0.${(number + 1) >> 8}.${(number + 1) & 255}`;
    this.volcanos.push(new VirtualVolcano(number, this.network.host(`v${number}`, [address])));
  }

  /** Lets time go by until it settles. */
  settle<T>(promise: Promise<T>, milliseconds = STUCK_MS): Promise<T> {
    return this.time.settle(promise, milliseconds);
  }

  /** So many milliseconds of virtual time. */
  pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => void this.time.after(milliseconds * 1000, resolve));
  }

  /** A generator that nobody else has. */
  random(): Random {
    this.#lives += 1;
    return seededRandom(this.#seed * 7919 + this.#lives);
  }

  /** How a volcano's store is opened. */
  storeOptions(volcano: VirtualVolcano, clock: Clock): StoreOptions {
    return {
      disk: volcano.disk,
      clock,
      random: this.random(),
      indexHost: ({ disk }) => inlineIndexHost({ disk }),
      segmentBytes: 16 * 1024,
      root: { mode: 0o777 },
      limits: this.#limits,
    };
  }

  /** Begins the life of a volcano; resolves when it serves, once time goes by. */
  async begin(number: number, start: Start = {}): Promise<Ring> {
    const volcano = this.volcanos[number]!;
    const { clockOptions, key, now, ...rest } = start;
    const virtual = this.time.clock(clockOptions);
    const clock: Clock = now === undefined ? virtual : { ...virtual, now };
    const process = volcano.host.process(clock);
    volcano.clock = virtual;
    volcano.process = process;
    const ring = await openRing({
      ...usualOptions({
        process,
        clock,
        random: this.random(),
        nickname: volcano.nickname,
        ...(key === undefined ? {} : { key }),
      }),
      disk: volcano.disk,
      open: (how) => openStore({ ...this.storeOptions(volcano, clock), ...how }),
      logger: this.#logger(volcano),
      ...rest,
    });
    volcano.ring = ring;
    return ring;
  }

  /** Starts a volcano and lets time go by until it serves. */
  start(number: number, start: Start = {}): Promise<Ring> {
    return this.settle(this.begin(number, start));
  }

  /** Starts all volcanos at the same time. */
  async startAll(start: Start = {}): Promise<void> {
    await this.settle(Promise.all(this.volcanos.map(({ number }) => this.begin(number, start))));
  }

  /** A map of all volcanos, in order, with equal runs and one copy of everything: made by hand, as if they had joined one after the other. */
  equalShares(): Projection {
    const of = ({ number, address }: VirtualVolcano) => ({ ...member(number), addresses: [address] });
    let projection = alone({ member: of(this.volcanos[0]!), replicas: 1 });
    for (const volcano of this.volcanos.slice(1))
      projection = withMember(projection, of(volcano), projection.volcanos.length - 1);
    const count = this.volcanos.length;
    const map = projection.map.map((_, slice) => {
      return { primary: Math.floor((slice * count) / projection.slices), inSync: [], filling: [] };
    });
    const made = {
      ...projection,
      map,
      volcanos: projection.volcanos.map((one) => ({ ...one, state: 'serving' as const })),
    };
    validate(made);
    return made;
  }

  /** Lets time go by until no operation over several owners is under way or remembered. */
  async quiet(): Promise<void> {
    const busy = (): number =>
      this.volcanos.reduce((sum, { ring }) => {
        const joint = ring?.store.joint;
        return joint === undefined ? sum : sum + joint.undecided().length + joint.undelivered().length;
      }, 0);
    const end = this.time.now + STUCK_MS * 1000;
    while (busy() > 0) {
      if (this.time.now > end) throw new Error('operations over several owners do not come to an end');
      await this.time.step();
    }
  }

  /** Makes the data directories of a network whose map is made by hand, before any of its volcanos has started; the first one arbitrates. */
  async lay(projection: Projection): Promise<void> {
    const clock = this.time.clock();
    const networkId = Buffer.from(projection.networkId, 'hex');
    let rootGeneration = 0;
    for (const [number, member] of projection.volcanos.entries()) {
      const volcano = this.volcanos[number]!;
      const first = number === 0;
      if (first) await this.settle(writeIdentity(volcano.disk, networkId));
      const how = first ? { boot: true } : { join: { networkId, rootGeneration } };
      const store = await this.settle(openStore({ ...this.storeOptions(volcano, clock), ...how }));
      rootGeneration = store.root().generation;
      const work = async (): Promise<void> => {
        await store.setNote(ID_NOTE, Buffer.from(member.id));
        await store.setNote(NICKNAME_NOTE, Buffer.from(member.nickname));
        if (first) await OwnProjectionStore.open(store).write(projection);
        else await new ProjectionNotes(store, KNOWN_NOTES).put(projection);
        await store.close();
      };
      await this.settle(work());
    }
  }

  /** Kills a volcano at once; `power`: with what it had not yet synced. */
  kill(number: number, how: 'killed' | 'power' = 'killed'): void {
    const volcano = this.volcanos[number]!;
    volcano.clock?.stop();
    volcano.process?.kill();
    volcano.disk = how === 'power' ? volcano.disk.powerCut(this.random()) : volcano.disk.killed();
    volcano.ring = null;
  }

  /** Stops a volcano as a signal does. */
  async stop(number: number): Promise<void> {
    const volcano = this.volcanos[number]!;
    const { ring } = volcano;
    volcano.ring = null;
    if (ring !== null) await this.settle(ring.close());
    volcano.process?.kill();
    volcano.clock?.stop();
  }

  async close(): Promise<void> {
    for (let number = this.volcanos.length - 1; number >= 0; number--) await this.stop(number);
  }

  #logger(volcano: VirtualVolcano): Logger {
    const keep = (fields: object, message: string): void => {
      volcano.warnings.push('err' in fields ? `${message}: ${fields.err}` : message);
    };
    return { ...silentLogger, warn: keep, error: keep, fatal: keep, child: () => this.#logger(volcano) };
  }
}
