import type { Timer } from '../../base/clock.ts';
import { FlareError } from '../../flare/errors.ts';
import type { RecordHead } from '../../flare/record/head.ts';
import type { LastRecord } from '../../flare/store/following.ts';
import { groupsOf } from '../../flare/store/log-tail.ts';
import { COST } from '../../flare/store/space.ts';
import { DeniedError } from '../programs/result.ts';
import type { MemberId } from '../projection/types.ts';
import { Filling } from './filling.ts';
import { Fitness } from './fitness.ts';
import { MESSAGES_MAX, QUEUE_BYTES_MAX, RETRY_FIRST_MS, RETRY_MAX_MS, WATCH_MS, WINDOW_BYTES } from './limits.ts';
import type { LinkShared } from './link-shared.ts';
import { missingOf } from './missing.ts';
import { Outbox } from './outbox.ts';
import { Roles } from './roles.ts';
import type { Followed, MirrorNode } from './types.ts';
import { Waiting } from './waiting.ts';

/** Thrown within a link when its connection is of no use any more; what waits is sent again on the next one. */
class StreamBroken extends Error {}

/**
 * One mirror of this volcano's slices: what it is to have, in one ordered stream over connections that break and come back.
 */
export class MirrorLink {
  readonly #shared: LinkShared;
  readonly #node: () => MirrorNode;
  readonly name: MemberId;
  readonly roles = new Roles();
  readonly #outbox: Outbox;
  /** Until all that answers wait for is in order here: what was committed when that began to be looked at. */
  #floor: number;
  #stream = 0;
  /** Something of the stream may be on its way. */
  #used = false;
  /** The last message of what the mirror was behind when it was asked: with that it has all. Null while it has not been asked. */
  #due: number | null = null;
  /** The mirror is to be asked what it has before more is sent. */
  #connected = false;
  /** Raised whenever the connection is given up: answers to what was sent before mean nothing. */
  #turn = 0;
  readonly #filling: Filling;
  #closed = false;
  #running = false;
  #soon = false;
  #pause = RETRY_FIRST_MS;
  #timer: Timer | null = null;
  readonly #waiting = new Waiting();
  /** What the mirror said last that it can take, in bytes. */
  #roomThere = Number.POSITIVE_INFINITY;
  #watchTimer: Timer | null = null;
  readonly #fitness: Fitness;

