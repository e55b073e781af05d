import type { Disk } from '../../../src/base/disk.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { sliceOf } from '../../../src/flare/keys.ts';
import { batchRecords } from '../../../src/flare/kml/format.ts';
import { openKml } from '../../../src/flare/kml/kml.ts';
import { decodeRecord } from '../../../src/flare/record/codec.ts';
import { type EntryState, type Flare, unpackEntry, unpackFlare, unpackId } from '../../../src/flare/record/pack.ts';
import { type Change, ChangeTypeSchema, type Undone } from '../../../src/flare/record/schema.ts';
import { readIdentity } from '../../../src/flare/store/identity.ts';
import { sliceOfNote } from '../../../src/flare/store/note-table.ts';
import { type FlareId, FlareType, type Key, type Name } from '../../../src/flare/types.ts';

/** A name as the log has it. */
export interface NamedEntry {
  readonly directory: FlareId;
  readonly name: Name;
  readonly entry: EntryState;
}

/** What a volcano's log says that there is, read without its index: by docs/architecture.md, "Records". */
export interface LogImage {
  readonly flares: Map<Key, Flare>;
  /** By the directory's key and the name. */
  readonly entries: Map<string, NamedEntry>;
  /** Further names of files with several: by the file, then by the directory's key. */
  readonly parents: Map<string, Map<Key, number>>;
  readonly notes: Map<string, Buffer>;
}

export function flareText({ key, generation }: FlareId): string {
  return `${Buffer.from(key, 'latin1').toString('hex')} ${generation}`;
}

/** All that is of a slice is gone. */
function wipe(image: LogImage, slice: number): void {
  for (const key of image.flares.keys()) if (sliceOf(key) === slice) image.flares.delete(key);
  for (const [at, { directory }] of image.entries) if (sliceOf(directory.key) === slice) image.entries.delete(at);
  for (const text of image.parents.keys())
    if (Number.parseInt(text.slice(0, 2), 16) === slice) image.parents.delete(text);
  for (const name of image.notes.keys()) if (sliceOfNote(name) === slice) image.notes.delete(name);
}

/** What nobody had accepted has been taken back. */
function undo(image: LogImage, { ended, flares, names, parents, notes }: Undone): void {
  for (const id of ended.map(unpackId)) {
    if (image.flares.get(id.key)?.attributes.generation === id.generation) image.flares.delete(id.key);
    image.parents.delete(flareText(id));
  }
  for (const key of flares.map((bytes) => bytes.toString('latin1') as Key))
    if (image.flares.get(key)?.attributes.type === FlareType.directory) image.flares.delete(key);
  for (const { directory, name } of names) image.entries.delete(unpackId(directory).key + name.toString('latin1'));
  for (const id of parents) image.parents.delete(flareText(unpackId(id)));
  for (const name of notes) image.notes.delete(name.toString('latin1'));
}

function take(image: LogImage, slice: number, change: Change): void {
  switch (change.type) {
    case ChangeTypeSchema.flare: {
      const flare = unpackFlare(change.flare.flare);
      image.flares.set(flare.attributes.key, flare);
      break;
    }
    case ChangeTypeSchema.flareGone: {
      const id = unpackId(change.flareGone.id);
      image.flares.delete(id.key);
      image.parents.delete(flareText(id));
      break;
    }
    case ChangeTypeSchema.entry: {
      const directory = unpackId(change.entry.directory);
      const name = change.entry.name.toString('latin1');
      image.entries.set(directory.key + name, { directory, name, entry: unpackEntry(change.entry.entry) });
      break;
    }
    case ChangeTypeSchema.entryGone: {
      const { directory, name } = change.entryGone;
      image.entries.delete(unpackId(directory).key + name.toString('latin1'));
      break;
    }
    case ChangeTypeSchema.parentLink: {
      const { id, directory, count } = change.parentLink;
      const text = flareText(unpackId(id));
      const links = image.parents.get(text) ?? new Map<Key, number>();
      if (count === 0) links.delete(unpackId(directory).key);
      else links.set(unpackId(directory).key, count);
      image.parents.set(text, links);
      break;
    }
    case ChangeTypeSchema.note: {
      const { name, value } = change.note;
      if (value === null) image.notes.delete(name.toString('latin1'));
      else image.notes.set(name.toString('latin1'), value);
      break;
    }
    case ChangeTypeSchema.wiped:
      wipe(image, slice);
      break;
    case ChangeTypeSchema.undone:
      undo(image, change.undone);
      break;
  }
}

/** Reads what the log of a disk that no volcano uses says of some slices. Rejects as `openKml` does. */
export async function readLog(disk: Disk, has: (slice: number) => boolean): Promise<LogImage> {
  const image: LogImage = { flares: new Map(), entries: new Map(), parents: new Map(), notes: new Map() };
  const networkId = await readIdentity(disk);
  if (networkId === null) throw new Error('there is no network on the disk');
  const kml = await openKml({ disk, logger: silentLogger, networkId });
  try {
    for (const { number } of kml.segments()) {
      for await (const batch of kml.walkSegment(number)) {
        for (const { payload } of batchRecords(batch)) {
          const { slice, changes } = decodeRecord(payload);
          if (has(slice)) for (const change of changes) take(image, slice, change);
        }
      }
    }
  } finally {
    await kml.close();
  }
  return image;
}
