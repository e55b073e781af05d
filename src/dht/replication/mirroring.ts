import { LOCAL_SLICE, SLICES } from '../../flare/keys.ts';
import { batchEnd, batchRecords } from '../../flare/kml/format.ts';
import type { LogBatch } from '../../flare/kml/types.ts';
import { recordHead } from '../../flare/record/head.ts';
import type { LastRecord } from '../../flare/store/following.ts';
import type { Replica } from '../../flare/store/replica.ts';
import type { Append, Appended } from '../programs/node/handlers.ts';
import { type Step, stretch } from '../projection/plan.ts';
import { indexOf, runOf, slicesOf } from '../projection/queries.ts';
import type { MemberId, Projection, SliceAssignment, SliceRange } from '../projection/types.ts';
import type { Replication, ReplicationParts } from '../volcano/replication.ts';
import { addRestored, type Restored } from './fill.ts';
import { FILL_BYTES_A_SECOND } from './limits.ts';
import { MirrorLink } from './mirror-link.ts';
import { Pace } from './pace.ts';
import { Receiver } from './receiver.ts';
import type { AskCommon, AskFollowed, AskTail, CommonSlices, Followed, Tail } from './types.ts';

/** Numbers that wait to be committed. */
interface Uncommitted {
  readonly lsn: number;
  readonly numbers: Map<number, number>;
}

/**
 * Keeps this volcano's slices on the mirrors that the projection names, and is such a mirror for others (docs/architecture.md, "Replication"). All ranges and members are
 * those of the projection that `update` was given last.
 */
export class Mirroring implements Replication {
  readonly #parts: ReplicationParts;
  readonly #replica: Replica;
  readonly #receiver: Receiver;
  readonly #links = new Map<MemberId, MirrorLink>();
  readonly #last: LastRecord[] = [];
  /** Slices that are being handed over. */
  #stopped: ReadonlySet<number> = new Set();
  #projection: Projection | null = null;
  #own = -1;
  #scanned: number;
  /** Slices came when so much was in the log. */
  #cameAt = 0;
  readonly #commits = new Float64Array(SLICES);
  readonly #uncommitted: Uncommitted[] = [];
  #served = '';
  #disturbed = Promise.withResolvers<void>();
  readonly #pace: Pace;
  /** How slices have become whole on mirrors, all in all. */
  readonly restored: Restored = { replayed: 0, undone: 0, filled: 0, bytes: 0 };

  /** Fills mirrors with `fillBytesASecond` at most, all together. */
  constructor(parts: ReplicationParts, fillBytesASecond = FILL_BYTES_A_SECOND) {
    this.#parts = parts;
    this.#replica = parts.store.replica;
    this.#pace = new Pace(parts.clock, fillBytesASecond);
    this.#receiver = new Receiver(this.#replica, (sender, slice) => this.#follows(sender, slice));
    this.#scanned = this.#replica.durable;
    for (let slice = 0; slice < SLICES; slice++) this.#last.push(this.#replica.following.last(slice));
    this.#replica.onWriting((batch) => this.#writing(batch));
    this.#replica.commits = (slice) => this.#commits[slice] ?? 0;
    this.#replica.apart = (one, other) => this.#areApart(one, other);
    const self = this;
    this.#replica.commitment.copies = {
      get lsn() {
        return self.#copied();
      },
      get full() {
        return self.#isFull();
      },
      get any() {
        return [...self.#links.values()].some(({ counts }) => counts);
      },
      room: (slice) => self.#room(slice),
    };
  }

