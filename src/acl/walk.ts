import { FlareError } from '../flare/errors.ts';
import type { FlareService } from '../flare/service.ts';
import { type Attributes, type Caller, FlareType, type Name } from '../flare/types.ts';

/** Who walks and makes the directories of rules. */
export const ROOT: Caller = Object.freeze({ uid: 0, gid: 0, gids: Object.freeze([]) });

/** How far a way down from the root led. */
export interface Walk {
  /** The last directory that was reached: the root, if nothing was. */
  readonly directory: Attributes;
  /** How many names led there. */
  readonly names: number;
  /** What stopped it: there is nothing of the next name, or something that is no directory. Null: it led to the end. */
  readonly stopped: 'NOENT' | 'NOTDIR' | null;
}

/** Goes down from the root, name by name, through directories only: a symlink is none (NOTDIR). Rejects when the store cannot answer. */
export async function walk(service: FlareService, names: readonly Name[]): Promise<Walk> {
  let directory = await service.getattr(service.root());
  for (const [at, name] of names.entries()) {
    try {
      const next = await service.lookup(ROOT, directory, name);
      if (next.type !== FlareType.directory) return { directory, names: at, stopped: 'NOTDIR' };
      directory = next;
    } catch (error) {
      if (error instanceof FlareError && error.status === 'NOENT') return { directory, names: at, stopped: 'NOENT' };
      throw error;
    }
  }
  return { directory, names: names.length, stopped: null };
}

/** Goes down as `walk` does, and makes the directories that are missing: root's, mode 0755. Rejects with NOTDIR where something else is in the way. */
export async function walkAndMake(service: FlareService, names: readonly Name[]): Promise<Attributes> {
  const { directory, names: found, stopped } = await walk(service, names);
  if (stopped === 'NOTDIR') throw FlareError.of('NOTDIR');
  let at = directory;
  for (const name of names.slice(found))
    at = await service.create(ROOT, at, name, { type: FlareType.directory, mode: 0o755, uid: 0, gid: 0 });
  return at;
}
