import type { Timer } from '../../base/clock.ts';
import { isPending } from '../../base/eventually.ts';
import type { MemberId } from '../projection/types.ts';
import { Fill } from './fill.ts';
import { FILL_BYTES_MAX, REST_FIRST_MS, REST_MAX_MS, RETRY_FIRST_MS, RETRY_MAX_MS } from './limits.ts';
import type { LinkShared } from './link-shared.ts';
import type { Outbox } from './outbox.ts';
import type { Roles } from './roles.ts';
import type { MirrorNode } from './types.ts';
import type { Waiting } from './waiting.ts';

/** What the filling of a mirror shares with the rest of its link. */
export interface FillingParts {
  readonly name: MemberId;
  readonly shared: LinkShared;
  readonly roles: Roles;
  readonly outbox: Outbox;
  readonly waiting: Waiting;
  readonly node: () => MirrorNode;
  /** The stream that the mirror follows now. */
  readonly stream: () => number;
  /** Bytes of records that the mirror can take beside what is on its way, as far as is known. */
  readonly room: () => number;
  /** Something waits to be sent. */
  readonly wakeSoon: () => void;
  /** What the mirror has of the stream is not what it should be. */
  readonly failed: () => void;
}

/** Makes slices whole on one mirror, those that are due at a time together. */
export class Filling {
  readonly #parts: FillingParts;
  #fill: Fill | null = null;
  #timer: Timer | null = null;
  #pause = RETRY_FIRST_MS;
  /** A fill has failed: until then there is no other one, whatever becomes of the connection. */
  #rest: Timer | null = null;
  #restMs = REST_FIRST_MS;

  constructor(parts: FillingParts) {
    this.#parts = parts;
  }

  /** Records that wait for older ones, in bytes. */
  get heldBytes(): number {
    return this.#fill?.heldBytes ?? 0;
  }

  /** Begins to fill what is to be filled, if nothing is being filled. The mirror is connected. */
  begin(): void {
    const { roles, room } = this.#parts;
    // What is filled goes beside the mirror's reserve, as all does that is not yet relied on.
    if (this.#fill !== null || this.#timer !== null || this.#rest !== null || room() < FILL_BYTES_MAX) return;
    const slices = roles.unbegun();
    if (slices.length === 0) return;
    const fill = this.#made(slices);
    this.#fill = fill;
    void this.#run(fill, slices);
  }

  #made(slices: readonly number[]): Fill {
    const { shared, roles, outbox, node, stream, wakeSoon } = this.#parts;
    const { self, epoch, replica, scanned, pace } = shared;
    const put = (groups: readonly (readonly Buffer[])[]): void => {
      const before = outbox.bytes;
      outbox.add(groups, outbox.scanned, true);
      pace.spend(outbox.bytes - before);
      wakeSoon();
    };
    const fill = new Fill({
      ...{ slices, replica, put },
      last: (slice) => scanned.last(slice),
      scanned: () => scanned.lsn,
      there: async () => {
        const { last } = await node().followed({ epoch: epoch(), sender: self, stream: stream(), slices });
        if (last.length !== slices.length) throw new Error('the mirror has not told of all slices');
        return last;
      },
      common: (slices) => node().common({ epoch: epoch(), sender: self, slices }),
      live: (slices, held) => {
        roles.stream(slices);
        if (held.length > 0) outbox.add(held, outbox.scanned, false);
        wakeSoon();
      },
      room: () => this.#room(fill),
    });
    return fill;
  }

  async #room(fill: Fill): Promise<void> {
    const { outbox, waiting, room, shared } = this.#parts;
    const paced = shared.pace.wait();
    if (isPending(paced)) await paced;
    const more = (): boolean => outbox.bytes < FILL_BYTES_MAX && room() >= FILL_BYTES_MAX;
    if (!more()) await waiting.until(() => more() || this.#fill !== fill);
  }

  async #run(fill: Fill, slices: readonly number[]): Promise<void> {
    const { name, shared, roles, failed } = this.#parts;
    try {
      await fill.prepare();
    } catch (error) {
      if (this.#fill !== fill) return;
      shared.logger.debug({ err: error, mirror: name }, 'a mirror does not say what it has');
      this.#fill = null;
      this.#later();
      return;
    }
    if (this.#fill !== fill) return;
    this.#pause = RETRY_FIRST_MS;
    roles.begin(slices);
    try {
      await this.#filled(fill, slices);
    } catch (error) {
      if (this.#fill !== fill) return;
      this.#fill = null;
      shared.logger.warn({ err: error, mirror: name }, 'a mirror could not be filled; it is begun anew');
      this.#pauseLong();
      failed();
    }
  }

  async #filled(fill: Fill, slices: readonly number[]): Promise<void> {
    const { name, shared, roles, outbox, waiting } = this.#parts;
    await fill.run();
    const { last } = outbox;
    await waiting.until(() => this.#fill !== fill || outbox.first > last);
    if (this.#fill !== fill) return;
    this.#fill = null;
    this.#restMs = REST_FIRST_MS;
    roles.filled(slices);
    shared.logger.info({ mirror: name, ...fill.restored }, 'a mirror has become whole');
    shared.restored(fill.restored);
    shared.moved();
    this.begin();
  }

  #later(): void {
    this.#timer = this.#after(this.#pause, () => {
      this.#timer = null;
    });
    this.#pause = Math.min(2 * this.#pause, RETRY_MAX_MS);
  }

  #pauseLong(): void {
    this.#rest = this.#after(this.#restMs, () => {
      this.#rest = null;
    });
    this.#restMs = Math.min(2 * this.#restMs, REST_MAX_MS);
  }

  #after(mean: number, over: () => void): Timer {
    const { clock, random } = this.#parts.shared;
    return clock.after(mean / 2 + random.below(mean), () => {
      over();
      this.#parts.wakeSoon();
    });
  }

  /** The log is about to write these records. */
  scan(payloads: readonly Buffer[]): void {
    this.#fill?.scan(payloads);
  }

  /** What is being filled will not be. */
  end(): void {
    this.#fill?.stop();
    this.#fill = null;
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** Nothing will be filled any more. */
  close(): void {
    this.end();
    this.#rest?.cancel();
  }
}
