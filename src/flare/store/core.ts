import type { Clock } from '../../base/clock.ts';
import { FlareError } from '../errors.ts';
import type { IndexHost } from '../index/types.ts';
import { BusyError } from '../joint.ts';
import { KmlClosedError, KmlWedgedError } from '../kml/errors.ts';
import type { Appended, Kml, Payload } from '../kml/types.ts';
import type { Quotas } from '../quotas.ts';
import type { Commitment } from './commitment.ts';
import type { Flusher } from './flusher.ts';
import type { StoreLimits } from './limits.ts';
import type { Pins } from './pins.ts';
import type { Repair } from './repair.ts';
import type { Replays } from './replays.ts';
import type { Space } from './space.ts';
import type { State } from './state.ts';

/** What all parts of the store work on. */
export interface Core {
  readonly state: State;
  readonly kml: Kml;
  /** Decides what may be shown and answered. */
  readonly commitment: Commitment;
  readonly host: IndexHost;
  readonly flusher: Flusher;
  readonly clock: Clock;
  readonly limits: StoreLimits;
  readonly replays: Replays;
  readonly space: Space;
  readonly pins: Pins;
  readonly repair: Repair;
  /** What limits changes; null: nothing does. */
  readonly quotas: { limits: Quotas | null };
}

/** A failure of the log, as callers see it: IO; `BusyError` when others have copies, one of whom takes over. Other errors stay what they are. */
export function asRefusal({ commitment }: Pick<Core, 'commitment'>, error: unknown): unknown {
  if (!(error instanceof KmlWedgedError || error instanceof KmlClosedError)) return error;
  return commitment.shared ? new BusyError() : FlareError.of('IO');
}

/**
 * Appends records. NOSPC when they do not fit beside the reserve, here or where `slices` are copied to, or, with `mayUseReserve`, on the disk here at all; IO, `BusyError` (`asRefusal`).
 */
export function appendGroup(
  core: Core,
  payloads: readonly Payload[],
  mayUseReserve: boolean,
  slices: Iterable<number> = [],
): Appended {
  let bytes = 0;
  for (const payload of payloads) bytes += payload.length;
  if (mayUseReserve) core.space.admitReserved(bytes);
  else {
    core.space.admit(bytes);
    core.commitment.admit(slices, bytes);
  }
  let appended: Appended;
  try {
    appended = core.kml.append(payloads);
  } catch (error) {
    throw asRefusal(core, error);
  }
  core.space.appended(bytes);
  return appended;
}
