import type { Append, Appended } from '../programs/node/handlers.ts';
import { DeniedError } from '../programs/result.ts';
import { slicesOf } from '../projection/queries.ts';
import type { Projection, SliceRange } from '../projection/types.ts';
import type { AskCommon, AskFollowed, AskTail, CommonSlices, Followed, Tail } from '../replication/types.ts';
import type { Replication, ReplicationParts } from './replication.ts';

/**
 * Copies nothing: for networks that keep one copy of everything. So it serves only slices without mirrors, and lets go to other volcanos only what has never had a
 * record: then there is nothing to copy. Everything else it refuses to do.
 */
export class NoReplication implements Replication {
  readonly #parts: ReplicationParts;
  #projection: Projection | null = null;
  /** Slices that are not served because a step is being made with them. */
  #still: ReadonlySet<number> = new Set();

  constructor(parts: ReplicationParts) {
    this.#parts = parts;
  }

  update(projection: Projection): void {
    this.#projection = projection;
  }

  /** A slice with a mirror is not served: what is answered for it would not be there. */
  mayServe(slice: number): boolean {
    const assignment = this.#projection?.map[slice];
    if (assignment === undefined || this.#still.has(slice)) return false;
    return assignment.inSync.length === 0 && assignment.filling.length === 0;
  }

  append(_append: Append): Appended {
    throw new DeniedError('this volcano mirrors nothing');
  }

  followed(_ask: AskFollowed): Followed {
    throw new DeniedError('this volcano mirrors nothing');
  }

  tail(_ask: AskTail): Tail {
    throw new DeniedError('this volcano mirrors nothing');
  }

  common(_ask: AskCommon): CommonSlices {
    throw new DeniedError('this volcano mirrors nothing');
  }

  async fill(range: SliceRange): Promise<void> {
    this.#keepStill(range);
  }

  async inSync(range: SliceRange): Promise<void> {
    this.#keepStill(range);
  }

  async withoutMirror(range: SliceRange): Promise<void> {
    this.#keepStill(range);
  }

  async handOver(range: SliceRange): Promise<void> {
    this.#keepStill(range);
  }

  resume(): void {
    this.#still = new Set();
    this.#parts.changed();
  }

  leftOut(): null {
    return null;
  }

  readonly sound = true;

  heard(): void {}

  lag(): number {
    return 0;
  }

  async close(): Promise<void> {}

  /** Serves these slices no more, if they are empty: so they stay empty. */
  #keepStill(range: SliceRange): void {
    const projection = this.#projection!;
    if (projection.replicas > 1)
      throw new Error(`the network keeps ${projection.replicas} copies, and nothing makes them`);
    this.#still = new Set(slicesOf(projection, range));
    this.#parts.changed();
    for (const slice of this.#still) {
      if (this.#parts.store.lastOf(slice).number > 0)
        throw new Error(`slice ${slice} holds records, and nothing copies them`);
    }
  }
}
