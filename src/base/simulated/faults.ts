/** How packets fare from one host to another. Chances are 0 (never) to 1 (always). */
export interface LinkConditions {
  /** The shortest time under way, in milliseconds. */
  readonly delayMs: number;
  /** Up to so much longer, by chance: packets overtake each other. */
  readonly jitterMs: number;
  /** The chance that a packet is lost. Streams send theirs again. */
  readonly loss: number;
  /** The chance that a datagram comes twice. */
  readonly duplicate: number;
  /** The chance that a packet is held up for `lateMs` more. */
  readonly late: number;
  readonly lateMs: number;
  /** The chance, with each piece of a stream, that something between the two hosts breaks the connection: both ends are reset. */
  readonly reset: number;
}

/** A quiet local network. */
export const FAIR_LINK: LinkConditions = {
  delayMs: 0.1,
  jitterMs: 0.05,
  loss: 0,
  duplicate: 0,
  late: 0,
  lateMs: 0,
  reset: 0,
};

interface Partition {
  readonly from: ReadonlySet<string>;
  readonly to: ReadonlySet<string>;
}

/** What goes wrong in a simulated network; may be changed at any moment. Hosts go by their names. */
export class NetFaults {
  #everywhere: LinkConditions = FAIR_LINK;
  readonly #links = new Map<string, Map<string, LinkConditions>>();
  readonly #partitions = new Set<Partition>();

  /** Changes the conditions of all links that have none of their own. */
  set(conditions: Partial<LinkConditions>): void {
    this.#everywhere = { ...this.#everywhere, ...conditions };
  }

  /** Gives one direction between two hosts conditions of its own: these, and the rest as everywhere now. */
  setLink(from: string, to: string, conditions: Partial<LinkConditions>): void {
    const links = this.#links.get(from) ?? new Map<string, LinkConditions>();
    links.set(to, { ...this.#everywhere, ...conditions });
    this.#links.set(from, links);
  }

  /** Makes all links fair and whole again. */
  clear(): void {
    this.#everywhere = FAIR_LINK;
    this.#links.clear();
    this.#partitions.clear();
  }

  /** Lets nothing through between two sets of hosts; with `oneWay`, only from `a` to `b`. What it returns heals this partition. */
  partition(a: Iterable<string>, b: Iterable<string>, options: { readonly oneWay?: boolean } = {}): () => void {
    const [from, to] = [new Set(a), new Set(b)];
    const made: Partition[] = [{ from, to }];
    if (options.oneWay !== true) made.push({ from: to, to: from });
    for (const one of made) this.#partitions.add(one);
    return () => {
      for (const one of made) this.#partitions.delete(one);
    };
  }

  /** The conditions from one host to another; null when nothing gets through. */
  between(from: string, to: string): LinkConditions | null {
    for (const one of this.#partitions) if (one.from.has(from) && one.to.has(to)) return null;
    return this.#links.get(from)?.get(to) ?? this.#everywhere;
  }
}
