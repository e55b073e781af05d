import type { Usage } from './types.ts';

/**
 * Limits of what uids may have in shares (docs/quotas.md). The store asks them in the turn of an operation, so they never wait; what they need of other volcanos they know
 * already.
 */
export interface Quotas {
  /** Whether a uid may have so much more in a share; `here` is what he has on the slices that are served here, before. */
  allows(share: number, uid: number, more: Usage, here: () => Usage): boolean;
  /** Whether there is any limit to what a uid may have in a share. */
  isLimited(share: number, uid: number): boolean;
}
