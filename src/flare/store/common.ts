import { KmlReadError, KmlRotError } from '../kml/errors.ts';
import { decodeRecord, encodeRecord } from '../record/codec.ts';
import { UNDO_BYTES_MAX } from '../record/limits.ts';
import { ChangeTypeSchema, OperationSchema } from '../record/schema.ts';
import type { Core } from './core.ts';
import type { Following, LastRecord } from './following.ts';
import { epochAt, type LogRuns, type Run } from './log-runs.ts';
import { tailOf, type Wanted } from './log-tail.ts';
import { partialChange } from './note-table.ts';
import { Touched } from './touched.ts';

/** Records that are read to undo them, in bytes; what takes more is not undone. */
export const UNDO_READ_MAX = 64 * 1024 * 1024;

/** What another volcano has of a slice, the newest run first. */
export interface Theirs {
  readonly slice: number;
  readonly runs: readonly Run[];
}

/** The last record that two copies of a slice have in common. */
export interface Common {
  readonly last: LastRecord;
  /** The record that undoes, here, all that comes behind it; null: nothing does. */
  readonly undo: Buffer | null;
}

/**
 * Finds for each slice the last record that the copy here has in common with another one: (epoch, number) means one record for ever, and who has it has all that came before it. null when
 * there is none in both logs, when what is here is no copy by itself, or when what would have to be undone is too much.
 */
export async function commonWith(
  core: Core,
  following: Following,
  runs: LogRuns,
  theirs: readonly Theirs[],
): Promise<Map<number, Common | null>> {
  const found = new Map<number, Common | null>();
  const forked = new Map<number, readonly Run[]>();
  for (const { slice, runs } of theirs) {
    const here = following.last(slice);
    found.set(slice, null);
    if (here.number === 0 || following.partial(slice)) continue;
    if (epochAt(runs, here.number) === here.epoch) found.set(slice, { last: here, undo: null });
    else forked.set(slice, runs);
  }
  if (forked.size === 0) return found;
  try {
    for (const [slice, common] of await undone(core, following, runs, forked)) found.set(slice, common);
  } catch (error) {
    // What the log does not give is not undone.
    if (!(error instanceof KmlRotError || error instanceof KmlReadError)) throw error;
  }
  return found;
}

/** The last record in both; null: none. */
export function lastInBoth(ours: readonly Run[], theirs: readonly Run[]): LastRecord | null {
  for (const { epoch, first, last } of ours) {
    const same = theirs.find((run) => run.epoch === epoch);
    if (same === undefined) continue;
    const number = Math.min(last, same.last);
    return number >= Math.max(first, same.first) ? { number, epoch } : null;
  }
  return null;
}

async function undone(
  core: Core,
  following: Following,
  runs: LogRuns,
  forked: ReadonlyMap<number, readonly Run[]>,
): Promise<Map<number, Common>> {
  const enough = (theirs: readonly Run[]) => (run: Run) => lastInBoth([run], theirs) !== null;
  const ours = await runs.of(new Map([...forked].map(([slice, theirs]) => [slice, enough(theirs)])));
  const lasts = new Map<number, { readonly from: LastRecord; readonly last: LastRecord }>();
  const wanted = new Map<number, Wanted>();
  for (const [slice, theirs] of forked) {
    const from = following.last(slice);
    const last = lastInBoth(ours.get(slice)!.runs, theirs);
    if (last === null) continue;
    lasts.set(slice, { from, last });
    wanted.set(slice, { after: last.number, upTo: from.number });
  }
  const groups = await tailOf(core.kml, wanted, UNDO_READ_MAX);
  if (groups === null) return new Map();
  const touched = new Map([...lasts.keys()].map((slice) => [slice, new Touched()]));
  for (const payload of groups.flat()) {
    const record = decodeRecord(payload);
    touched.get(record.slice)!.add(record);
  }
  const found = new Map<number, Common>();
  for (const [slice, { from, last }] of lasts) {
    const all = touched.get(slice)!;
    const now = following.last(slice);
    if (!all.undoable || now.number !== from.number || now.epoch !== from.epoch) continue;
    const head = { ...last, slice, time: core.clock.now(), commit: 0, place: 0, groupSize: 1, replay: null };
    const changes = [{ type: ChangeTypeSchema.undone, undone: all.undone(from) }, partialChange(slice, true)];
    const undo = encodeRecord({ ...head, operation: OperationSchema.base, changes });
    if (undo.length <= UNDO_BYTES_MAX) found.set(slice, { last, undo });
  }
  return found;
}
