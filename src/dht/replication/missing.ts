import { recordHead } from '../../flare/record/head.ts';
import type { LastRecord } from '../../flare/store/following.ts';
import type { Wanted } from '../../flare/store/log-tail.ts';
import { TAIL_BYTES_MAX } from './limits.ts';
import type { LinkShared } from './link-shared.ts';
import type { Outbox } from './outbox.ts';

/** The records that a mirror lacks, by what it says it has of slices, and that do not wait for it anyhow. null when they are not in the log any more. */
export async function missingOf(
  { replica, scanned }: LinkShared,
  outbox: Outbox,
  following: readonly { readonly slice: number; readonly there: LastRecord }[],
): Promise<Buffer[][] | null> {
  const firstWaiting = new Map<number, number>();
  for (const payload of outbox.payloads()) {
    const { slice, number } = recordHead(payload);
    if (!firstWaiting.has(slice)) firstWaiting.set(slice, number);
  }
  const wanted = new Map<number, Wanted>();
  for (const { slice, there } of following) {
    const upTo = (firstWaiting.get(slice) ?? scanned.last(slice).number + 1) - 1;
    if (there.number < upTo) wanted.set(slice, { after: there.number, upTo });
  }
  if (wanted.size === 0) return [];
  await replica.durableAt(scanned.lsn);
  return replica.tail(wanted, TAIL_BYTES_MAX);
}
