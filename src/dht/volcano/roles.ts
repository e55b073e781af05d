import { JOINER_IDENTITY, type Role } from '../secrets.ts';

const IDENTITY = /^magma\/1\/(volcano|client)\/[0-9a-f]{32}$/;

/** As what a caller has proved to know the network key; null: he has not. The secure network has looked at the network's id. */
export function roleOf(identity: string | undefined): Role | 'joiner' | null {
  if (identity === undefined) return null;
  if (identity === JOINER_IDENTITY) return 'joiner';
  return (IDENTITY.exec(identity)?.[1] as Role | undefined) ?? null;
}
