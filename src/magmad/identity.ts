import { scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Random } from '../base/random.ts';
import type { NoteStore } from '../flare/service.ts';
import type { Config } from './config.ts';
import { UsageError } from './usage.ts';

const KEY_NOTE = 'network/key';
const NICKNAME_NOTE = 'volcano/nickname';

const FORMAT = 1;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** scrypt's cost: some 50 ms and 32 MiB a guess. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

const stretch = promisify<string, Buffer, number, object, Buffer>(scrypt);

/**
 * Holds a key against the one that the network has, or makes it the network's when it has none. The data directory keeps a salted scrypt hash. Resolves
 * with whether the key is `new`, the `same`, or there is `none`. Throws `UsageError` when it is another one.
 */
export async function checkKey(notes: NoteStore, key: string | null, random: Random): Promise<'new' | 'same' | 'none'> {
  if (key === null) return 'none';
  const kept = notes.note(KEY_NOTE);
  if (kept === null) {
    const salt = random.bytes(SALT_BYTES);
    const hash = await stretch(key, salt, HASH_BYTES, COST);
    await notes.setNote(KEY_NOTE, Buffer.concat([Buffer.of(FORMAT), salt, hash]));
    return 'new';
  }
  if (kept[0] !== FORMAT || kept.length !== 1 + SALT_BYTES + HASH_BYTES) {
    throw new Error('the network key is kept in a form that this version does not know. Cure: use a newer magmad');
  }
  const hash = await stretch(key, kept.subarray(1, 1 + SALT_BYTES), HASH_BYTES, COST);
  if (timingSafeEqual(hash, kept.subarray(1 + SALT_BYTES))) return 'same';
  throw new UsageError('this is not the key of the network in the data directory. Cure: give that key, or none');
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
