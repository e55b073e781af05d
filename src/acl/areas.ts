import { parseAddress } from '../base/address.ts';
import { andThen, type Eventually, isPending } from '../base/eventually.ts';
import type { Endpoint } from '../base/net.ts';
import { takeOldest } from '../base/oldest.ts';
import { FlareError } from '../flare/errors.ts';
import type { FlareService } from '../flare/service.ts';
import { type Attributes, type FlareId, FlareType, type Key } from '../flare/types.ts';
import { inNetwork } from './network.ts';
import { DEFAULT_OPTIONS, type RuleOptions } from './options.ts';
import type { ResolvedRule } from './resolve.ts';
import type { Rule } from './rule.ts';

/** The most directories whose area is remembered. */
export const AREA_CACHE_MAX = 32_768;
/** The most decisions, one a client and area, that are remembered. */
export const DECISION_CACHE_MAX = 16_384;
/** The most directories above a flare: beyond that, and in a loop, its area is not known (IO). */
export const CLIMB_MAX = 1_048_576;

/** What a client may do with a flare. */
export interface Access {
  /** Read, read and write, nothing. */
  readonly permission: 'r' | 'w' | 'n';
  readonly options: RuleOptions;
  /** The rule that decided; null: none matched, and the default is to refuse. */
  readonly rule: Rule | null;
  /** Why nothing is allowed, for the log line; empty when something is. */
  readonly reason: string;
}

/** A topmost path that has rules. */
export interface Share {
  /** 1 to 65,535; kept for as long as the network lives. Handles carry it. */
  readonly number: number;
  /** Absolute and normalised; bytes as a Latin-1 string. */
  readonly path: string;
  readonly directory: FlareId;
}

/** A directory that carries rules, and what lies below it down to the next. */
export interface Area {
  readonly path: string;
  readonly directory: FlareId;
  readonly share: Share;
  /** The area that this one lies in. */
  readonly above: Area | null;
  /** The rules, the most specific network first. */
  readonly rules: readonly ResolvedRule[];
  /** True when the path does not lead there any more: the directory bore it when the rules were bound. */
  readonly moved: boolean;
}

interface Decision {
  readonly access: Access;
  /** The answer for callers with ports from 1024 on. */
  readonly highPort: Access;
}

interface Place {
  readonly generation: number;
  readonly area: Area | null;
}

const LOWEST_OPEN_PORT = 1024;

function refusal(rule: Rule | null, reason: string): Access {
  return Object.freeze({ permission: 'n', options: rule?.options ?? DEFAULT_OPTIONS, rule, reason });
}

const NO_RULE = refusal(null, 'no rule matches');
const NOWHERE: Decision = { access: NO_RULE, highPort: NO_RULE };

function decisionOf(rule: Rule): Decision {
  if (rule.permission === 'n') {
    const access = refusal(rule, 'the rule says n');
    return { access, highPort: access };
  }
  const access = Object.freeze({ permission: rule.permission, options: rule.options, rule, reason: '' });
  const highPort = rule.options.secure ? refusal(rule, 'the rule says secure, and the port is not below 1024') : access;
  return { access, highPort };
}

function decide(area: Area | null, address: Uint8Array | null): Decision {
  for (let at = area; at !== null && address !== null; at = at.above)
    for (const { rule, networks } of at.rules)
      if (networks === null || networks.some((network) => inNetwork(address, network))) return decisionOf(rule);
  return NOWHERE;
}

/**
 * One set of rules, bound to the directories of a tree: which area a flare falls under, and what a client may do there. Never
 * changes but for its caches; a reload makes a new one. What is remembered stays true while the set lives, because a directory cannot leave its area.
 */
export class Areas {
  readonly all: readonly Area[];
  readonly shares: readonly Share[];
  readonly #service: FlareService;
  readonly #byKey: ReadonlyMap<Key, Area>;
  readonly #byNumber: ReadonlyMap<number, Share>;
  readonly #places = new Map<Key, Place>();
  readonly #decisions = new Map<Area, Map<string, Decision>>();
  #decided = 0;

