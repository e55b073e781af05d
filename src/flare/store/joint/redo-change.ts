import { unpackEntry, unpackFlare, unpackId } from '../../record/pack.ts';
import { type Change, ChangeTypeSchema } from '../../record/schema.ts';
import type { Key } from '../../types.ts';
import type { State } from '../state.ts';

/** Puts into the state what a prepared operation changes: flares, entries and parent links. */
export function redoChange(state: State, change: Change, lsn: number, segment: number): void {
  if (change.type === ChangeTypeSchema.flare) {
    const flare = unpackFlare(change.flare.flare);
    state.setFlare(flare.attributes.key, flare, lsn, segment);
  } else if (change.type === ChangeTypeSchema.flareGone) {
    state.setFlare(change.flareGone.id.key.toString('latin1') as Key, null, lsn, segment);
  } else if (change.type === ChangeTypeSchema.entry) {
    const { directory, name, entry } = change.entry;
    state.setEntry(unpackId(directory).key, name.toString('latin1'), unpackEntry(entry), lsn, segment);
  } else if (change.type === ChangeTypeSchema.entryGone) {
    const { directory, name } = change.entryGone;
    state.setEntry(unpackId(directory).key, name.toString('latin1'), null, lsn, segment);
  } else if (change.type === ChangeTypeSchema.parentLink) {
    const { id, directory, count } = change.parentLink;
    state.setParent(unpackId(id), unpackId(directory), count, lsn, segment);
  }
}
