import { createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import type { Clock, Timer } from '../base/clock.ts';

/** So often the host's addresses are looked at, in milliseconds: an address that moves away and back takes keepalived longer. */
export const LOOK_MS = 1_000;

/** What an address watch works with. */
export interface AddressWatchParts {
  readonly clock: Clock;
  /** The host's addresses on links that are up. */
  readonly list: () => readonly string[];
  /** Whether an address is the host's, be its link up or not. */
  readonly isOwn: (address: string) => Promise<boolean>;
  /** Told once of each address that the host has had and has no more. */
  readonly gone: (address: string) => void;
}

/** Notices when an address leaves the host, as floating ones do. */
export class AddressWatch {
  readonly #parts: AddressWatchParts;
  #known: ReadonlySet<string>;
  #timer: Timer;
  #stopped = false;

  constructor(parts: AddressWatchParts) {
    this.#parts = parts;
    this.#known = new Set(parts.list());
    this.#timer = this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer.cancel();
  }

  #arm(): Timer {
    return this.#parts.clock.after(LOOK_MS, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { list, isOwn, gone } = this.#parts;
    const now = new Set(list());
    for (const address of this.#known) {
      if (now.has(address)) continue;
      if (await isOwn(address)) now.add(address);
      else if (!this.#stopped) gone(address);
    }
    this.#known = now;
    if (!this.#stopped) this.#timer = this.#arm();
  }
}

/** A host lets a socket be bound to its own addresses only. */
function isOwn(address: string): Promise<boolean> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  return new Promise((resolve) => {
    const over = (own: boolean): void => {
      socket.close();
      resolve(own);
    };
    socket.once('error', (error) => over((error as NodeJS.ErrnoException).code !== 'EADDRNOTAVAIL'));
    socket.bind({ address, port: 0 }, () => over(true));
  });
}

/** A watch over this host's addresses. */
export function systemAddressWatch(clock: Clock, gone: (address: string) => void): AddressWatch {
  const list = (): string[] =>
    Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map((one) => one.address));
  return new AddressWatch({ clock, list, isOwn, gone });
}
