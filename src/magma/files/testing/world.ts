import { seededRandom } from '../../../base/random.ts';
import { manualClock } from '../../../base/testing/manual-clock.ts';
import { MemoryService } from '../../../flare/testing/memory-service.ts';
import { FlareType } from '../../../flare/types.ts';
import { ROOT } from '../../../operator/paths.ts';
import { progress } from '../../progress.ts';
import { need, remotePath } from '../paths.ts';
import { Report } from '../report.ts';
import type { Work } from '../run.ts';

/** A tree in memory, and commands about it without a network. */
export class World {
  readonly tree = new MemoryService({ clock: manualClock(), random: seededRandom(1) });
  readonly controller = new AbortController();
  /** What the last work said. */
  said: string[] = [];

  /** What a command works with; `tree` in place of the world's own. */
  work(flags: Work['flags'] = {}, tree: Work['tree'] = this.tree): Work {
    this.said = [];
    const to = { write: (text: string) => void this.said.push(text.trimEnd()) };
    const report = new Report('test', 'text', progress('test', 'bytes', { to }));
    return { tree, report, signal: this.controller.signal, flags, json: false };
  }

  /** Makes a file with that content. */
  async file(path: string, content: Uint8Array, mode = 0o644): Promise<void> {
    const { names } = remotePath(path);
    const parent = await need(this.tree, names.slice(0, -1));
    const made = await this.tree.create(ROOT, parent, names.at(-1)!, { type: FlareType.file, mode });
    if (content.length > 0) await this.tree.write(ROOT, made, 0, content);
  }

  async content(path: string): Promise<Buffer> {
    const found = await need(this.tree, remotePath(path).names);
    return Buffer.from((await this.tree.read(ROOT, found, 0, found.size)).data);
  }

  /** The names in a directory, in their order. */
  async names(path: string): Promise<string[]> {
    const found = await need(this.tree, remotePath(path).names);
    const { entries } = await this.tree.readdir(ROOT, found, 0, 10_000);
    return entries.map(({ name }) => name).sort();
  }
}