  /** A newer map holds. */
  update(projection: Projection): void {
    const before = this.#projection;
    const wasOwn = this.#own;
    this.#projection = projection;
    this.#own = indexOf(projection, this.#parts.self);
    if (before !== null) this.#moveOwn(before, wasOwn);
    this.#replica.epoch = projection.epoch;
    for (const [slice, { primary }] of projection.map.entries()) if (primary !== this.#own) this.#commits[slice] = 0;
    for (const slice of this.#stopped) if (projection.map[slice]?.primary !== this.#own) this.#resumed(slice);
    const { self, clock, random, logger } = this.#parts;
    const wanted = this.#assignments(projection);
    for (const [member, link] of this.#links) {
      if (wanted.has(member)) continue;
      this.#links.delete(member);
      link.close();
    }
    for (const [member, { following, filling }] of wanted) {
      let link = this.#links.get(member);
      if (link === undefined) {
        link = new MirrorLink(member, () => this.#parts.peers.peer(member).node, {
          ...{ self, clock, random, logger },
          replica: this.#replica,
          scanned: this.#scannedView(),
          epoch: () => this.#projection!.epoch,
          acknowledged: (slice) => (this.#isInSync(member, slice) ? (this.#commits[slice] ?? 0) : 0),
          pace: this.#pace,
          restored: (how) => addRestored(this.restored, how),
          judged: () => this.#judged(),
          moved: () => this.#moved(),
          settled: () => {
            this.#moved();
            this.#tell();
          },
        });
        this.#links.set(member, link);
      }
      link.assign(following, filling);
      link.wake();
    }
    this.#moved();
    this.#tell();
  }

  /**
   * Some slices have come, and some have gone. Of those that others have taken over this volcano may have written what not all mirrors have: nobody has accepted that. Who waits for it is not
   * to be told that it is there: he asks again. Of those that it has taken over itself it may have records that are not on its disk yet.
   */
  #moveOwn(before: Projection, wasOwn: number): void {
    const lost = new Set<number>();
    let came = false;
    for (const [slice, { primary, inSync }] of this.#projection!.map.entries()) {
      const had = before.map[slice]?.primary === wasOwn;
      // Of what it has handed over itself all is there.
      if (had && primary !== this.#own && !inSync.includes(this.#own)) lost.add(slice);
      came ||= !had && primary === this.#own;
    }
    if (came) {
      this.#cameAt = this.#replica.appended;
      this.#replica.durableAt(this.#cameAt).then(
        () => this.#tell(),
        () => {},
      );
    }
    if (lost.size === 0) return;
    // What is not being written yet has not been looked at.
    let open = this.#replica.appended > this.#scanned;
    for (const { numbers } of this.#uncommitted) for (const slice of lost) open = numbers.delete(slice) || open;
    if (open) this.#replica.commitment.disown();
  }

  #scannedView() {
    const self = this;
    return {
      get lsn() {
        return self.#scanned;
      },
      last: (slice: number): LastRecord => self.#last[slice]!,
    };
  }

  /** The mirrors of this volcano's slices. */
  #assignments({ map, volcanos }: Projection): Map<MemberId, { following: number[]; filling: number[] }> {
    const found = new Map<MemberId, { following: number[]; filling: number[] }>();
    const of = (index: number) => {
      const { id } = volcanos[index]!;
      const known = found.get(id) ?? { following: [], filling: [] };
      found.set(id, known);
      return known;
    };
    for (const [slice, { primary, inSync, filling }] of map.entries()) {
      if (primary !== this.#own) continue;
      for (const index of inSync) of(index).following.push(slice);
      for (const index of filling) of(index).filling.push(slice);
    }
    return found;
  }

  /** Whether the map says that this volcano's answers for the slice wait for that one. */
  #isInSync(member: MemberId, slice: number): boolean {
    const { map, volcanos } = this.#projection!;
    const { primary, inSync } = map[slice]!;
    return primary === this.#own && inSync.some((index) => volcanos[index]!.id === member);
  }

