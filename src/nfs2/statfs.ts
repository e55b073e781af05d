import { andThen } from '../base/eventually.ts';
import type { SpaceFigures } from '../flare/types.ts';
import { OK } from './errors.ts';
import { procedure } from './procedure.ts';
import { codecs } from './schema.ts';

/** The block size of figures that are small enough for it, in bytes. */
export const BLOCK_LEAST = 4096;
/** Numbers of blocks stay below this: clients have signed numbers. */
export const BLOCKS_END = 2 ** 31;

/** Block size and counts for that room: the block is doubled until the counts fit (FIELD.md row 21). `pretend` is the most that is shown, in bytes. */
export function blockFigures(
  room: SpaceFigures,
  pretend: number | null,
): { bsize: number; blocks: number; bfree: number; bavail: number } {
  const most = pretend ?? Number.POSITIVE_INFINITY;
  const total = Math.min(room.totalBytes, most);
  let bsize = BLOCK_LEAST;
  while (Math.floor(total / bsize) >= BLOCKS_END) bsize *= 2;
  const blocks = (bytes: number): number => Math.floor(Math.max(0, Math.min(bytes, total)) / bsize);
  return { bsize, blocks: blocks(total), bfree: blocks(room.freeBytes), bavail: blocks(room.availableBytes) };
}

/** STATFS (RFC 1094 §2.2.18). `tsize` is the rule's (FIELD.md row 18). */
export const statfs = procedure('STATFS', codecs.handle, codecs.statfsres, (server, handle, call) =>
  andThen(server.enter(handle, call), ({ options }) =>
    andThen(server.service.statfs(), (room) => ({
      status: OK,
      value: { tsize: options.tsize, ...blockFigures(room, options.size) },
    })),
  ),
);
