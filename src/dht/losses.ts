import { struct, uint32, uint64 } from '@stellar/js-xdr';
import type { Clock } from '../base/clock.ts';
import type { NoteStore } from '../flare/service.ts';
import { compile } from '../rpc/xdr.ts';

/** A note of the network: how often records were lost, and when last. */
export const LOSS_NOTE = 'loss/records';
const codec = compile(struct('Losses', { count: uint32(), seconds: uint64() }));

/** How often an operator has given up records that were answered, and when last, in seconds since 1970; 0: never. */
export interface Losses {
  readonly count: number;
  readonly seconds: number;
}

/** What the network's notes know of losses. */
export function lossesOf(notes: NoteStore): Losses {
  const value = notes.note(LOSS_NOTE);
  return value === null ? { count: 0, seconds: 0 } : codec.decode(value);
}

/** Notes that records were lost just now, for those who gave promises by them: locks. Durable when it resolves. */
export async function noteLoss(notes: NoteStore, clock: Clock): Promise<void> {
  const { count } = lossesOf(notes);
  await notes.setNote(LOSS_NOTE, codec.encode({ count: count + 1, seconds: Math.floor(clock.now() / 1_000_000) }));
}
