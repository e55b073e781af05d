import type { Limit } from '../acl/quota-rule.ts';
import type { QuotaState } from '../acl/quotas.ts';

/** The smallest block, in bytes: what `quota` shows. */
export const BLOCK_MIN = 1024;
const UINT32_MAX = 2 ** 32 - 1;
/** Counts of blocks stay below this: there are clients with signed ones (as with STATFS, FIELD.md row 21). */
const COUNT_END = 2 ** 31;

/** The fields of `rquota`. */
export interface Rquota {
  readonly bsize: number;
  readonly active: boolean;
  readonly bhardlimit: number;
  readonly bsoftlimit: number;
  readonly curblocks: number;
  readonly fhardlimit: number;
  readonly fsoftlimit: number;
  readonly curfiles: number;
  readonly btimeleft: number;
  readonly ftimeleft: number;
}

/** 0 would mean that there is no limit. */
function shown(limit: number | null, unit: number): number {
  return limit === null ? 0 : Math.min(UINT32_MAX, Math.max(1, Math.floor(limit / unit)));
}

/** A quota as it goes over the wire; `now` is in milliseconds since 1970. Blocks are larger where there would be too many. */
export function rquotaOf({ quota, used, bytesUntil, filesUntil }: QuotaState, now: number): Rquota {
  const largest = ({ soft, hard }: Limit): number => Math.max(soft ?? 0, hard ?? 0);
  let bsize = BLOCK_MIN;
  while (Math.max(largest(quota.bytes), used.bytes) / bsize >= COUNT_END) bsize *= 2;
  const left = (until: number | null): number => (until === null ? 0 : Math.max(0, Math.ceil((until - now) / 1000)));
  return {
    bsize,
    active: true,
    bhardlimit: shown(quota.bytes.hard, bsize),
    bsoftlimit: shown(quota.bytes.soft, bsize),
    curblocks: Math.ceil(used.bytes / bsize),
    fhardlimit: shown(quota.files.hard, 1),
    fsoftlimit: shown(quota.files.soft, 1),
    curfiles: Math.min(UINT32_MAX, used.files),
    btimeleft: left(bytesUntil),
    ftimeleft: left(filesUntil),
  };
}
