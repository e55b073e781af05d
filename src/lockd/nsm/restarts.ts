import type { LockManager } from '../nlm/manager.ts';
import type { Host, Hosts } from './hosts.ts';

/** Which other clients a machine at that address means as well that calls itself so: itself, by its full or its short name, or the only one that was ever heard of there. */
export function meant(there: readonly Host[], address: string, name: string): readonly string[] {
  const label = (text: string): string => text.toLowerCase().split('.')[0]!;
  const known = there.map((host) => host.name);
  const same = known.filter((one) => one.toLowerCase() === name.toLowerCase() || label(one) === label(name));
  if (same.length > 0) return same;
  if (name === address) return known;
  return known.length === 1 ? known : [];
}

/**
 * What becomes of the locks of a client that says that it has started anew: they end, once. Linux and others say so until they are answered, and by then may have locks again: what is said twice is
 * known by its state number.
 */
export class Restarts {
  readonly #hosts: Hosts;
  readonly #manager: Pick<LockManager, 'free'>;

  constructor(hosts: Hosts, manager: Pick<LockManager, 'free'>) {
    this.#hosts = hosts;
    this.#manager = manager;
  }

  /** Rejects when some volcano did not answer: then it is to be said again. */
  async told(address: string, name: string, state: number, server: string): Promise<void> {
    const there = this.#hosts.list(address);
    // The list may be some seconds old, and lack a client that another volcano has heard of: the name itself is always meant.
    for (const one of new Set([name, ...meant(there, address, name)])) {
      const known = there.find((host) => host.name === one);
      if (state !== 0 && known?.state === state) continue;
      const files = await this.#manager.free(address, one);
      if (known !== undefined || files > 0) await this.#hosts.setState({ address, name: one, server, state });
    }
  }
}
