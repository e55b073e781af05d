import type { Endpoint } from '../../base/net.ts';
import type { NetId } from './universal.ts';

/** The most registrations. All of them fit one UDP reply. */
export const TABLE_MAX = 256;

/** Whose registrations are magma's own: no call removes them. */
export const OWN = 'magma';

/** Where a version of a program is to be found over one transport. */
export interface Mapping {
  readonly program: number;
  readonly version: number;
  readonly netid: NetId;
  /** `0.0.0.0` and `::` mean every address of the machine. */
  readonly endpoint: Endpoint;
  readonly owner: string;
}

/** The registrations of a portmapper: one for each program, version and transport (RFC 1833 §2.2.1, §3.2). */
export class PortmapTable {
  readonly #mappings = new Map<string, Mapping>();

  /** Registers; false when there is one already, or no room, or no port. */
  set(mapping: Mapping): boolean {
    const { program, version, netid, endpoint } = mapping;
    const name = `${program} ${version} ${netid}`;
    if (!(endpoint.port >= 1 && endpoint.port <= 65_535)) return false;
    if (this.#mappings.has(name) || this.#mappings.size >= TABLE_MAX) return false;
    this.#mappings.set(name, mapping);
    return true;
  }

  /** Removes what `mayRemove` allows among the registrations of a version over these transports; false when nothing was removed. */
  unset(program: number, version: number, netids: readonly NetId[], mayRemove: (owner: string) => boolean): boolean {
    let removed = false;
    for (const netid of netids) {
      const name = `${program} ${version} ${netid}`;
      const mapping = this.#mappings.get(name);
      if (mapping !== undefined && mayRemove(mapping.owner)) removed = this.#mappings.delete(name) || removed;
    }
    return removed;
  }

  /** That very version over that transport. */
  exact(program: number, version: number, netid: NetId): Mapping | undefined {
    return this.#mappings.get(`${program} ${version} ${netid}`);
  }

  /** That version, or else any other of the program, which can then say which ones it has (RFC 1833 §2.2.1, GETADDR). */
  nearest(program: number, version: number, netid: NetId): Mapping | undefined {
    const exact = this.exact(program, version, netid);
    return exact ?? this.list().find((mapping) => mapping.program === program && mapping.netid === netid);
  }

  /** All registrations, oldest first. */
  list(): readonly Mapping[] {
    return [...this.#mappings.values()];
  }
}