  constructor(service: FlareService, areas: readonly Area[]) {
    this.#service = service;
    this.all = areas;
    this.shares = areas.filter((area) => area.above === null && !area.moved).map((area) => area.share);
    this.#byKey = new Map(areas.map((area) => [area.directory.key, area]));
    this.#byNumber = new Map(this.shares.map((share) => [share.number, share]));
  }

  /** The share of that number. */
  share(number: number): Share | undefined {
    return this.#byNumber.get(number);
  }

  /** True when a directory of that key has rules of its own. */
  carriesRule(key: Key): boolean {
    return this.#byKey.has(key);
  }

  /** The area that a flare falls under; null when it lies outside all shares. STALE when it is gone by now, IO when the way up has no end. */
  areaOf(flare: Attributes): Eventually<Area | null> {
    const isDirectory = flare.type === FlareType.directory;
    const place = this.#placeOf(isDirectory ? flare : flare.parent);
    if (place !== undefined) return place.area;
    return isDirectory ? this.#climb([], flare, flare) : this.#climb([], flare.parent, null);
  }

  /** What a client may do in an area. */
  decide(area: Area | null, client: Endpoint): Access {
    if (area === null) return NO_RULE;
    const known = this.#decisions.get(area)?.get(client.address);
    const decision = known ?? this.#remember(area, client.address);
    return client.port < LOWEST_OPEN_PORT ? decision.access : decision.highPort;
  }

  #remember(area: Area, address: string): Decision {
    const decision = decide(area, parseAddress(address));
    if (this.#decided >= DECISION_CACHE_MAX) {
      this.#decisions.clear();
      this.#decided = 0;
    }
    let decisions = this.#decisions.get(area);
    if (decisions === undefined) {
      decisions = new Map();
      this.#decisions.set(area, decisions);
    }
    decisions.set(address, decision);
    this.#decided += 1;
    return decision;
  }

  #placeOf(directory: FlareId): Place | undefined {
    const place = this.#places.get(directory.key);
    return place !== undefined && place.generation === directory.generation ? place : undefined;
  }

  /** Goes up from `at`, whose attributes are `known` or not, until the area is clear; `below` are the directories passed. */
  #climb(below: FlareId[], at: FlareId, known: Attributes | null): Eventually<Area | null> {
    let directory = at;
    let attributes = known;
    while (below.length < CLIMB_MAX) {
      const place = this.#placeOf(directory);
      if (place !== undefined) return this.#learn(below, place.area);
      // Floyd: in a loop, the one at twice the distance is met again.
      if (below.length > 0 && below[below.length >> 1]!.key === directory.key) break;
      below.push(directory);
      const area = this.#byKey.get(directory.key);
      if (area !== undefined && area.directory.generation === directory.generation) return this.#learn(below, area);
      if (attributes === null) {
        const found = this.#service.glance(directory);
        if (isPending(found)) return andThen(found, (late) => this.#climbFrom(below, late));
        attributes = found;
      }
      if (attributes.parent.key === directory.key) return this.#learn(below, null);
      directory = attributes.parent;
      attributes = null;
    }
    throw FlareError.of('IO');
  }

  #climbFrom(below: FlareId[], attributes: Attributes): Eventually<Area | null> {
    if (attributes.parent.key === attributes.key) return this.#learn(below, null);
    return this.#climb(below, attributes.parent, null);
  }

  #learn(below: readonly FlareId[], area: Area | null): Area | null {
    // The nearest ones are learnt last: of a deep path those are the ones that stay.
    for (let at = Math.min(below.length, AREA_CACHE_MAX) - 1; at >= 0; at--) {
      const { key, generation } = below[at]!;
      if (this.#places.size >= AREA_CACHE_MAX) takeOldest(this.#places);
      this.#places.set(key, { generation, area });
    }
    return area;
  }

  /** How much is remembered, for tests of the bounds. */
  get remembered(): { readonly places: number; readonly decisions: number } {
    return { places: this.#places.size, decisions: this.#decided };
  }
}
