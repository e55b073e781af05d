import { RECORD_HEAD_BYTES, type RecordHead } from './head.ts';
import { ChangeTypeSchema } from './schema.ts';

/** What a base record says of its slice's records before it: none of them counts any more, or none with a higher number than its own. */
export type Mark = 'wiped' | 'undone';

const MARKS: ReadonlyMap<number, Mark> = new Map([
  [ChangeTypeSchema.wiped, 'wiped'],
  [ChangeTypeSchema.undone, 'undone'],
]);

/** The mark that a record is, by its first bytes; null: none. Such a record has no replay, and says so in its first change. */
export function markOf({ base }: RecordHead, payload: Buffer): Mark | null {
  if (!base || payload.length < RECORD_HEAD_BYTES + 12) return null;
  const replay = payload.readUInt32BE(RECORD_HEAD_BYTES);
  const changes = payload.readUInt32BE(RECORD_HEAD_BYTES + 4);
  if (replay !== 0 || changes === 0) return null;
  return MARKS.get(payload.readUInt32BE(RECORD_HEAD_BYTES + 8)) ?? null;
}
