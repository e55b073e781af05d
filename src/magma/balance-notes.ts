import { systemClock } from '../base/clock.ts';
import { systemRandom } from '../base/random.ts';
import { isPaused, MOVES_NOTE, type MoveNote, PAUSED_NOTE, readMoves } from '../dht/balance/moves.ts';
import { ownerOfKey } from '../dht/projection/queries.ts';
import { untilDone } from '../dht/retry.ts';
import { ROOT_KEY } from '../flare/keys.ts';
import type { RingClient } from './ring-client.ts';

/** Notes whose names come after this one are the balance's first. */
const BEFORE = 'balance/';

/** What the network's notes say of its balance. */
export interface BalanceState {
  readonly paused: boolean;
  /** The last ones, newest first. */
  readonly moves: readonly MoveNote[];
}

/** Asks the owner of the network's notes. Rejects when that does not answer. */
export async function readBalance(ring: Pick<RingClient, 'projection' | 'node'>): Promise<BalanceState> {
  const { notes } = await ring.node(ownerOfKey(ring.projection, ROOT_KEY)).notes(BEFORE, 0);
  const note = (name: string): Buffer | null => notes.find((one) => one.name === name)?.value ?? null;
  return { paused: isPaused({ note }), moves: readMoves(note(MOVES_NOTE)) };
}

/** Has nothing more be moved, or things moved again; durable when it resolves. */
export function setPaused(ring: RingClient, paused: boolean): Promise<void> {
  const pace = { clock: systemClock, random: systemRandom };
  return untilDone(pace, paused ? 'pausing' : 'resuming', async () => {
    const asked = ring.projection.volcanos.find((one) => one.nickname === ring.asked);
    const { projection } = asked === undefined ? ring : await ring.newer(asked);
    await ring.node(ownerOfKey(projection, ROOT_KEY)).setNote(PAUSED_NOTE, paused ? Buffer.from('1') : null);
  });
}
