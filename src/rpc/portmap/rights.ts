import { isLoopback } from '../../base/address.ts';
import type { CallContext } from '../program.ts';
import { OWN } from './table.ts';

const LOWEST_OPEN_PORT = 1024;
const SUPERUSER = 'superuser';
const OTHERS = 'unknown';

/** True when the call comes from this machine: only then may it register and remove (RFC 1833 §2.2.1). */
export function isLocal(call: CallContext): boolean {
  return isLoopback(call.client.address) && isLoopback(call.server.address);
}

/** Who registers: a port below 1024 shows the superuser. What the caller says of himself counts for nothing. */
export function ownerOf(call: CallContext): string {
  return call.client.port < LOWEST_OPEN_PORT ? SUPERUSER : OTHERS;
}

/** Whether the caller may remove a registration: his kind's own, the superuser all but magma's. */
export function mayRemove(call: CallContext): (owner: string) => boolean {
  const caller = ownerOf(call);
  return (owner) => owner !== OWN && (caller === SUPERUSER || owner === caller);
}
