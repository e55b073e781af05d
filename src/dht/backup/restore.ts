import type { Clock } from '../../base/clock.ts';
import { SLICES } from '../../flare/keys.ts';
import { EPOCH_OFFSET } from '../../flare/record/head.ts';
import type { LocalStore } from '../../flare/store/local-store.ts';
import { LOCK_PREFIX } from '../../flare/store/locks/lock-note.ts';
import { EPOCH_ALONE } from '../../flare/store/slices.ts';
import { noteLoss } from '../losses.ts';
import { BackupError } from './errors.ts';
import type { BackupEnd, BackupHeader, BackupPiece, BackupShare } from './format.ts';

/** The log is waited for when so many bytes are on their way to it. */
const AHEAD_BYTES = 4 * 1024 * 1024;

/** What was restored. */
export interface Restored {
  /** The network that it was. */
  readonly network: string;
  /** Of which directory it has the contents; null: of all. */
  readonly share: BackupShare | null;
  /** The moment that it shows, ISO 8601, UTC. */
  readonly taken: string;
  readonly backups: number;
  readonly records: number;
  /** Operations over several volcanos that were under way then: done, as decided, and undone. */
  readonly done: number;
  readonly undone: number;
}

/** Looks whether a backup goes on where the one before it ends. Throws `BackupError`. */
export function checkFollows(
  header: BackupHeader,
  before: { readonly network: string; readonly id: string } | null,
): void {
  if (before === null) {
    if (header.follows === null) return;
    throw new BackupError(
      `the backup of ${header.begun} holds only what has changed since another one (${header.follows.id}), which is missing: give that first`,
    );
  }
  if (header.network !== before.network) throw new BackupError('they are backups of different networks');
  if (header.follows?.id !== before.id)
    throw new BackupError(
      `the backup of ${header.begun} does not follow the one before it: one is missing, or the order is wrong`,
    );
}

/**
 * Makes what backups show of a store that was booted anew: the first stands alone, each further one follows the one before it. All records get the epoch of a volcano that is alone: what comes of it is another
 * network. Rejects with `BackupError`, and with what the store refuses with; then the store is of no use. Durable when it resolves.
 */
export async function restore(
  store: LocalStore,
  pieces: AsyncIterable<BackupPiece>,
  clock: Clock,
  told: (bytes: number) => void = () => {},
): Promise<Restored> {
  let header: BackupHeader | null = null;
  let end: BackupEnd | null = null;
  let backups = 0;
  let records = 0;
  let waiting = 0;
  for await (const piece of pieces) {
    if (piece.kind === 'header') {
      checkFollows(piece.header, header);
      ({ header } = piece);
      end = null;
    } else if (piece.kind === 'records') {
      const { lsn, bytes } = takeIn(store, piece.records);
      records += piece.records.length;
      waiting += bytes;
      if (waiting >= AHEAD_BYTES) {
        await store.replica.durableAt(lsn);
        waiting = 0;
      }
      told(bytes);
    } else {
      ({ end } = piece);
      backups += 1;
      checkAt(store, piece.end);
    }
  }
  if (header === null || end === null) throw new BackupError('there is no backup');
  await store.replica.durableAt(store.replica.appended);
  const settled = await settle(store, clock);
  await store.checkpoint();
  return { network: header.network, share: header.share, taken: end.taken, backups, records, ...settled };
}

function takeIn(store: LocalStore, records: readonly Buffer[]): { readonly lsn: number; readonly bytes: number } {
  let bytes = 0;
  const groups = records.map((record) => {
    const own = Buffer.from(record);
    own.writeBigUInt64BE(BigInt(EPOCH_ALONE), EPOCH_OFFSET);
    bytes += own.length;
    return [own];
  });
  const { lsn, gap } = store.replica.following.take(groups);
  if (gap !== null) throw new BackupError(`it lacks records of slice ${gap.slice} behind ${gap.last.number}`);
  return { lsn, bytes };
}

function checkAt(store: LocalStore, { at }: BackupEnd): void {
  for (let slice = 0; slice < SLICES; slice++) {
    const { number } = store.lastOf(slice);
    if (number !== at[slice]!.number)
      throw new BackupError(`it has slice ${slice} up to record ${number}, and says ${at[slice]!.number}`);
  }
}

/** What was under way comes to its end, as after a power cut of all; nobody holds locks any more, and those who did are told. */
async function settle(store: LocalStore, clock: Clock): Promise<Pick<Restored, 'done' | 'undone'>> {
  const { joint } = store;
  // The operations in the log were not there when the store was opened.
  store.serve(null);
  let done = 0;
  let undone = 0;
  for (const { operation } of joint.undecided()) {
    const committed = joint.decision(operation) === 'committed';
    await joint.resolve(operation, committed);
    if (committed) done += 1;
    else undone += 1;
  }
  joint.delivered(joint.undelivered().map(({ operation }) => operation));
  for (const name of store.notes(LOCK_PREFIX).keys()) await store.setNote(name, null);
  await noteLoss(store, clock);
  return { done, undone };
}
