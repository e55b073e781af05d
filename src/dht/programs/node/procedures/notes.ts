import * as xdr from '@stellar/js-xdr';
import { NOTE_NAME_MAX, NOTE_VALUE_MAX } from '../../../../flare/record/limits.ts';
import { compile } from '../../../../rpc/xdr.ts';
import { nothingResult, resultOf } from '../../result.ts';
import { head } from './head.ts';

/** The most notes in one answer, and their bytes together. */
export const NOTES_MAX = 256;
export const NOTES_BYTES_MAX = 4 * 1024 * 1024;

const noteName = xdr.varOpaque(NOTE_NAME_MAX);

/** The network's notes. */
export const notesProcedures = {
  /** Notes of the whole network whose names come after `after`, by name; none when they are at the version that the caller knows. */
  NOTES: {
    number: 11,
    arguments: compile(xdr.struct('AskNotes', { ...head, after: noteName, known: xdr.uint64() })),
    result: compile(
      resultOf(
        'NotesResult',
        xdr.struct('Notes', {
          version: xdr.uint64(),
          notes: xdr.array(xdr.struct('Note', { name: noteName, value: xdr.varOpaque(NOTE_VALUE_MAX) }), NOTES_MAX),
          end: xdr.bool(),
        }),
      ),
    ),
  },
  /** Sets one of the network's notes, or removes it. */
  SETNOTE: {
    number: 12,
    arguments: compile(
      xdr.struct('SetNote', { ...head, name: noteName, value: xdr.option(xdr.varOpaque(NOTE_VALUE_MAX)) }),
    ),
    result: nothingResult,
  },
} as const;
