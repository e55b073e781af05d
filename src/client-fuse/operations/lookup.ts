import { isPending } from '../../base/eventually.ts';
import { FlareError } from '../../flare/errors.ts';
import type { Answer, Context } from '../files/context.ts';
import type { Request } from '../protocol/request.ts';
import { entry, noEntry } from './entries.ts';

function refused(context: Context, error: unknown): Answer {
  if (error instanceof FlareError && error.status === 'NOENT' && context.timeouts.negative > 0) return noEntry(context);
  throw error;
}

/** LOOKUP: a name. What is not there is said in a way that the kernel may remember. */
export function lookup(context: Context, request: Request): Answer | Promise<Answer> {
  const directory = context.nodes.get(request.nodeid);
  const name = request.name();
  request.finish();
  try {
    const found = context.service.lookup(context.caller(request), directory.id, name);
    if (!isPending(found)) return entry(context, found);
    return found.then(
      (attributes) => entry(context, attributes),
      (error) => refused(context, error),
    );
  } catch (error) {
    return refused(context, error);
  }
}