  /** Whether this volcano mirrors a slice of that one, by the map. */
  #follows(sender: MemberId, slice: number): boolean {
    const assignment: SliceAssignment | undefined = this.#projection?.map[slice];
    if (assignment === undefined || this.#projection!.volcanos[assignment.primary]!.id !== sender) return false;
    return assignment.inSync.includes(this.#own) || assignment.filling.includes(this.#own);
  }

  /** Whether answers wait for other mirrors with one slice than with the other: what changes both would be there in parts after a crash. */
  #areApart(one: number, other: number): boolean {
    for (const link of this.#links.values()) if (link.roles.part(one) !== link.roles.part(other)) return true;
    return false;
  }

  #resumed(slice: number): void {
    const rest = new Set(this.#stopped);
    rest.delete(slice);
    this.#stopped = rest;
  }

  /** The log begins to write a batch: each mirror is sent what is its own of it. */
  #writing(batch: LogBatch): void {
    const payloads: Buffer[] = [];
    const numbers = new Map<number, number>();
    for (const { payload } of batchRecords(batch)) {
      payloads.push(payload);
      const { slice, number, epoch, base } = recordHead(payload);
      if (slice === LOCAL_SLICE) continue;
      this.#last[slice] = { number, epoch };
      // What it has as a mirror is committed where its primary says so.
      if (!base && this.#projection?.map[slice]?.primary === this.#own) numbers.set(slice, number);
    }
    const { lsn } = batchEnd(batch);
    for (const link of this.#links.values()) link.scan(payloads, this.#scanned, lsn);
    this.#scanned = lsn;
    if (numbers.size > 0) this.#uncommitted.push({ lsn, numbers });
    this.#confirm();
  }

  /** Learns which numbers are committed. */
  #confirm(): void {
    const { lsn } = this.#replica.commitment;
    while (this.#uncommitted.length > 0 && this.#uncommitted[0]!.lsn <= lsn) {
      for (const [slice, number] of this.#uncommitted.shift()!.numbers) this.#commits[slice] = number;
    }
  }

  /** Up to where all mirrors that answers wait for have everything. */
  #copied(): number {
    if (this.#projection === null) return 0;
    let least = Number.POSITIVE_INFINITY;
    for (const link of this.#links.values()) if (link.counts) least = Math.min(least, link.acknowledged);
    return least;
  }

  #isFull(): boolean {
    for (const link of this.#links.values()) if (link.full) return true;
    return false;
  }

  /** What the mirrors of a slice that answers wait for can take. */
  #room(slice: number): number {
    let least = Number.POSITIVE_INFINITY;
    for (const link of this.#links.values()) if (link.roles.isFollowing(slice)) least = Math.min(least, link.room);
    return least;
  }

  /** What is waited for may never come: whoever waits looks at the plan again. */
  #judged(): void {
    this.#disturbed.resolve();
    this.#disturbed = Promise.withResolvers();
    this.#parts.changed();
  }

  /** Waits for that, unless a mirror must be left out first. */
  async #undisturbed(work: Promise<unknown>): Promise<void> {
    work.catch(() => {});
    const disturbed = this.#disturbed.promise.then(() => true);
    if ((await Promise.race([work, disturbed])) === true) throw new Error('a mirror is to be left out first');
  }

  /** The step that leaves out a mirror which is of no use, though the map says that answers wait for it; null: there is none. */
  leftOut(): Step | null {
    const projection = this.#projection;
    const run = projection === null ? null : runOf(projection, this.#own);
    if (projection === null || run === null) return null;
    for (const [id, link] of this.#links) {
      if (!this.#isUseless(link)) continue;
      const member = indexOf(projection, id);
      const range = stretch(
        projection,
        run,
        ({ inSync, filling }) => inSync.includes(member) || (this.#parts.silent(id) && filling.includes(member)),
      );
      if (range !== null) return { kind: 'withoutMirror', member, range };
    }
    return null;
  }

  #isUseless({ name, unfit }: MirrorLink): boolean {
    return unfit !== null || this.#parts.silent(name);
  }

  /** False when this volcano lacks records that it should have, and that nobody can give it one by one. */
  get sound(): boolean {
    for (const link of this.#links.values()) if (link.behind) return false;
    return true;
  }

  /** Others are silent, or are not any more. */
  heard(): void {
    if ([...this.#links.values()].some((link) => this.#isUseless(link))) this.#judged();
  }

  #moved(): void {
    this.#replica.commitment.advance();
    this.#confirm();
    for (const link of this.#links.values()) link.moved();
  }

  /** Says so when what may be served is not what it was. */
  #tell(): void {
    let served = '';
    for (let slice = 0; slice < SLICES; slice++) served += this.mayServe(slice) ? '1' : '0';
    if (served === this.#served) return;
    this.#served = served;
    this.#parts.changed();
  }

  /** Whether this volcano may answer for the slice: it is its primary, is not about to hand it over, and knows that each mirror in sync has all. */
  mayServe(slice: number): boolean {
    const assignment = this.#projection?.map[slice];
    if (assignment === undefined || assignment.primary !== this.#own || this.#stopped.has(slice)) return false;
    if (this.#replica.durable < this.#cameAt) return false;
    return assignment.inSync.every((index) => this.#linkTo(index)?.roles.follows(slice) === true);
  }

  #linkTo(index: number): MirrorLink | undefined {
    return this.#links.get(this.#projection!.volcanos[index]!.id);
  }

  /** Another volcano sends records to this mirror. Bytes may lie in the receive buffer. */
  append(append: Append): Promise<Appended> {
    return this.#receiver.append(append);
  }

  /** A primary asks this mirror what it has. */
  followed(ask: AskFollowed): Promise<Followed> {
    return this.#receiver.followed(ask);
  }

  /** A primary asks this mirror for records. */
  tail(ask: AskTail): Promise<Tail> {
    return this.#receiver.tail(ask);
  }

  /** A primary that is about to fill this mirror asks what both have in common. */
  common(ask: AskCommon): Promise<CommonSlices> {
    return this.#receiver.common(ask);
  }

  /** Resolves when `member` may become a filling mirror of the range: the map says so next. */
  async fill(_range: SliceRange, _member: number): Promise<void> {}

  /** Resolves when `member`, which is being filled, has all of the range: answers wait for it from then on, and the map says so next. */
  async inSync(range: SliceRange, member: number): Promise<void> {
    const filled = this.#link(member).caughtUp([...slicesOf(this.#projection!, range)]);
    await this.#undisturbed(filled.then(() => this.#settled()));
  }

  /** Resolves when `member` may be no mirror of the range any more: the map says so next. */
  async withoutMirror(range: SliceRange, member: number): Promise<void> {
    const link = this.#linkTo(member);
    link?.roles.leave(slicesOf(this.#projection!, range));
    await this.#settled(link);
  }

  /** Resolves when all that was appended so far is here and on every mirror in sync but that one, and those that are to be left out, too: no crash leaves a part of it, whoever mirrors what from then on. */
  async #settled(but?: MirrorLink): Promise<void> {
    await this.#replica.durableAt(this.#replica.appended);
    const links = [...this.#links.values()].filter((link) => link.counts && link !== but && !this.#isUseless(link));
    await Promise.all(links.map((link) => link.drained()));
  }

  /** Stops serving the range, and resolves when `member`, and each other mirror in sync, has all of it. The map names that as the primary next. */
  async handOver(range: SliceRange, member: number): Promise<void> {
    this.#stopped = new Set([...this.#stopped, ...slicesOf(this.#projection!, range)]);
    this.#tell();
    await this.#undisturbed(Promise.all([this.#link(member).drained(), this.#settled()]));
  }

  #link(member: number): MirrorLink {
    const link = this.#linkTo(member);
    if (link === undefined) throw new RangeError(`volcano ${member} mirrors nothing of this one`);
    return link;
  }

  /** The step that `handOver` or `withoutMirror` prepared will not be made, or has been. */
  resume(): void {
    this.#stopped = new Set();
    for (const link of this.#links.values()) link.roles.stay();
    this.#tell();
  }

  /** By how many records the slowest in-sync mirror is behind. */
  lag(): number {
    let most = 0;
    for (const link of this.#links.values()) if (link.counts) most = Math.max(most, link.lag);
    return most;
  }

  /** Ends all that is under way; called before the store is closed. */
  async close(): Promise<void> {
    for (const link of this.#links.values()) link.close();
  }
}
