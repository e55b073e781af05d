import { BusyError } from '../../flare/joint.ts';
import { recordHead } from '../../flare/record/head.ts';
import type { LastRecord } from '../../flare/store/following.ts';
import type { Replica } from '../../flare/store/replica.ts';
import type { Append, Appended } from '../programs/node/handlers.ts';
import { DeniedError } from '../programs/result.ts';
import type { MemberId } from '../projection/types.ts';
import { TAIL_BYTES_MAX, TAIL_PIECE_BYTES } from './limits.ts';
import type { AskCommon, AskFollowed, AskTail, CommonSlices, Followed, Tail } from './types.ts';

/** How far a sender's stream has been taken. */
interface Stream {
  readonly stream: number;
  sequence: number;
}

/**
 * A mirror's side of the streams that primaries send: takes what comes in order, and says so when it is durable. It is asked only by who has the same map (`admit`).
 */
export class Receiver {
  readonly #replica: Replica;
  /** Whether that volcano is primary of a slice that is mirrored here, by the map. */
  readonly #follows: (sender: MemberId, slice: number) => boolean;
  readonly #streams = new Map<MemberId, Stream>();

  constructor(replica: Replica, follows: (sender: MemberId, slice: number) => boolean) {
    this.#replica = replica;
    this.#follows = follows;
  }

  /** `BusyError` for what is out of turn: the sender is to ask `followed`. Bytes may lie in a receive buffer: they are taken in this turn. */
  async append({ sender, stream, sequence, groups }: Append): Promise<Appended> {
    this.#checkSound();
    const known = this.#streams.get(sender);
    if (known?.stream !== stream || sequence > known.sequence + 1) throw new BusyError();
    let lsn = this.#replica.appended;
    if (sequence > known.sequence) {
      const taken = this.#replica.following.take(this.#own(sender, groups));
      if (taken.gap !== null) return { gap: 1, at: { slice: taken.gap.slice, last: taken.gap.last.number } };
      known.sequence = sequence;
      lsn = taken.lsn;
    }
    await this.#replica.durableAt(lsn);
    return { gap: 0, taken: { sequence, room: this.#replica.room } };
  }

  /** The records that are for this volcano: the sender may not know yet that others are not, or not any more. */
  #own(sender: MemberId, groups: Append['groups']): Buffer[][] {
    return groups.map((group) =>
      group.map(({ payload }) => payload).filter((payload) => this.#follows(sender, recordHead(payload).slice)),
    );
  }

  async followed({ sender, stream, slices }: AskFollowed): Promise<Followed> {
    this.#checkSound();
    for (const slice of slices) this.#checkFollows(sender, slice);
    let known = this.#streams.get(sender);
    if (known?.stream !== stream) {
      known = { stream, sequence: 0 };
      this.#streams.set(sender, known);
    }
    const { sequence } = known;
    const last = slices.map((slice): LastRecord => this.#replica.following.last(slice));
    await this.#replica.durableAt(this.#replica.appended);
    return { sequence, last, room: this.#replica.room };
  }

  async tail({ sender, slices }: AskTail): Promise<Tail> {
    this.#checkSound();
    for (const { slice } of slices) this.#checkFollows(sender, slice);
    await this.#replica.durableAt(this.#replica.appended);
    const wanted = new Map(
      slices.map(({ slice, after }) => [slice, { after, upTo: this.#replica.following.last(slice).number }]),
    );
    const groups = await this.#replica.tail(wanted, TAIL_BYTES_MAX);
    if (groups === null) throw new DeniedError('those records are not in the log of this mirror any more');
    let bytes = 0;
    const end = groups.findIndex((group) => {
      for (const { length } of group) bytes += length;
      return bytes >= TAIL_PIECE_BYTES;
    });
    return end === -1 ? groups : groups.slice(0, end + 1);
  }

  /** A mirror whose log has failed says nothing: what it has in memory may not be on its disk. It is left out, since it grants no leases either. */
  #checkSound(): void {
    if (!this.#replica.sound) throw new BusyError();
  }

  async common({ sender, slices }: AskCommon): Promise<CommonSlices> {
    this.#checkSound();
    for (const { slice } of slices) this.#checkFollows(sender, slice);
    await this.#replica.durableAt(this.#replica.appended);
    const found = await this.#replica.common(slices);
    return slices.map(({ slice }) => found.get(slice) ?? null);
  }

  #checkFollows(sender: MemberId, slice: number): void {
    if (!this.#follows(sender, slice)) throw new DeniedError(`slice ${slice} is not mirrored here for that volcano`);
  }
}
