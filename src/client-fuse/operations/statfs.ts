import { andThen } from '../../base/eventually.ts';
import { NAME_MAX } from '../../flare/types.ts';
import type { Answer, Context } from '../files/context.ts';
import { STATFS_OUT_BYTES } from '../protocol/numbers.ts';
import { Reply } from '../protocol/reply.ts';

/** The unit of the figures, in bytes. */
const BLOCK_BYTES = 4096;
/** How many more flares there is said to be room for: their number has no limit of its own. */
const FLARES_FREE = 2 ** 31;

/** STATFS. */
export function statfs({ service }: Context): Answer | Promise<Answer> {
  return andThen(service.statfs(), ({ totalBytes, freeBytes, availableBytes, flares }) => {
    const reply = new Reply(STATFS_OUT_BYTES);
    for (const bytes of [totalBytes, freeBytes, availableBytes]) reply.u64(Math.floor(bytes / BLOCK_BYTES));
    reply.u64(flares + FLARES_FREE).u64(FLARES_FREE);
    return reply.u32(BLOCK_BYTES).u32(NAME_MAX).u32(BLOCK_BYTES).zeros(28);
  });
}
