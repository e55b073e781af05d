import { scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Random } from '../base/random.ts';
import { CHECK_NOTE } from '../dht/keys/plan.ts';
import { NICKNAME_NOTE } from '../dht/volcano/enter.ts';
import type { NoteStore } from '../flare/service.ts';
import type { Config } from './config.ts';
import { UsageError } from './usage.ts';

/** What the network's key is checked with: for the whole network, and a volcano's own copy, which it has before it reaches the others. */
const KEY_NOTE = CHECK_NOTE;
const OWN_KEY_NOTE = 'volcano/key';

const FORMAT = 1;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** scrypt's cost: some 50 ms and 32 MiB a guess. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

const stretch = promisify<string, Buffer, number, object, Buffer>(scrypt);

async function isKey(kept: Buffer, key: string): Promise<boolean> {
  if (kept[0] !== FORMAT || kept.length !== 1 + SALT_BYTES + HASH_BYTES) {
    throw new Error('the network key is kept in a form that this version does not know. Cure: use a newer magmad');
  }
  const hash = await stretch(key, kept.subarray(1, 1 + SALT_BYTES), HASH_BYTES, COST);
  return timingSafeEqual(hash, kept.subarray(1 + SALT_BYTES));
}

/** Whether that is the key which the data directory was first seen with; true when it was never seen with one. */
export async function isKeyOf(notes: NoteStore, key: string): Promise<boolean> {
  const kept = notes.note(OWN_KEY_NOTE) ?? notes.note(KEY_NOTE);
  return kept === null || isKey(kept, key);
}

/**
 * Holds a key against what the data directory knows of the network's, before anything is said to others. Throws `UsageError` when it is another one.
 */
export async function checkKey(notes: NoteStore, key: string): Promise<void> {
  if (!(await isKeyOf(notes, key)))
    throw new UsageError('this is not the key of the network in the data directory. Cure: give that key');
}

/**
 * Makes a key that was checked the network's, when it has none yet; and has the data directory know it. What is kept is a salted scrypt hash. Resolves with whether the
 * key is `new`.
 */
export async function keepKey(notes: NoteStore, key: string, random: Random): Promise<'new' | 'same'> {
  const known = notes.note(KEY_NOTE);
  let kept = known;
  if (kept === null) {
    const salt = random.bytes(SALT_BYTES);
    kept = Buffer.concat([Buffer.of(FORMAT), salt, await stretch(key, salt, HASH_BYTES, COST)]);
    await notes.setNote(KEY_NOTE, kept);
  }
  if (notes.note(OWN_KEY_NOTE)?.equals(kept) !== true) await notes.setNote(OWN_KEY_NOTE, kept);
  return known === null ? 'new' : 'same';
}

/** The volcano's nickname: the one that was given, which is kept; else the one kept; else `otherwise`, which is kept. */
export async function settleNickname(
  notes: NoteStore,
  config: Pick<Config, 'nickname'>,
  otherwise: string,
): Promise<string> {
  const kept = notes.note(NICKNAME_NOTE)?.toString('ascii');
  const nickname = config.nickname ?? kept ?? otherwise;
  if (nickname !== kept) await notes.setNote(NICKNAME_NOTE, Buffer.from(nickname, 'ascii'));
  return nickname;
}
