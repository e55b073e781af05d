import { type Owner, type Owners, RetryError } from './owners.ts';
import { Peer, type PeerSurroundings } from './peer.ts';
import { memberOf, takenFrom } from './projection/queries.ts';
import type { Member, MemberId, Projection } from './projection/types.ts';

function sameWay(one: Member, other: Member): boolean {
  if (one === other) return true;
  return (
    one.nickname === other.nickname &&
    one.flarePort === other.flarePort &&
    one.nodePort === other.nodePort &&
    one.addresses.join() === other.addresses.join()
  );
}

/** All other volcanos, as the newest projection names them; connections are made when they are needed. */
export class Peers implements Owners {
  readonly #own: MemberId;
  readonly #surroundings: PeerSurroundings;
  readonly #peers = new Map<MemberId, Peer>();
  readonly #closing = new Set<Promise<void>>();
  #projection: Projection | null = null;

  /** `own`: this volcano's id. */
  constructor(own: MemberId, surroundings: PeerSurroundings) {
    this.#own = own;
    this.#surroundings = surroundings;
  }

  /** Takes up a newer projection: connections to who is gone, or is reached otherwise, are closed. Older ones are ignored. */
  update(projection: Projection): void {
    const before = this.#projection;
    if (before !== null && projection.epoch <= before.epoch) return;
    this.#projection = projection;
    // Whoever was taken over from does not answer: calls that wait for it are made again, of others.
    for (const id of before === null ? [] : takenFrom(before, projection)) this.#peers.get(id)?.giveUp();
    if (projection.volcanos === before?.volcanos) return;
    for (const [id, peer] of this.#peers) {
      const member = memberOf(projection, id);
      if (member !== null && sameWay(peer.member, member)) continue;
      this.#peers.delete(id);
      this.#close(peer);
    }
  }

  /** Another member. Throws `RetryError` when the newest projection has none of that id. */
  peer(id: MemberId): Peer {
    let peer = this.#peers.get(id);
    if (peer === undefined) {
      const member = this.#projection === null || id === this.#own ? null : memberOf(this.#projection, id);
      if (member === null) throw new RetryError(`no other volcano of the network has the id ${id}`);
      peer = new Peer(member, this.#surroundings);
      this.#peers.set(id, peer);
    }
    return peer;
  }

  /** Those that were called so far. */
  known(): readonly Peer[] {
    return [...this.#peers.values()];
  }

  /** All connections are made anew; calls that wait are made again. */
  giveUp(): void {
    for (const peer of this.#peers.values()) peer.giveUp();
  }

  isOwn(slice: number): boolean {
    return this.#ownerOf(slice) === this.#own;
  }

  of(slice: number): Owner {
    const id = this.#ownerOf(slice);
    if (id === undefined) throw new RetryError('the map is not known yet');
    return this.peer(id).owner(slice);
  }

  /** Closes all connections, also those that `update` gave up. */
  async close(): Promise<void> {
    for (const peer of this.#peers.values()) this.#close(peer);
    this.#peers.clear();
    await Promise.all(this.#closing);
  }

  #ownerOf(slice: number): MemberId | undefined {
    const primary = this.#projection?.map[slice]?.primary;
    return primary === undefined ? undefined : this.#projection?.volcanos[primary]?.id;
  }

  #close(peer: Peer): void {
    const closed = peer.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}
