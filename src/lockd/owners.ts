import { createHash } from 'node:crypto';
import { type LockOwner, OWNER_MAX } from '../flare/locks/types.ts';

/** What the holders of all locks that came by NLM begin with. */
export const NLM_HOLDER = 'nlm';

/** The longest holder that is taken, in bytes: so that no client can fill the memory of locks by a few names. */
export const NLM_HOLDER_MAX = 128;

/**
 * The holder of what a client locks: its address and the name that it gives itself, for machines behind one address have different names, and machines of one name different
 * addresses. Null when the name is too long.
 */
export function holderOf(address: string, name: string): string | null {
  // The name is the last word: what stands before it is the machine (`machineOf`).
  const holder = `${NLM_HOLDER} ${address} ${name.replaceAll(' ', '_')}`;
  return holder.length > NLM_HOLDER_MAX ? null : holder;
}

/** The owner of a lock there: the process and the bytes by which the client tells its owners apart; of long ones the SHA-1. */
export function ownerOf(svid: number, bytes: Buffer): string {
  const owner = `${svid}:${bytes.toString('latin1')}`;
  if (owner.length <= OWNER_MAX) return owner;
  return `${svid}:${createHash('sha1').update(bytes).digest('hex')}`;
}

/** What a client is told of an owner: as it said it itself, if it was a client like it; of others the holder. */
export function bytesOf({ holder, owner }: LockOwner): Buffer {
  const own = holder.startsWith(`${NLM_HOLDER} `) ? owner.slice(owner.indexOf(':') + 1) : holder;
  return Buffer.from(own, 'latin1');
}
