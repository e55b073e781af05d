import type { Clock } from '../../base/clock.ts';
import type { SpaceFigures } from '../../flare/types.ts';
import type { Peers } from '../peers.ts';
import type { Figures } from '../programs/node/handlers.ts';
import { copiesWanted, indexOf } from '../projection/queries.ts';
import type { MemberId } from '../projection/types.ts';
import type { RingMap } from './ring-map.ts';

/** How often figures are exchanged, in milliseconds. */
export const LOAD_MS = 5_000;
/** With so many others each time, in turn: in a network of up to one more, with all. */
export const LOAD_PEERS = 8;

/** What figures work with. */
export interface FiguresParts {
  readonly self: MemberId;
  readonly clock: Clock;
  readonly map: RingMap;
  readonly peers: Peers;
  readonly space: () => SpaceFigures;
  /** Calls answered a second, of late. */
  readonly load: () => number;
  readonly lag: () => number;
}

/** The figures of a volcano that has run since `started`, by its monotonic clock. */
export function figuresOf(
  { space, load, lag, clock }: Pick<FiguresParts, 'space' | 'load' | 'lag' | 'clock'>,
  started: number,
): Figures {
  const { totalBytes, freeBytes, availableBytes, flares } = space();
  return {
    load: Math.round(load()),
    capacityBytes: totalBytes,
    freeBytes,
    availableBytes,
    flares,
    lagRecords: lag(),
    uptimeSeconds: Math.floor((clock.monotonic() - started) / 1000),
  };
}

/** What volcanos tell each other of themselves now and then. Nobody waits for it. */
export class NetworkFigures {
  readonly #parts: FiguresParts;
  readonly #others = new Map<MemberId, Figures>();
  readonly #started: number;
  #turn = 0;
  #stopped = false;

  constructor(parts: FiguresParts) {
    this.#parts = parts;
    this.#started = parts.clock.monotonic();
  }

  /** This volcano's, as of now. */
  own(): Figures {
    return figuresOf(this.#parts, this.#started);
  }

  /** The last that is known of a volcano; null when nothing is. */
  of(id: MemberId): Figures | null {
    return id === this.#parts.self ? this.own() : (this.#others.get(id) ?? null);
  }

  /** Another volcano tells its figures. */
  told(id: MemberId, figures: Figures): void {
    const { projection } = this.#parts.map;
    if (projection !== null && indexOf(projection, id) !== -1) this.#others.set(id, figures);
  }

  /** The room of all volcanos together, as far as it is known, by the number of copies that are kept. */
  statfs(): SpaceFigures {
    const { projection } = this.#parts.map;
    const sum = { totalBytes: 0, freeBytes: 0, availableBytes: 0, flares: 0 };
    for (const { id } of projection?.volcanos ?? []) {
      const known = this.of(id);
      if (known === null) continue;
      sum.totalBytes += known.capacityBytes;
      sum.freeBytes += known.freeBytes;
      sum.availableBytes += known.availableBytes;
      sum.flares += known.flares;
    }
    const copies = projection === null ? 1 : copiesWanted(projection);
    return {
      totalBytes: Math.floor(sum.totalBytes / copies),
      freeBytes: Math.floor(sum.freeBytes / copies),
      availableBytes: Math.floor(sum.availableBytes / copies),
      flares: Math.floor(sum.flares / copies),
    };
  }

  start(): void {
    this.#exchange();
  }

  stop(): void {
    this.#stopped = true;
  }

  #exchange(): void {
    if (this.#stopped) return;
    const { map, self, clock } = this.#parts;
    const members = map.projection?.volcanos.filter(({ id }) => id !== self) ?? [];
    for (const id of this.#others.keys()) if (!members.some((member) => member.id === id)) this.#others.delete(id);
    for (let count = Math.min(LOAD_PEERS, members.length); count > 0; count--) {
      const { id } = members[this.#turn++ % members.length]!;
      void this.#tell(id);
    }
    clock.after(LOAD_MS, () => this.#exchange());
  }

  /** Tells another volcano the own figures, and is told its. */
  async #tell(id: MemberId): Promise<void> {
    const { peers, self } = this.#parts;
    try {
      this.told(id, await peers.peer(id).node.load(self, this.own()));
    } catch {
      // Who does not answer is asked again when its turn comes.
    }
  }
}
