import { createHash } from 'node:crypto';
import { BusyError } from '../../flare/joint.ts';
import { SLICES } from '../../flare/keys.ts';
import type { LocalStore } from '../../flare/store/local-store.ts';
import type { SliceDigest } from '../programs/node/handlers.ts';

/** What lies here of a slice, in short. Reads all of it. `BusyError` when it changed meanwhile; RangeError when there is no such slice. */
export async function digestOf(store: LocalStore, slice: number): Promise<SliceDigest> {
  if (!Number.isInteger(slice) || slice < 0 || slice >= SLICES) throw new RangeError(`there is no slice ${slice}`);
  const before = store.lastOf(slice);
  const lines = await store.replica.lines(slice, false);
  const { number, epoch } = store.lastOf(slice);
  if (number !== before.number || epoch !== before.epoch) throw new BusyError();
  const digest = createHash('sha256');
  for (const line of lines) digest.update(`${line}\n`);
  return { number, epoch, digest: digest.digest() };
}
