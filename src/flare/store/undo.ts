import { unpackId } from '../record/pack.ts';
import type { Undone } from '../record/schema.ts';
import type { Key } from '../types.ts';
import type { State } from './state.ts';

/** Takes out of the state what records that nobody had accepted have touched (`UndoneSchema`). */
export function undo(state: State, slice: number, undone: Undone, lsn: number): void {
  for (const id of undone.ended) state.endFlare(unpackId(id), lsn);
  for (const key of undone.flares) state.forgetDirectory(key.toString('latin1') as Key, lsn);
  for (const { directory, name } of undone.names)
    state.setEntry(unpackId(directory).key, name.toString('latin1'), null, lsn, 0);
  for (const { id, first, count } of undone.chunks) state.files.forget(unpackId(id), first, count, lsn);
  for (const packed of undone.parents) {
    const id = unpackId(packed);
    for (const { directory } of [...state.parentsUnit(id).value.values()]) state.setParent(id, directory, 0, lsn, 0);
  }
  for (const name of undone.notes)
    state.notes.set(name.toString('latin1'), { value: null, before: null, lsn, segment: 0 });
  state.replays.wipe(slice);
  state.slices.goBack(slice);
}