  constructor(name: MemberId, node: () => MirrorNode, shared: LinkShared) {
    this.name = name;
    this.#node = node;
    this.#shared = shared;
    this.#outbox = new Outbox(shared.scanned.lsn);
    this.#floor = shared.replica.commitment.lsn;
    this.#newStream();
    this.#fitness = new Fitness(name, shared, () => this.counts);
    this.#filling = new Filling({
      ...{ name, shared, node, roles: this.roles, outbox: this.#outbox, waiting: this.#waiting },
      stream: () => this.#stream,
      room: () => this.room,
      wakeSoon: () => this.#wakeSoon(),
      failed: () => {
        this.#newStream();
        this.#break();
        this.#later();
      },
    });
  }

  /** Why answers must not wait for this mirror, though the map says so: `Fitness`. */
  get unfit(): Fitness['unfit'] {
    return this.#fitness.unfit;
  }

  /** This volcano lacks records that the mirror has and cannot give: it must not be the one that they are asked of. */
  get behind(): boolean {
    return this.#fitness.behind;
  }

  /** Answers wait for this mirror. */
  get counts(): boolean {
    return this.roles.counts;
  }

  /** Up to which LSN of the own log the mirror has what answers wait for. */
  get acknowledged(): number {
    return this.roles.unchecked ? Math.min(this.#floor, this.#outbox.acknowledged) : this.#outbox.acknowledged;
  }

  /** So much waits that changes are to wait. */
  get full(): boolean {
    return this.#outbox.bytes + this.#filling.heldBytes > QUEUE_BYTES_MAX;
  }

  /** Bytes of records that the mirror can take beside what is on its way, as far as is known. */
  get room(): number {
    return Math.max(0, Math.floor(this.#roomThere / COST) - this.#outbox.bytes);
  }

  /** Records that the mirror has not acknowledged. */
  get lag(): number {
    return this.#outbox.records;
  }

  /** The slices that this volcano is to have there, by the map; harmless when nothing is new. None: it is no mirror any more. */
  assign(following: readonly number[], filling: readonly number[]): void {
    const { unchecked } = this.roles;
    const news = this.roles.assign(following, filling).length > 0;
    if (!this.counts) this.#fitness.unfit = null;
    if (news && !unchecked) this.#floor = this.#shared.replica.commitment.lsn;
    // A mirror that is to have more than the stream gives is asked what it has.
    if (news) this.#break();
    this.#wake();
  }

  /** The log is about to write these records. */
  scan(payloads: readonly Buffer[], before: number, lsn: number): void {
    const takes = ({ slice, base }: RecordHead): boolean => !base && this.roles.isStreamed(slice);
    const groups = groupsOf(payloads, takes);
    if (groups.length > 0) this.#outbox.add(groups, before, false);
    this.#filling.scan(payloads);
    this.#outbox.scanned = lsn;
    if (groups.length > 0) this.#wake();
    // Nobody waits for a mirror that is not there and is still to be filled: it is filled from the start when it is back.
    if (this.full && !this.counts && !this.#connected) this.#abandon();
  }

  #abandon(): void {
    this.#filling.end();
    this.#outbox.clear();
    this.#newStream();
    this.roles.refill();
  }

  /** Resolves when the slices, which are being filled, are there, with all that was appended so far; from then on answers wait for this mirror. */
  async caughtUp(slices: readonly number[]): Promise<void> {
    await this.#waiting.until(() => this.roles.isThere(slices));
    this.roles.promote(slices);
    await this.drained();
  }

  /** Resolves when the mirror has all of its own that was appended so far. */
  async drained(): Promise<void> {
    const lsn = this.#shared.replica.appended;
    // Before that it may not even have been put in.
    await this.#shared.replica.durableAt(lsn);
    await this.#waiting.until(() => this.acknowledged >= lsn);
  }

  /** Something has happened that those who wait may wait for. */
  moved(): void {
    this.#waiting.look();
  }

  close(): void {
    this.#closed = true;
    this.#break();
    this.#filling.close();
    this.#timer?.cancel();
    this.#watchTimer?.cancel();
    this.#waiting.end(new StreamBroken('the mirror is none any more'));
  }

  /** The map is a newer one, or there is something to send. */
  wake(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#wake();
  }

  #wake(): void {
    if (this.#closed || this.#timer !== null) return;
    if (this.#connected) {
      this.#filling.begin();
      this.#send();
    } else if (!this.#running) void this.#connect();
  }

  /** What is put in by many in one turn goes together. */
  #wakeSoon(): void {
    if (this.#soon) return;
    this.#soon = true;
    this.#shared.clock.soon(() => {
      this.#soon = false;
      this.#wake();
    });
  }

  #newStream(): void {
    this.#stream = this.#shared.random.below(2 ** 48);
    this.#used = false;
  }

  /** Nothing that was sent so far will be acknowledged on this connection. */
  #break(): void {
    this.#connected = false;
    this.#due = null;
    this.#turn++;
  }

  #later(): void {
    if (this.#closed || this.#timer !== null) return;
    const { clock, random } = this.#shared;
    const pause = this.#pause / 2 + random.below(this.#pause);
    this.#pause = Math.min(2 * this.#pause, RETRY_MAX_MS);
    this.#timer = clock.after(pause, () => {
      this.#timer = null;
      this.#wake();
    });
  }

  /** Asks the mirror what it has, brings both to the same, and sends what waits. */
  async #connect(): Promise<void> {
    if (this.roles.size === 0) return;
    this.#running = true;
    const turn = this.#turn;
    try {
      await this.#agree(turn);
      // What was agreed on a connection that is given up by now is agreed anew: nobody else comes back to that.
      if (turn === this.#turn && !this.#closed) {
        this.#connected = true;
        this.#watch();
        this.#pause = RETRY_FIRST_MS;
      }
    } catch (error) {
      this.#shared.logger.debug({ err: error, mirror: this.name }, 'a mirror cannot be sent records');
      this.#later();
    } finally {
      this.#running = false;
    }
    this.#shared.settled();
    this.#wake();
  }

  async #agree(turn: number): Promise<void> {
    const { self, epoch } = this.#shared;
    const { slices } = this.roles;
    const stream = this.#stream;
    const found = await this.#node().followed({ epoch: epoch(), sender: self, stream, slices });
    if (turn !== this.#turn) return;
    if (found.last.length !== slices.length) throw new Error('the mirror has not told of all slices');
    this.#roomThere = found.room;
    if (found.sequence > 0 && !this.roles.unchecked) {
      this.#outbox.acknowledge(found.sequence);
      this.#outbox.rewind();
      return;
    }
    await this.#reconcile(slices, found, turn);
  }

  /** The mirror knows nothing of the stream, or nothing is known of the mirror: a new stream begins with what it is behind. */
  async #reconcile(slices: readonly number[], found: Followed, turn: number): Promise<void> {
    const { self, epoch, replica } = this.#shared;
    if (found.sequence > 0 || this.#used) {
      // What has been taken of the old stream must not be taken again: a new one is begun before anything is counted.
      this.#newStream();
      throw new StreamBroken('the stream is begun anew');
    }
    const following = slices.flatMap((slice, at) =>
      this.roles.isFollowing(slice) ? [{ slice, there: found.last[at]! }] : [],
    );
    this.#checkKept(following);
    const ahead = following.filter(({ slice, there }) => there.number > replica.following.last(slice).number);
    if (ahead.length > 0) {
      const wanted = ahead.map(({ slice }) => ({ slice, after: replica.following.last(slice).number }));
      const groups = await this.#node()
        .tail({ epoch: epoch(), sender: self, slices: wanted })
        .catch((error: unknown) => {
          if (error instanceof DeniedError) this.#behind(wanted[0]!.slice);
          throw error;
        });
      if (turn !== this.#turn) return;
      const { gap } = replica.following.take(groups);
      if (gap !== null || groups.length === 0) this.#behind(wanted[0]!.slice);
      throw new StreamBroken('the mirror was ahead');
    }
    const first = await missingOf(this.#shared, this.#outbox, following);
    if (turn !== this.#turn) return;
    if (first === null) this.#lost('records that are not in the log any more', 'outrun');
    this.#fitness.judge(null);
    const { acknowledged } = this.#outbox;
    this.#due = this.#outbox.restart(first, Math.min(acknowledged, this.#floor), (slice) =>
      this.roles.isFollowing(slice),
    );
    this.#filling.end();
    this.roles.refill();
    this.#check();
  }

  /** Whether all is there that was acknowledged. */
  #checkKept(following: readonly { readonly slice: number; readonly there: LastRecord }[]): void {
    const { replica } = this.#shared;
    for (const { slice, there } of following) {
      const here = replica.following.last(slice);
      const acknowledged = this.#shared.acknowledged(slice);
      if (there.number < acknowledged)
        this.#lost(`records of slice ${slice}: it has ${there.number} of ${acknowledged} that it had acknowledged`);
      if (there.number === here.number && there.epoch !== here.epoch)
        this.#lost(
          `records of slice ${slice}: its number ${there.number} is of epoch ${there.epoch}, not ${here.epoch}`,
        );
    }
  }

  /** Tells, once, that this volcano itself is the one that has lost something. Throws. */
  #behind(slice: number): never {
    throw new StreamBroken(this.#fitness.foundBehind(slice));
  }

  /** Throws. */
  #lost(what: string, unfit: 'lost' | 'outrun' = 'lost'): never {
    this.#fitness.judge(unfit, what);
    throw new StreamBroken(`the mirror has not ${what}`);
  }

  /** Asks every now and then whether the mirror still has what it had, and how much room: nothing else may go there that would tell. */
  #watch(): void {
    this.#watchTimer ??= this.#shared.clock.after(WATCH_MS, () => {
      this.#watchTimer = null;
      void this.#ask().finally(() => this.#closed || this.#watch());
    });
  }

  async #ask(): Promise<void> {
    if (!this.#connected) return;
    const { self, epoch, logger } = this.#shared;
    const turn = this.#turn;
    const had = this.#outbox.first - 1;
    let found: Followed | null = null;
    try {
      found = await this.#node().followed({ epoch: epoch(), sender: self, stream: this.#stream, slices: [] });
    } catch (error) {
      logger.debug({ err: error, mirror: this.name }, 'a mirror does not say what it has');
    }
    if (turn !== this.#turn) return;
    if (found === null || found.sequence < had) this.#break();
    else this.#roomThere = found.room;
    this.#shared.moved();
    this.#wake();
  }

  /** What answers wait for is in order when the mirror has what it was behind. */
  #check(): void {
    if (this.#due === null || this.#outbox.first <= this.#due || !this.roles.unchecked) return;
    this.roles.check();
    this.#shared.settled();
  }

  #send(): void {
    while (this.#connected && this.#outbox.sentBytes < WINDOW_BYTES && this.#outbox.sent < MESSAGES_MAX) {
      const message = this.#outbox.next();
      if (message === undefined) return;
      const { self, epoch } = this.#shared;
      const { sequence, groups } = message;
      this.#used = true;
      const append = { epoch: epoch(), sender: self, stream: this.#stream, sequence, groups };
      void this.#delivered(this.#node().append(append), this.#turn);
    }
  }

  async #delivered(answer: ReturnType<MirrorNode['append']>, turn: number): Promise<void> {
    try {
      const appended = await answer;
      if (turn !== this.#turn) return;
      if (appended.gap === 1) throw new StreamBroken(`the mirror lacks records of slice ${appended.at.slice}`);
      const { sequence, room } = appended.taken;
      this.#outbox.acknowledge(sequence);
      this.#roomThere = room;
      this.#fitness.took();
      this.#check();
    } catch (error) {
      if (turn !== this.#turn || this.#closed) return;
      this.#shared.logger.debug({ err: error, mirror: this.name }, 'a mirror has not taken records');
      if (error instanceof FlareError && error.status === 'NOSPC') {
        this.#roomThere = 0;
        this.#fitness.foundFull();
      }
      // A gap shows that what this side believes of the mirror is wrong: what it has is looked at again from the start.
      if (error instanceof StreamBroken) this.#newStream();
      this.#break();
      this.#later();
      return;
    }
    this.#shared.moved();
    this.#wake();
  }
}
