import type { Timer } from '../../base/clock.ts';
import type { Eventually } from '../../base/eventually.ts';
import type { RecordHead } from '../../flare/record/head.ts';
import { groupsOf } from '../../flare/store/log-tail.ts';
import type { MemberId } from '../projection/types.ts';
import { Fill } from './fill.ts';
import { FILL_BYTES_MAX, MESSAGES_MAX, QUEUE_BYTES_MAX, RETRY_FIRST_MS, RETRY_MAX_MS, WINDOW_BYTES } from './limits.ts';
import type { LinkShared } from './link-shared.ts';
import { missingOf } from './missing.ts';
import { Outbox } from './outbox.ts';
import type { Followed, MirrorNode } from './types.ts';

/**
 * `following`: answers wait for this mirror; it has been found to have all that it should, or, until then (`checked` false), it has not. `filling`: it gets the
 * slice's live state and what is new, and nobody waits; `filled` when it has all.
 */
type Role =
  | { readonly kind: 'following'; checked: boolean }
  | { readonly kind: 'filling'; begun: boolean; filled: boolean };

/** Thrown within a link when its connection is of no use any more; what waits is sent again on the next one. */
class StreamBroken extends Error {}

/**
 * One mirror of this volcano's slices: what it is to have, in one ordered stream over connections that break and come back.
 */
export class MirrorLink {
  readonly #shared: LinkShared;
  readonly #node: () => MirrorNode;
  readonly name: MemberId;
  readonly #roles = new Map<number, Role>();
  /** Slices that the next map may not have there any more. */
  #leaving: ReadonlySet<number> = new Set();
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
  #fill: Fill | null = null;
  #closed = false;
  #running = false;
  #soon = false;
  #pause = RETRY_FIRST_MS;
  #timer: Timer | null = null;
  #waiting: { readonly done: () => boolean; readonly promise: PromiseWithResolvers<void> }[] = [];

  constructor(name: MemberId, node: () => MirrorNode, shared: LinkShared) {
    this.name = name;
    this.#node = node;
    this.#shared = shared;
    this.#outbox = new Outbox(shared.scanned.lsn);
    this.#floor = shared.replica.commitment.lsn;
    this.#newStream();
  }

