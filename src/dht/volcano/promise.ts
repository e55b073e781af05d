import * as xdr from '@stellar/js-xdr';
import type { NoteStore } from '../../flare/service.ts';
import { compile } from '../../rpc/xdr.ts';
import { ID_BYTES, type MemberId } from '../projection/types.ts';

/** The note of what a volcano has promised. */
export const PROMISE_NOTE = 'dht/promise';

/** What a volcano has promised to whoever moves the register: from now on it goes by no map of an epoch below that one, and expects it from that volcano. */
export interface RegisterPromise {
  readonly epoch: number;
  readonly candidate: MemberId;
}

const codec = compile(xdr.struct('RegisterPromise', { epoch: xdr.uint64(), candidate: xdr.opaque(ID_BYTES) }));

/** The promise that the notes hold; null when there is none. Throws `XdrError` when it cannot be read. */
export function loadPromise(notes: NoteStore): RegisterPromise | null {
  const kept = notes.note(PROMISE_NOTE);
  if (kept === null) return null;
  const { epoch, candidate } = codec.decode(kept);
  return { epoch, candidate: candidate.toString('hex') };
}

/** Keeps a promise, or forgets it; durable when it resolves. */
export async function keepPromise(notes: NoteStore, promise: RegisterPromise | null): Promise<void> {
  const value =
    promise === null ? null : codec.encode({ epoch: promise.epoch, candidate: Buffer.from(promise.candidate, 'hex') });
  await notes.setNote(PROMISE_NOTE, value);
}
