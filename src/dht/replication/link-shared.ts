import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Random } from '../../base/random.ts';
import type { LastRecord } from '../../flare/store/following.ts';
import type { Replica } from '../../flare/store/replica.ts';
import type { MemberId } from '../projection/types.ts';
import type { Restored } from './fill.ts';
import type { Pace } from './pace.ts';

/** A sender's own slices, as far as their records have been handed to the links. */
export interface Scanned {
  /** The LSN up to which the log has been looked at. */
  readonly lsn: number;
  last(slice: number): LastRecord;
}

/** What all links of a sender share. */
export interface LinkShared {
  readonly self: MemberId;
  readonly replica: Replica;
  readonly scanned: Scanned;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The number of a slice up to which the mirror is known to have acknowledged its records, if the map says that it is in sync: what was committed before may be on its way there. */
  readonly acknowledged: (slice: number) => number;
  /** A mirror has been found to be none that answers may wait for, or to be one again. */
  readonly judged: () => void;
  /** Of the map that this volcano goes by. */
  readonly epoch: () => number;
  /** A mirror has acknowledged something. */
  readonly moved: () => void;
  /** What fills mirrors goes by this, of all links together. */
  readonly pace: Pace;
  /** Slices have become whole on a mirror. */
  readonly restored: (how: Restored) => void;
  /** A mirror has been found to have what it should. */
  readonly settled: () => void;
}
