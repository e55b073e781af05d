import type { Answer, Context } from '../files/context.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Request } from '../protocol/request.ts';
import { hide, openUnder } from './hide.ts';

/** UNLINK: a name. A file that is open here lives on until it is closed. */
export async function unlink(context: Context, request: Request): Promise<Answer> {
  const directory = context.nodes.get(request.nodeid).id;
  const name = request.name();
  request.finish();
  const caller = context.caller(request);
  const open = await openUnder(context, caller, directory, name);
  if (open === null) await context.service.remove(caller, directory, name);
  else if (open.hidden) throw Refusal.of('EBUSY');
  else await hide(context, caller, open.node, directory, name);
  return null;
}

/** RMDIR: a name. */
export async function rmdir(context: Context, request: Request): Promise<Answer> {
  const directory = context.nodes.get(request.nodeid);
  const name = request.name();
  request.finish();
  await context.service.rmdir(context.caller(request), directory.id, name);
  return null;
}
