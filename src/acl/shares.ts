import { type Eventually, isPending } from '../base/eventually.ts';
import type { Endpoint } from '../base/net.ts';
import type { FlareStatusName } from '../flare/errors.ts';
import type { Attributes, Key } from '../flare/types.ts';
import type { Access, Area, Areas, Share } from './areas.ts';
import { bindRules, type Surroundings } from './bind.ts';
import { formatNetwork } from './network.ts';
import { joinPath, splitPath } from './path.ts';
import { RefusalLog } from './refusals.ts';
import type { Rule } from './rule.ts';
import { walk } from './walk.ts';

/** A share as EXPORT lists it. */
export interface Export {
  /** Bytes as a Latin-1 string. */
  readonly path: string;
  /** Whom its rules let in, as the rules name them; null: everyone. */
  readonly networks: readonly string[] | null;
}

/** The answer to a mount. */
export type Mount =
  | {
      readonly status: 'OK';
      /** Normalised; bytes as a Latin-1 string. */
      readonly path: string;
      readonly directory: Attributes;
      readonly share: Share;
      readonly access: Access;
    }
  | {
      readonly status: FlareStatusName;
      /** What the rules say of the last directory on the way; null when nothing was looked up. */
      readonly access: Access | null;
      readonly reason: string;
    };

const FAULTS = {
  relative: ['INVAL', 'the path is not absolute'],
  dotdot: ['ACCES', 'the path has a .. in it'],
  nul: ['INVAL', 'the path has a NUL byte in it'],
  long: ['NAMETOOLONG', 'the path or a name in it is too long'],
} as const satisfies Record<string, readonly [FlareStatusName, string]>;

/**
 * The rules in force: what each client may do with each flare. Rules are bound to directories when they are loaded, so they follow
 * renames; they hold for every call, and a handle is no pass. What no rule allows is refused.
 */
export class Shares {
  readonly #surroundings: Surroundings;
  readonly #refusals: RefusalLog;
  #areas: Areas;
  #loading: Promise<unknown> = Promise.resolve();

  private constructor(surroundings: Surroundings, areas: Areas) {
    this.#surroundings = surroundings;
    this.#refusals = new RefusalLog(surroundings.clock, surroundings.logger);
    this.#areas = areas;
  }

  /** Binds rules to the tree; missing directories are made. Throws `RulesError` with all that is wrong with them. */
  static async open(rules: readonly Rule[], surroundings: Surroundings): Promise<Shares> {
    return new Shares(surroundings, await bindRules(rules, surroundings));
  }

  /**
   * Puts other rules in force, all or none: when it rejects (`RulesError`, or the store's error) the old ones stay. Handles stay good. Calls that
   * come meanwhile are decided by the old rules.
   */
  reload(rules: readonly Rule[]): Promise<void> {
    const loaded = this.#loading.then(async () => {
      this.#areas = await bindRules(rules, this.#surroundings);
    });
    this.#loading = loaded.catch(() => {});
    return loaded;
  }

  /**
   * What a client may do with a flare. The most specific network of the nearest rules above the flare decides; where none of them
   * matches, the rules above those. Refusals are logged. STALE when a directory above the flare is gone.
   */
  access(client: Endpoint, flare: Attributes): Eventually<Access> {
    const areas = this.#areas;
    const area = areas.areaOf(flare);
    if (isPending(area)) return area.then((found) => this.#decide(areas, found, client));
    return this.#decide(areas, area, client);
  }

  #decide(areas: Areas, area: Area | null, client: Endpoint): Access {
    const access = areas.decide(area, client);
    if (access.permission === 'n') this.#refusals.refused(client, area?.path ?? '/', access, access.reason);
    return access;
  }

  /** True when both directories fall under the same rules: names and flares move and are linked only within one area (else XDEV). */
  sameArea(one: Attributes, other: Attributes): Eventually<boolean> {
    const areas = this.#areas;
    const first = areas.areaOf(one);
    const second = areas.areaOf(other);
    if (isPending(first) || isPending(second)) return Promise.all([first, second]).then(([a, b]) => a === b);
    return first === second;
  }

  /** True when the directory of that key has rules of its own: it is not moved, replaced or removed (XDEV). */
  carriesRule(key: Key): boolean {
    return this.#areas.carriesRule(key);
  }

  /** The share of that number; undefined when its path has no rules any more. */
  share(number: number): Share | undefined {
    return this.#areas.share(number);
  }

  /** The shares: the topmost paths that have rules. */
  list(): readonly Share[] {
    return this.#areas.shares;
  }

  /** The shares, and whom their own rules let in. */
  exports(): readonly Export[] {
    return this.#areas.all
      .filter((area) => area.above === null && !area.moved)
      .map(({ path, rules }) => {
        const open = rules.filter(({ rule }) => rule.permission !== 'n').map(({ rule }) => formatNetwork(rule.network));
        return { path, networks: open.includes('*') ? null : open };
      });
  }

  /** The rules in force, by path. */
  rules(): readonly Rule[] {
    return this.#areas.all.filter((area) => !area.moved).flatMap((area) => area.rules.map(({ rule }) => rule));
  }

  /**
   * The directory that a client mounts: a share, or any directory below one (FIELD.md row 13). Doubled and trailing `/` and `.` mean nothing; `..`
   * is refused, symlinks are not followed (NOTDIR). What lies where the client may not be is refused with ACCES, there or not. Refusals by
   * the rules are not logged here: the caller logs the mount.
   */
  async mountable(path: string, client: Endpoint): Promise<Mount> {
    const names = splitPath(path);
    if (typeof names === 'string') return { status: FAULTS[names][0], access: null, reason: FAULTS[names][1] };
    const areas = this.#areas;
    const { directory, stopped } = await walk(this.#surroundings.service, names);
    const area = await areas.areaOf(directory);
    const access = areas.decide(area, client);
    if (area === null || access.permission === 'n') return { status: 'ACCES', access, reason: access.reason };
    if (stopped !== null) {
      const reason = stopped === 'NOENT' ? 'there is no such directory' : 'a name in the path is no directory';
      return { status: stopped, access, reason };
    }
    return { status: 'OK', path: joinPath(names), directory, share: area.share, access };
  }
}