  /** Answers wait for this mirror. */
  get counts(): boolean {
    for (const { kind } of this.#roles.values()) if (kind === 'following') return true;
    return false;
  }

  /** What part in a slice's answers this mirror has: two slices of which it is the same come to it together. */
  part(slice: number): 'none' | 'waited for' | 'leaving' {
    if (this.#roles.get(slice)?.kind !== 'following') return 'none';
    return this.#leaving.has(slice) ? 'leaving' : 'waited for';
  }

  /** These slices are about to leave this mirror. */
  leave(slices: Iterable<number>): void {
    this.#leaving = new Set([...this.#leaving, ...slices]);
  }

  /** None are any more. */
  stay(): void {
    this.#leaving = new Set();
  }

  /** Up to which LSN of the own log the mirror has what answers wait for. */
  get acknowledged(): number {
    return this.#unchecked ? Math.min(this.#floor, this.#outbox.acknowledged) : this.#outbox.acknowledged;
  }

  get #unchecked(): boolean {
    for (const role of this.#roles.values()) if (role.kind === 'following' && !role.checked) return true;
    return false;
  }

  /** So much waits that changes are to wait. */
  get full(): boolean {
    return this.#outbox.bytes > QUEUE_BYTES_MAX;
  }

  /** Records that the mirror has not acknowledged. */
  get lag(): number {
    return this.#outbox.records;
  }

  /** The mirror has been found to have all of that slice that it should, and gets what is new. */
  follows(slice: number): boolean {
    const role = this.#roles.get(slice);
    return role?.kind === 'following' && role.checked;
  }

  /** The slices that this volcano is to have there, by the map; harmless when nothing is new. None: it is no mirror any more. */
  assign(following: readonly number[], filling: readonly number[]): void {
    const all = new Set([...following, ...filling]);
    for (const slice of [...this.#roles.keys()]) if (!all.has(slice)) this.#roles.delete(slice);
    let news = false;
    for (const slice of following) {
      const role = this.#roles.get(slice);
      if (role?.kind === 'following') continue;
      // What is being filled and was said to be in sync already is not, until it is filled.
      if (role?.kind === 'filling' && !role.filled) continue;
      if (!this.#unchecked && role === undefined) this.#floor = this.#shared.replica.commitment.lsn;
      this.#roles.set(slice, { kind: 'following', checked: role?.kind === 'filling' });
      news ||= role === undefined;
    }
    for (const slice of filling) {
      // One that has caught up may be in sync any moment: it stays so.
      if (!this.#roles.has(slice)) this.#roles.set(slice, { kind: 'filling', begun: false, filled: false });
    }
    // A mirror that is to have more than the stream gives is asked what it has.
    if (news) this.#break();
    this.#wake();
  }

  /** The log is about to write these records. */
  scan(payloads: readonly Buffer[], before: number, lsn: number): void {
    const takes = ({ slice, base }: RecordHead): boolean => !base && this.#isStreamed(slice);
    const groups = groupsOf(payloads, takes);
    if (groups.length > 0) this.#outbox.add(groups, before, false);
    this.#outbox.scanned = lsn;
    if (groups.length > 0) this.#wake();
    // Nobody waits for a mirror that is not there and is still to be filled: it is filled from the start when it is back.
    if (this.full && !this.counts && !this.#connected) this.#abandon();
  }

  #abandon(): void {
    this.#endFill();
    this.#outbox.clear();
    this.#newStream();
    for (const role of this.#roles.values()) if (role.kind === 'filling') role.begun = role.filled = false;
  }

  #isStreamed(slice: number): boolean {
    const role = this.#roles.get(slice);
    return role !== undefined && (role.kind === 'following' || role.begun);
  }

  /** Resolves when the slices, which are being filled, are there, with all that was appended so far; from then on answers wait for this mirror. */
  async caughtUp(slices: readonly number[]): Promise<void> {
    const ready = (): boolean =>
      slices.every((slice) => {
        const role = this.#roles.get(slice);
        return role === undefined || role.kind === 'following' || role.filled;
      });
    await this.#until(ready);
    for (const slice of slices) {
      const role = this.#roles.get(slice);
      if (role === undefined) throw new Error(`slice ${slice} is not copied to that volcano any more`);
      if (role.kind === 'filling') this.#roles.set(slice, { kind: 'following', checked: true });
    }
    await this.drained();
  }

  /** Resolves when the mirror has all of its own that was appended so far. */
  async drained(): Promise<void> {
    const lsn = this.#shared.replica.appended;
    // Before that it may not even have been put in.
    await this.#shared.replica.durableAt(lsn);
    await this.#until(() => this.acknowledged >= lsn);
  }

  /** Something has happened that those who wait may wait for. */
  moved(): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ done }) => !done());
    for (const { done, promise } of waiting) if (done()) promise.resolve();
  }

  async #until(done: () => boolean): Promise<void> {
    if (this.#closed) throw new StreamBroken('the mirror is none any more');
    if (done()) return;
    const promise = Promise.withResolvers<void>();
    this.#waiting.push({ done, promise });
    await promise.promise;
  }

  close(): void {
    this.#closed = true;
    this.#break();
    this.#endFill();
    this.#timer?.cancel();
    for (const { promise } of this.#waiting.splice(0)) promise.reject(new StreamBroken('the mirror is none any more'));
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
      this.#beginFill();
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
    if (this.#roles.size === 0) return;
    this.#running = true;
    const turn = this.#turn;
    try {
      await this.#agree(turn);
      if (turn !== this.#turn || this.#closed) return;
      this.#connected = true;
      this.#pause = RETRY_FIRST_MS;
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
    const slices = [...this.#roles.keys()];
    const stream = this.#stream;
    const found = await this.#node().followed({ epoch: epoch(), sender: self, stream, slices });
    if (turn !== this.#turn) return;
    if (found.last.length !== slices.length) throw new Error('the mirror has not told of all slices');
    if (found.sequence > 0 && !this.#unchecked) {
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
      this.#roles.get(slice)?.kind === 'following' ? [{ slice, there: found.last[at]! }] : [],
    );
    const ahead = following.filter(({ slice, there }) => there.number > replica.following.last(slice).number);
    if (ahead.length > 0) {
      const wanted = ahead.map(({ slice }) => ({ slice, after: replica.following.last(slice).number }));
      const groups = await this.#node().tail({ epoch: epoch(), sender: self, slices: wanted });
      if (turn !== this.#turn) return;
      const { gap } = replica.following.take(groups);
      if (gap !== null || groups.length === 0)
        throw new Error(`a mirror is ahead in slice ${wanted[0]!.slice}, and cannot say how`);
      throw new StreamBroken('the mirror was ahead');
    }
    const first = await missingOf(this.#shared, this.#outbox, following);
    if (turn !== this.#turn) return;
    const { acknowledged } = this.#outbox;
    this.#due = this.#outbox.restart(first, Math.min(acknowledged, this.#floor), (slice) => {
      return this.#roles.get(slice)?.kind === 'following';
    });
    this.#endFill();
    for (const role of this.#roles.values()) if (role.kind === 'filling') role.begun = role.filled = false;
    this.#check();
  }

  /** What answers wait for is in order when the mirror has what it was behind. */
  #check(): void {
    if (this.#due === null || this.#outbox.first <= this.#due || !this.#unchecked) return;
    for (const role of this.#roles.values()) if (role.kind === 'following') role.checked = true;
    this.#shared.settled();
  }

  #send(): void {
    while (this.#connected && this.#outbox.sentBytes < WINDOW_BYTES && this.#outbox.sent < MESSAGES_MAX) {
      const message = this.#outbox.next();
      if (message === undefined) return;
      const { self, epoch } = this.#shared;
      const { sequence, groups } = message;
      this.#used = true;
      const append = { epoch: epoch(), sender: self, stream: this.#stream, sequence, groups, commits: [] };
      void this.#delivered(this.#node().append(append), this.#turn);
    }
  }

  async #delivered(answer: ReturnType<MirrorNode['append']>, turn: number): Promise<void> {
    try {
      const appended = await answer;
      if (turn !== this.#turn) return;
      if (appended.gap === 1) throw new StreamBroken(`the mirror lacks records of slice ${appended.at.slice}`);
      this.#outbox.acknowledge(appended.sequence);
      this.#check();
    } catch (error) {
      if (turn !== this.#turn || this.#closed) return;
      this.#shared.logger.debug({ err: error, mirror: this.name }, 'a mirror has not taken records');
      // A gap shows that what this side believes of the mirror is wrong.
      if (error instanceof StreamBroken) this.#doubt();
      this.#break();
      this.#later();
      return;
    }
    this.#shared.moved();
    this.#wake();
  }

  /** What the mirror has is looked at again from the start. */
  #doubt(): void {
    this.#newStream();
  }

  /** Begins to fill what is to be filled, if nothing is being filled. */
  #beginFill(): void {
    if (this.#fill !== null) return;
    const slices: number[] = [];
    for (const [slice, role] of this.#roles) if (role.kind === 'filling' && !role.begun) slices.push(slice);
    if (slices.length === 0) return;
    const { replica, scanned, logger } = this.#shared;
    const fill = new Fill({
      slices,
      replica,
      last: (slice) => scanned.last(slice),
      put: (groups) => {
        this.#outbox.add(groups, this.#outbox.scanned, true);
        this.#wakeSoon();
      },
      room: (): Eventually<void> => {
        if (this.#outbox.bytes < FILL_BYTES_MAX) return undefined;
        return this.#until(() => this.#outbox.bytes < FILL_BYTES_MAX || this.#fill !== fill);
      },
    });
    this.#fill = fill;
    for (const slice of slices) (this.#roles.get(slice) as { begun: boolean }).begun = true;
    void this.#filled(fill, slices).catch((error: unknown) => {
      if (this.#fill !== fill) return;
      this.#fill = null;
      logger.warn({ err: error, mirror: this.name }, 'a mirror could not be filled; it is begun anew');
      this.#doubt();
      this.#break();
      this.#later();
    });
  }

  async #filled(fill: Fill, slices: readonly number[]): Promise<void> {
    await fill.run();
    const { last } = this.#outbox;
    await this.#until(() => this.#fill !== fill || this.#outbox.first > last);
    if (this.#fill !== fill) return;
    this.#fill = null;
    for (const slice of slices) {
      const role = this.#roles.get(slice);
      if (role?.kind === 'filling' && role.begun) role.filled = true;
    }
    this.#shared.moved();
    this.#beginFill();
  }

  #endFill(): void {
    this.#fill?.stop();
    this.#fill = null;
  }
}
