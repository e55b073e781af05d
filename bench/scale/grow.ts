import { changeOf, encodeChange } from '../../src/dht/projection/change.ts';
import { applyStep, giver, nextStep, type Step } from '../../src/dht/projection/plan.ts';
import { slicesOf } from '../../src/dht/projection/queries.ts';
import { firstProjection, withMember } from '../../src/dht/projection/steps.ts';
import type { Member, Projection } from '../../src/dht/projection/types.ts';

/** A ring as the plan leaves it, and what it took to come there. */
export interface Grown {
  readonly projection: Projection;
  /** Maps since the network was booted. */
  readonly maps: number;
  /** Copies of single slices that were filled since then. */
  readonly filled: number;
  /** What the keeper of the maps has sent since then, each change to each other volcano once. */
  readonly sentBytes: number;
}

/** What one kind of change takes on its way to a volcano that knows the map before. */
export interface ChangeSize {
  readonly kind: Step['kind'] | 'join';
  readonly count: number;
  readonly mostBytes: number;
}

/** No step of a join should need so many maps: a plan that does not end is told. */
const STEPS_MAX = 1000;

function twoBytes(number: number): string {
  return `${Math.floor(number / 256)}.${number % 256}`;
}

/** The volcano of that number, as an operator might have named it: one IPv4 address, no server name. */
export function volcano(number: number): Omit<Member, 'state'> {
  return {
    id: number.toString(16).padStart(32, '0'),
    nickname: `volcano${String(number).padStart(4, '0')}`,
    serverName: '',
    addresses: [`10.1.${twoBytes(number)}`],
    flarePort: 12_000,
    nodePort: 12_001,
    version: '0.1.0',
  };
}

/** How many slices each volcano is the primary of. */
export function sharesOf({ volcanos, map }: Pick<Projection, 'volcanos' | 'map'>): number[] {
  const shares = volcanos.map(() => 0);
  for (const { primary } of map) shares[primary]! += 1;
  return shares;
}

/** What newcomers are placed by: load that is spread evenly over all slices, or none at all. */
export type LoadOfAll = 'even' | 'idle';

/** A network that grows by the real plan: volcanos join one after the other, and each map is carried out before the next one joins. */
export class GrowingRing {
  #projection: Projection;
  #filled = 0;
  #sentBytes = 0;
  readonly #sizes = new Map<ChangeSize['kind'], { count: number; mostBytes: number }>();

  readonly #load: LoadOfAll;

  constructor(slices: number, replicas: number, load: LoadOfAll = 'even') {
    this.#load = load;
    const beginning = { networkId: 'ab'.repeat(16), networkName: 'lava', replicas, slices, member: volcano(0) };
    this.#projection = firstProjection(beginning);
  }

  get now(): Grown {
    const { epoch } = this.#projection;
    return { projection: this.#projection, maps: epoch, filled: this.#filled, sentBytes: this.#sentBytes };
  }

  /** By kind of change, the largest first. */
  get sizes(): ChangeSize[] {
    const all = [...this.#sizes].map(([kind, size]) => ({ kind, ...size }));
    return all.sort((one, other) => other.mostBytes - one.mostBytes);
  }

  /** Volcanos join until there are so many. Throws Error when the plan does not come to an end. */
  growTo(volcanos: number): Grown {
    while (this.#projection.volcanos.length < volcanos) {
      const before = this.#projection;
      const shares = sharesOf(before);
      const behind = giver(before, (member) => (this.#load === 'even' ? shares[member]! : 0));
      this.#take(withMember(before, volcano(before.volcanos.length), behind), 'join');
      this.settle();
    }
    return this.now;
  }

  /** Carries the plan out. */
  settle(): Grown {
    for (let steps = 0; ; steps++) {
      const step = nextStep(this.#projection);
      if (step === null) return this.now;
      if (steps === STEPS_MAX) throw new Error(`the plan does not end at ${this.#projection.volcanos.length} volcanos`);
      if (step.kind === 'fill') this.#filled += [...slicesOf(this.#projection, step.range)].length;
      this.#take(applyStep(this.#projection, step), step.kind);
    }
  }

  #take(after: Projection, kind: ChangeSize['kind']): void {
    const change = changeOf(this.#projection, after);
    const bytes = (change === null ? null : encodeChange(change))?.length;
    if (bytes === undefined) throw new Error(`a change (${kind}) that is not told as one`);
    const size = this.#sizes.get(kind) ?? { count: 0, mostBytes: 0 };
    this.#sizes.set(kind, { count: size.count + 1, mostBytes: Math.max(size.mostBytes, bytes) });
    this.#sentBytes += bytes * (after.volcanos.length - 1);
    this.#projection = after;
  }
}
