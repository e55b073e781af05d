import { type Random, seededRandom } from '../../../src/base/random.ts';
import type { SimulatedDisk } from '../../../src/base/simulated-disk.ts';
import { PATIENCE_MS } from '../../../src/dht/retry.ts';
import { checkStore } from '../../../src/flare/check/check.ts';
import { inlineIndexHost } from '../../../src/flare/index/inline-host.ts';
import { SLICES } from '../../../src/flare/keys.ts';
import { Client } from './client.ts';
import { type Death, type Event, ghosts, History, type Id, idOf, textOf } from './history.ts';
import { linearize } from './linearize.ts';
import { type LogImage, readLog } from './log-image.ts';
import { Nemesis } from './nemesis.ts';
import type { Breaks } from './static-life.ts';
import { StaticRing } from './static-ring.ts';
import { treeFaults } from './tree-faults.ts';
import type { WholeBreaks } from './whole-life.ts';
import { WholeRing } from './whole-ring.ts';
import { Known, lookAtAll, MIXES, type Mix, prepare, work } from './workload.ts';
import type { Chance, World } from './world.ts';

/** What one seed gave. */
export interface Report {
  readonly seed: number;
  /** What broke a promise; empty when all were kept. */
  readonly faults: readonly string[];
  readonly calls: number;
  readonly crashes: number;
  /** States that the search for an order has looked at. */
  readonly states: number;
  /** True when that search was given up. */
  readonly unknown: boolean;
  /** What went wrong in the ring, on purpose. */
  readonly deeds: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  /** What volcanos warned of. */
  readonly warnings: readonly string[];
  readonly history: readonly Event[];
  /** A digest of it all: the same for the same seed. */
  readonly trace: string;
}

/** Virtual milliseconds in which all calls must be answered once everything is well, and operations over. */
const WELL_MS = 120_000;
/** Virtual milliseconds in which what was appended is durable, with a healthy disk. */
const SETTLE_MS = 50;
/** Virtual milliseconds after which nobody tries any more to make a call whose client has its answer. */
const COPIES_MS = PATIENCE_MS + 10_000;

/** Sets of chance that do not depend on each other. */
function chanceOf(seed: number): Chance {
  return (part: string): Random => {
    let mixed = seed >>> 0;
    for (const letter of part) mixed = Math.imul(mixed ^ letter.charCodeAt(0), 0x01000193) >>> 0;
    return seededRandom(mixed ^ Math.imul(seed, 0x9e3779b1));
  };
}

/** Lets the world go on until it is done, for at most so many virtual milliseconds; says whether it is. */
async function until(world: World, milliseconds: number, done: () => boolean): Promise<boolean> {
  const end = world.time.now + milliseconds * 1000;
  for (let steps = 0; !done(); steps++) {
    if (world.time.now > end || steps > world.stepsMax || !(await world.step())) return done();
  }
  return true;
}

class Run {
  readonly #seed: number;
  readonly #chance: Chance;
  readonly #world: World;
  readonly #history = new History();
  readonly #faults: string[];
  readonly #nemesis: Nemesis;
  readonly #deaths: Death[] = [];
  readonly #mix: Mix | null;

