import { toLinked } from '../xdr/linked.ts';
import { STAT_PROCEDURES } from './schema.ts';

/** The most (program, version, netid) whose look-ups are counted for each version of rpcbind. */
export const LOOKUPS_MAX = 64;

const COUNT_MAX = 0x7fff_ffff;

interface Lookup {
  readonly program: number;
  readonly version: number;
  readonly netid: string;
  success: number;
  failure: number;
}

/** Counts stay at the largest number that XDR's int has. */
function more(count: number): number {
  return count < COUNT_MAX ? count + 1 : count;
}

/** What one version of the port mapper was asked: `rpcb_stat` of RFC 1833 §2.1. */
export class VersionStatistics {
  readonly #calls = new Array<number>(STAT_PROCEDURES).fill(0);
  readonly #lookups = new Map<string, Lookup>();
  #sets = 0;
  #unsets = 0;

  called(procedure: number): void {
    this.#calls[procedure] = more(this.#calls[procedure]!);
  }

  set(succeeded: boolean): void {
    if (succeeded) this.#sets = more(this.#sets);
  }

  unset(succeeded: boolean): void {
    if (succeeded) this.#unsets = more(this.#unsets);
  }

  lookedUp(program: number, version: number, netid: string, found: boolean): void {
    const name = `${program} ${version} ${netid}`;
    let lookup = this.#lookups.get(name);
    if (lookup === undefined) {
      if (this.#lookups.size >= LOOKUPS_MAX) return;
      lookup = { program, version, netid, success: 0, failure: 0 };
      this.#lookups.set(name, lookup);
    }
    if (found) lookup.success = more(lookup.success);
    else lookup.failure = more(lookup.failure);
  }

  /** As `rpcb_stat`. */
  shown() {
    const lookups = [...this.#lookups.values()].map((lookup) => ({ ...lookup, netid: Buffer.from(lookup.netid) }));
    return {
      info: [...this.#calls],
      setinfo: this.#sets,
      unsetinfo: this.#unsets,
      addrinfo: toLinked(lookups),
      rmtinfo: null,
    };
  }
}
