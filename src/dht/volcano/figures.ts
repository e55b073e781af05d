import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { DiskFigures } from '../../flare/store/local-store.ts';
import type { AccountUsage } from '../../flare/store/usage.ts';
import type { SpaceFigures, Usage } from '../../flare/types.ts';
import { type KeyFigures, type KeyStanding, keyStanding, NO_KEYS } from '../keys/standing.ts';
import type { Peers } from '../peers.ts';
import type { Figures, Heard, Loads } from '../programs/node/handlers.ts';
import { HEARD_MAX, USAGE_MAX } from '../programs/node/procedures/figures.ts';
import { copiesWanted, indexOf } from '../projection/queries.ts';
import type { MemberId } from '../projection/types.ts';
import { PROTOCOLS } from '../protocols.ts';
import type { KnownFigures } from '../state-text.ts';
import type { RingMap } from './ring-map.ts';

/** How often figures are exchanged, in milliseconds. */
export const LOAD_MS = 5_000;
/** With so many others each time: in a network of up to one more, with all. In a larger one it is always the same ones, and they pass on what they have heard. */
export const LOAD_PEERS = 8;

/** No age is told that is greater, in milliseconds. */
const AGE_MAX_MS = 2 ** 32 - 1;

const NOTHING: Usage = Object.freeze({ bytes: 0, files: 0 });

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
  /** How its disk does. */
  readonly disk: () => DiskFigures;
  /** What the accounts that have a limit have on the slices that it serves. */
  readonly usage: () => AccountUsage[];
  /** The highest protocol that this volcano speaks; that of this program unless given. */
  readonly protocol?: number;
  /** How it stands with the network's keys here; `NO_KEYS` unless given. */
  readonly keys?: () => KeyFigures;
  /** Another volcano's figures are known anew. */
  readonly heard?: () => void;
  readonly logger: Logger;
}

/** The figures of a volcano that has run since `started`, by its monotonic clock. */
export function figuresOf(
  {
    space,
    load,
    lag,
    disk,
    clock,
    protocol = PROTOCOLS.most,
    keys = () => NO_KEYS,
  }: Pick<FiguresParts, 'space' | 'load' | 'lag' | 'disk' | 'clock' | 'protocol' | 'keys'>,
  started: number,
): Figures {
  const { totalBytes, freeBytes, availableBytes, flares } = space();
  const { syncMs, damaged, repaired } = disk();
  return {
    load: Math.round(load()),
    capacityBytes: totalBytes,
    freeBytes,
    availableBytes,
    flares,
    lagRecords: lag(),
    uptimeSeconds: Math.floor((clock.monotonic() - started) / 1000),
    syncMs: Math.round(syncMs),
    damaged,
    repaired,
    protocol,
    keys: keys(),
  };
}

/**
 * How far round the ring those lie that a volcano exchanges figures with, in a network of so many: near ones and ever farther ones, so that what one says has come to all after a
 * few times.
 */
export function distances(volcanos: number): readonly number[] {
  if (volcanos - 1 <= LOAD_PEERS) return Array.from({ length: volcanos - 1 }, (_, at) => at + 1);
  const found = Array.from({ length: LOAD_PEERS }, (_, at) => Math.round(volcanos ** (at / LOAD_PEERS)));
  return [...new Set(found)];
}

/** What is known of another volcano, and since when, by the own monotonic clock. */
interface Known {
  readonly figures: Figures;
  readonly usage: readonly AccountUsage[];
  readonly since: number;
}

