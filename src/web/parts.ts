import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { OperatorView } from '../dht/operator-view.ts';
import type { FlareService } from '../flare/service.ts';
import type { LocalStore } from '../flare/store/local-store.ts';
import type { FlareId } from '../flare/types.ts';
import type { KeyCheck } from '../operator/guesses.ts';

/** All that the web page shows, and does. */
export interface WebParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly version: string;
  readonly nickname: string;
  /** The network's key; null: there is none, nothing can be changed, and only this machine is let in. */
  readonly key: KeyCheck | null;
  readonly tree: FlareService;
  readonly ring: OperatorView;
  /** What lies on this volcano's own disk. */
  readonly store: Pick<LocalStore, 'stats' | 'diskFigures'>;
  readonly rules: { carriesRule(key: FlareId['key']): boolean };
  /** The last lines of the log, oldest first: an object of JSON each; and how many there were since the start. */
  readonly log: { lines(count: number): readonly string[]; added(): number };
  /** Why this volcano does not serve, in words; null: it does. */
  readonly unready: () => string | null;
}

/** The certificate of addresses that are not loopback, in PEM. */
export interface Certificate {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}
