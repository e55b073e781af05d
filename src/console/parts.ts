import type { Rule } from '../acl/rule.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { OperatorView } from '../dht/operator-view.ts';
import type { FlareService } from '../flare/service.ts';
import type { LocalStore } from '../flare/store/local-store.ts';
import type { FlareId } from '../flare/types.ts';
import type { KeyCheck } from '../operator/guesses.ts';

/** A debug channel: its letter, the room that it makes talk, what one sees then, and whether it is on. */
export interface DebugChannel {
  readonly letter: string;
  readonly room: string;
  readonly what: string;
  readonly on: boolean;
}

/** What lies on this volcano's own disk, as far as the console shows it. */
export type StoreView = Pick<LocalStore, 'stats' | 'diskFigures' | 'extentsOf' | 'lastRecords'>;

/** All that the console shows, and does. */
export interface ConsoleParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly version: string;
  readonly nickname: string;
  /** Under which others know this volcano. */
  readonly address: string;
  /** The network's key, which who comes from another machine is asked for; null: there is none, and nobody else is let in. */
  readonly key: KeyCheck | null;
  readonly tree: FlareService;
  readonly ring: OperatorView;
  readonly store: StoreView;
  readonly rules: { rules(): readonly Rule[]; carriesRule(key: FlareId['key']): boolean };
  /** The last lines of the log, oldest first: an object of JSON each. */
  readonly log: { lines(count: number): readonly string[] };
  readonly debug: { channels(): readonly DebugChannel[]; set(letter: string, on: boolean): void };
  /** Ends the volcano in order. */
  readonly shutdown: () => void;
}