  constructor(seed: number, make: (chance: Chance) => World, mix: Mix | null) {
    this.#seed = seed;
    this.#mix = mix;
    this.#chance = chanceOf(seed);
    this.#world = make(this.#chance);
    this.#faults = this.#world.faults;
    this.#world.onForgotten = (has) => {
      const owned = (id: Id): boolean => has(Number.parseInt(id.slice(0, 2), 16));
      this.#deaths.push({ moment: this.#history.moment, owned });
    };
    this.#nemesis = new Nemesis(this.#world, this.#chance('nemesis'));
  }

  async run(): Promise<Report> {
    let root: Id | null = null;
    try {
      root = await this.#work();
      if (root !== null) await this.#judge();
    } catch (error) {
      this.#faults.push(`the run broke off: ${error instanceof Error ? error.stack : String(error)}`);
    }
    const { events } = this.#history;
    if (!this.#world.wasFull && events.some(({ answer }) => answer?.refused === 'NOSPC'))
      this.#faults.push('NOSPC, and no disk was ever full');
    const verdict = root === null ? null : linearize([...events, ...ghosts(events, this.#deaths)], root);
    if (verdict?.kind === 'not') this.#faults.push(`no order of the calls explains their answers:\n${verdict.why}`);
    return {
      seed: this.#seed,
      faults: this.#faults,
      calls: this.#history.events.length,
      crashes: this.#nemesis.crashes,
      states: verdict?.states ?? 0,
      unknown: verdict?.kind === 'unknown',
      deeds: this.#nemesis.deeds,
      counts: this.#world.counts,
      warnings: this.#world.warnings,
      history: this.#history.events,
      trace: [this.#world.time.now, ...this.#nemesis.deeds, ...this.#history.events.map(textOf)].join('\n'),
    };
  }

  /** Everything that is asked. Null when it did not come to an end. */
  async #work(): Promise<Id | null> {
    const world = this.#world;
    world.begin();
    if (!(await this.#quiet('at the beginning'))) return null;
    const root = idOf(world.root());
    const known = new Known(root);
    if (!(await this.#during('the beginning', prepare(this.#client('first'), known)))) return root;

    this.#nemesis.begin();
    const random = this.#chance('workload');
    const clients: Client[] = [];
    const ofChance = MIXES[random.below(MIXES.length)]!;
    const mix = this.#mix ?? ofChance;
    const count = 3 + random.below(4);
    const calls = Math.ceil((world.calls.least + random.below(world.calls.more)) / count);
    const working: Promise<void>[] = [];
    for (let number = 0; number < count; number++) {
      const client = this.#client(`client ${number}`);
      clients.push(client);
      working.push(work(client, this.#chance(`client ${number}`), mix, known, calls, world.pauseMs));
    }
    // A client that goes leaves a call of which nobody knows what became of it.
    for (let gone = random.below(3); gone > 0; gone--) {
      const client = clients[random.below(count)]!;
      world.time.after(random.below(200_000), () => {
        client.gone = true;
      });
    }
    const all = Promise.all(working).then(() => {});
    await this.#during('', all, world.troubledMs + random.below((world.troubledMs * 3) / 2));
    this.#nemesis.stop();
    if (!(await this.#during('the calls', all))) return root;
    await until(world, COPIES_MS, () => false);
    if (!(await this.#quiet('when all was well'))) return root;
    if (random.below(2) === 0) {
      for (let at = 0; at < world.count; at++) world.crash(at, random.below(4) === 0 ? 'killed' : 'power');
      for (let at = 0; at < world.count; at++) world.start(at);
      if (!(await this.#quiet('after a power cut of all'))) return root;
    }
    if (!(await this.#during('the last look', lookAtAll(this.#client('last look'), known)))) return root;
    if (await this.#quiet('at the end')) this.#faults.push(...(await world.differences()));
    return root;
  }

  #client(name: string): Client {
    return new Client(name, this.#world, this.#history, this.#chance(`${name} asks`));
  }

  /** Lets it come to an end; without a name it need not. */
  async #during(what: string, promise: Promise<void>, milliseconds = WELL_MS): Promise<boolean> {
    let settled = false;
    promise.then(
      () => {
        settled = true;
      },
      (error: unknown) => {
        settled = true;
        this.#faults.push(`${what} broke: ${error instanceof Error ? error.stack : String(error)}`);
      },
    );
    const done = await until(this.#world, milliseconds, () => settled);
    if (!done && what !== '') this.#faults.push(`${what} did not come to an end: ${this.#world.unquiet().join('; ')}`);
    return done;
  }

  async #quiet(when: string): Promise<boolean> {
    let done = false;
    // What has been decided and is not durable yet does not show: it does a moment later.
    for (let look = 0; look < 2; look++) {
      await until(this.#world, SETTLE_MS, () => false);
      done = await until(this.#world, WELL_MS, () => this.#world.quiet);
    }
    if (!done) this.#faults.push(`not quiet ${when}: ${this.#world.unquiet().join('; ')}`);
    return done;
  }

  /** What the disks hold. */
  async #judge(): Promise<void> {
    const world = this.#world;
    const owners = Array.from({ length: SLICES }, (_, slice) => world.ownerOf(slice));
    const disks = await world.close();
    const images: LogImage[] = [];
    for (const [at, stopped] of disks.entries()) {
      // Checks take no time: what they need of it is the test's own.
      const disk = stopped.killed();
      disk.delays = { read: 0, write: 0, sync: 0, name: 0 };
      const has = (slice: number): boolean => !world.mirrored || owners[slice] === at;
      images.push(await world.time.settle(readLog(disk, has), WELL_MS));
      for (const difference of await world.time.settle(differences(disk), WELL_MS)) {
        this.#faults.push(
          `the index of volcano ${at} is not the one that its log gives: ${JSON.stringify(difference)}`,
        );
      }
    }
    this.#faults.push(...treeFaults(images, (slice) => owners[slice]!));
  }
}

async function differences(disk: SimulatedDisk): Promise<readonly unknown[]> {
  const { differences } = await checkStore({
    disk,
    openIndex: async ({ disk }) => {
      const host = await inlineIndexHost({ disk });
      return { host, database: host.database, done: () => {} };
    },
  });
  return differences;
}

/** Runs a ring of 2 to 5 stores with their routers by a seed, which decides everything; `mix`: but not which calls are made how often. */
export function runSeed(seed: number, breaks: Breaks = {}, mix: Mix | null = null): Promise<Report> {
  const make = (chance: Chance): World => new StaticRing({ volcanos: 2 + chance('size').below(4), chance, breaks });
  return new Run(seed, make, mix).run();
}

/** The same with whole volcanos, 1 to 5, that join, mirror and hand over. */
export function runWholeSeed(seed: number, breaks: WholeBreaks = {}, mix: Mix | null = null): Promise<Report> {
  return new Run(seed, (chance) => new WholeRing({ chance, breaks }), mix).run();
}
