import { FlareType } from '../../flare/types.ts';
import { ROOT } from '../../operator/paths.ts';
import { type Answer, type Asked, json } from '../asked.ts';
import { Refused } from '../refusal.ts';
import { findPlace, wait } from './find.ts';

/** `POST /api/directory`: it belongs to whom its directory belongs to. */
export async function makeDirectory(asked: Asked): Promise<Answer> {
  const { directory, name } = await findPlace(asked);
  const { uid, gid } = directory;
  const birth = { type: FlareType.directory, mode: 0o755, uid, gid };
  await wait(asked, asked.parts.tree.create(ROOT, directory, name, birth));
  return json({}, { status: 201 });
}

/** `DELETE /api/file`, of whatever is no directory. */
export async function removeFile(asked: Asked): Promise<Answer> {
  const { directory, name } = await findPlace(asked);
  await wait(asked, asked.parts.tree.remove(ROOT, directory, name));
  return json({});
}

/** `DELETE /api/directory`, of an empty one that has no rules of its own. */
export async function removeDirectory(asked: Asked): Promise<Answer> {
  const { tree, rules } = asked.parts;
  const { directory, name } = await findPlace(asked);
  const { key } = await wait(asked, tree.lookup(ROOT, directory, name));
  if (rules.carriesRule(key)) throw new Refused(409, 'A rule is bound to this directory: take that away first.');
  await wait(asked, tree.rmdir(ROOT, directory, name));
  return json({});
}
