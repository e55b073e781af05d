import type { FlareService } from '../../flare/service.ts';
import type { DirectoryEntry, FlareId } from '../../flare/types.ts';
import { ROOT } from '../../operator/paths.ts';

/** Entries that are asked for at a time. */
const PAGE = 500;

/** The entries of a directory, page by page, in its own order. */
export async function* pages(tree: FlareService, directory: FlareId): AsyncGenerator<readonly DirectoryEntry[]> {
  for (let cookie = 0; ; ) {
    const { entries, end } = await tree.readdir(ROOT, directory, cookie, PAGE);
    if (entries.length > 0) yield entries;
    if (end || entries.length === 0) return;
    cookie = entries.at(-1)!.cookie;
  }
}
