import { FlareError } from '../../flare/errors.ts';
import { type Caller, type FlareId, FlareType, type Name } from '../../flare/types.ts';
import type { Answer, Context } from '../files/context.ts';
import { RENAME_NOREPLACE } from '../protocol/numbers.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Request } from '../protocol/request.ts';
import { hideBeside, openUnder } from './hide.ts';

interface Move {
  readonly caller: Caller;
  readonly from: FlareId;
  readonly fromName: Name;
  readonly to: FlareId;
  readonly toName: Name;
}

function moveOf(context: Context, request: Request, newDirectory: number): Move {
  const from = context.nodes.get(request.nodeid).id;
  const to = context.nodes.get(newDirectory).id;
  const fromName = request.name();
  const toName = request.name();
  request.finish();
  return { caller: context.caller(request), from, fromName, to, toName };
}

/** A file that is open here and about to lose its last name to another one gets a hidden one first, so that it lives on; others always see one or the other. */
async function replace(context: Context, { caller, from, fromName, to, toName }: Move): Promise<void> {
  const { service } = context;
  const open = await openUnder(context, caller, to, toName);
  let undo: (() => Promise<void>) | null = null;
  if (open !== null) {
    if (open.hidden) throw Refusal.of('EBUSY');
    const source = await service.lookup(caller, from, fromName);
    const same = source.key === open.node.id.key && source.generation === open.node.id.generation;
    if (!same && source.type !== FlareType.directory) undo = await hideBeside(context, caller, open.node, to);
  }
  try {
    await service.rename(caller, from, fromName, to, toName);
  } catch (error) {
    await undo?.();
    throw error;
  }
}

/**
 * RENAME_NOREPLACE: EXIST when the goal is taken. The service has no such rename, but to give a file one more name is refused when that is taken: so it gets the
 * new name first and loses the old one then. Directories have one name only: EINVAL, and tools look and rename by themselves.
 */
async function moveToFree(context: Context, { caller, from, fromName, to, toName }: Move): Promise<void> {
  const { service } = context;
  const source = await service.lookup(caller, from, fromName);
  if (source.type === FlareType.directory) throw Refusal.of('EINVAL');
  await service.link(caller, source, to, toName);
  try {
    await service.remove(caller, from, fromName);
  } catch (error) {
    // Somebody else was quicker with the old name.
    if (error instanceof FlareError && error.status === 'NOENT') return;
    await service.remove(caller, to, toName);
    throw error;
  }
}

/** RENAME: `fuse_rename_in`, the old name, the new name. */
export async function rename(context: Context, request: Request): Promise<Answer> {
  await replace(context, moveOf(context, request, request.u64()));
  return null;
}

/** RENAME2: `fuse_rename2_in`, the old name, the new name. EINVAL for an exchange, which the service does not have. */
export async function rename2(context: Context, request: Request): Promise<Answer> {
  const directory = request.u64();
  const flags = request.u32();
  request.skip(4);
  const move = moveOf(context, request, directory);
  if (flags === 0) await replace(context, move);
  else if (flags === RENAME_NOREPLACE) await moveToFree(context, move);
  else throw Refusal.of('EINVAL');
  return null;
}