/** What volcanos tell each other of themselves now and then. Nobody waits for it. */
export class NetworkFigures {
  readonly #parts: FiguresParts;
  readonly #others = new Map<MemberId, Known>();
  readonly #started: number;
  /** What others have said of each account together, by the map of that epoch; null: to be added up anew. */
  #usage: { readonly epoch: number; readonly sums: ReadonlyMap<string, Usage> } | null = null;
  #told = false;
  /** Where in `#others` the next exchange begins. */
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
    return id === this.#parts.self ? this.own() : (this.#others.get(id)?.figures ?? null);
  }

  /** The last that is known of a volcano, and how long ago it was heard; null when nothing is. */
  known(id: MemberId): KnownFigures | null {
    const figures = this.of(id);
    if (figures === null) return null;
    const { self, clock } = this.#parts;
    return { figures, heardSeconds: id === self ? 0 : Math.floor((clock.monotonic() - this.heardAt(id)) / 1000) };
  }

  /** How a change of the network's key stands, by what is known; null: none is under way. */
  keyStanding(): KeyStanding | null {
    return keyStanding(this.#parts.map.projection?.volcanos ?? [], ({ id }) => this.of(id)?.keys ?? null);
  }

  /** When something was last heard of another volcano, by the own monotonic clock; minus infinity when nothing was. */
  heardAt(id: MemberId): number {
    return this.#others.get(id)?.since ?? Number.NEGATIVE_INFINITY;
  }

  /** The own figures, and in a large network some others'. */
  tells(): Loads {
    const { projection } = this.#parts.map;
    const large = projection !== null && projection.volcanos.length - 1 > LOAD_PEERS;
    return { figures: this.own(), usage: this.#ownUsage(), heard: large ? this.#some() : [] };
  }

  /** Another volcano tells its figures, and what it has heard. */
  told(id: MemberId, { figures, usage, heard }: Loads): void {
    this.#know(id, { figures, usage }, 0);
    for (const one of heard) this.#know(one.id, one, one.ageMs);
    this.#parts.heard?.();
  }

  /** What is older than what is known is ignored, and so is who is no member. */
  #know(id: MemberId, { figures, usage }: Omit<Known, 'since'>, ageMs: number): void {
    const { map, clock, self } = this.#parts;
    const since = clock.monotonic() - ageMs;
    const { projection } = map;
    if (id === self || projection === null || indexOf(projection, id) === -1) return;
    if (since < this.heardAt(id)) return;
    this.#others.set(id, { figures, usage, since });
    this.#usage = null;
  }

  /** The next of those that are known, round and round: each comes to somebody in every few exchanges. */
  #some(): Heard[] {
    const now = this.#parts.clock.monotonic();
    const all = [...this.#others];
    const count = Math.min(HEARD_MAX, all.length);
    const found = Array.from({ length: count }, (_, at) => all[(this.#turn + at) % all.length]!);
    this.#turn += count;
    return found.map(([id, { figures, usage, since }]) => {
      return { id, figures, usage, ageMs: Math.min(Math.ceil(now - since), AGE_MAX_MS) };
    });
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

  #forget(id: MemberId): void {
    this.#others.delete(id);
    this.#usage = null;
  }

  /** The largest of the own accounts that have a limit. */
  #ownUsage(): AccountUsage[] {
    const { usage, logger } = this.#parts;
    const all = usage();
    if (all.length <= USAGE_MAX) return all;
    if (!this.#told)
      logger.warn(
        { accounts: all.length, told: USAGE_MAX },
        'more users have quotas than other volcanos are told of: the smallest may exceed them',
      );
    this.#told = true;
    return all.sort((one, other) => other.bytes - one.bytes || other.files - one.files).slice(0, USAGE_MAX);
  }

  /** What an account has on the slices of others, as far as it was heard. */
  usageElsewhere(share: number, uid: number): Usage {
    const epoch = this.#parts.map.projection?.epoch ?? 0;
    if (this.#usage?.epoch !== epoch) this.#usage = { epoch, sums: this.#addUsage() };
    return this.#usage.sums.get(`${share}/${uid}`) ?? NOTHING;
  }

  #addUsage(): Map<string, Usage> {
    const { projection } = this.#parts.map;
    const sums = new Map<string, Usage>();
    for (const [id, { usage }] of this.#others) {
      // What it served others serve by now, and count: all would be there twice.
      const member = projection === null ? -1 : indexOf(projection, id);
      if (projection?.map.every(({ primary }) => primary !== member) === true) continue;
      for (const { share, uid, bytes, files } of usage) {
        const account = `${share}/${uid}`;
        const sum = sums.get(account) ?? NOTHING;
        sums.set(account, { bytes: sum.bytes + bytes, files: sum.files + files });
      }
    }
    return sums;
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
    const { projection } = map;
    if (projection !== null) {
      for (const id of this.#others.keys()) if (indexOf(projection, id) === -1) this.#forget(id);
      const { volcanos } = projection;
      const own = indexOf(projection, self);
      for (const distance of own === -1 ? [] : distances(volcanos.length))
        void this.tell(volcanos[(own + distance) % volcanos.length]!.id);
    }
    clock.after(LOAD_MS, () => this.#exchange());
  }

  /** Tells another volcano the own figures, and is told its; and of the newest epoch, as by every call. Never rejects. */
  async tell(id: MemberId): Promise<void> {
    const { peers, self } = this.#parts;
    try {
      this.told(id, await peers.peer(id).node.load(self, this.tells()));
    } catch {
      // Who does not answer is asked again when its turn comes.
    }
  }
}
