import type { Eventually } from '../../base/eventually.ts';
import type { Attributes, Name } from '../../flare/types.ts';
import { walk } from '../../operator/paths.ts';
import { waited } from '../../operator/waited.ts';
import type { Asked } from '../asked.ts';
import { namesOf } from '../percent.ts';
import { Refused } from '../refusal.ts';

/** How long one question to the network is waited for, in milliseconds. */
export const ANSWER_MS = 30_000;

/** Waits for an answer of the tree, not for ever, and not when the connection is gone. */
export function wait<T>({ parts, signal }: Pick<Asked, 'parts' | 'signal'>, answer: Eventually<T>): Promise<T> {
  return waited(answer, parts.clock, ANSWER_MS, signal);
}

/** What the request's path means. Symbolic links are not followed. Throws what `refusalOf` knows. */
export async function find(
  asked: Asked,
): Promise<{ readonly names: readonly string[]; readonly attributes: Attributes }> {
  const names = namesOf(asked.query.get('path'));
  return { names, attributes: await walk(asked.parts.tree, names, (answer) => wait(asked, answer)) };
}

/** The directory that the request's path lies in, and the last name of it. Throws what `refusalOf` knows. */
export async function findPlace(asked: Asked): Promise<{ readonly directory: Attributes; readonly name: Name }> {
  const names = namesOf(asked.query.get('path'));
  const name = names.pop();
  if (name === undefined) throw new Refused(400, 'That is the root directory.');
  return { directory: await walk(asked.parts.tree, names, (answer) => wait(asked, answer)), name };
}
