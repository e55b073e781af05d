import { FlareError } from '../../flare/errors.ts';
import { type Attributes, type Caller, type FlareId, FlareType, type Name } from '../../flare/types.ts';
import type { Context } from '../files/context.ts';
import type { HiddenName, Node } from '../files/nodes.ts';

/** What a file is called that was removed while it is open, as with NFS clients: jobs that clean up know these names. */
const HIDDEN_PREFIX = '.nfs';

/** A name for a file that was removed while it is open; chance keeps it apart from those of other clients. */
function hiddenName({ random }: Context, { fileid }: Attributes): Name {
  return `${HIDDEN_PREFIX}${fileid.toString(16).padStart(16, '0')}${random.bytes(4).toString('hex')}`;
}

/**
 * The node whose last name `name` is, if it is a file that is open here: such a file has to outlive its name, so it is to be given another one. `hidden` when the name
 * is such a one already. Null for everything else, and for what is not there.
 */
export async function openUnder(
  context: Context,
  caller: Caller,
  directory: FlareId,
  name: Name,
): Promise<{ readonly node: Node; readonly hidden: boolean } | null> {
  if (context.handles.files === 0) return null;
  let found: Attributes;
  try {
    found = await context.service.lookup(caller, directory, name);
  } catch (error) {
    if (error instanceof FlareError && error.status === 'NOENT') return null;
    throw error;
  }
  const node = context.nodes.find(found);
  if (node === undefined || node.opens === 0 || found.type !== FlareType.file) return null;
  const { hidden } = node;
  if (hidden !== null) return isName(hidden, directory, name) ? { node, hidden: true } : null;
  return found.nlink === 1 ? { node, hidden: false } : null;
}

function isName(hidden: HiddenName, directory: FlareId, name: Name): boolean {
  const { key, generation } = hidden.directory;
  return hidden.name === name && key === directory.key && generation === directory.generation;
}

/** Takes the name of an open file away; it lives on under another one until it is closed. */
export async function hide(
  context: Context,
  caller: Caller,
  node: Node,
  directory: FlareId,
  name: Name,
): Promise<void> {
  const to = hiddenName(context, node.known);
  await context.service.rename(caller, directory, name, directory, to);
  await hiddenAs(context, node, { caller, directory, name: to });
}

/** Gives an open file another name besides the one that is about to be taken over; what it returns takes that back. */
export async function hideBeside(
  context: Context,
  caller: Caller,
  node: Node,
  directory: FlareId,
): Promise<() => Promise<void>> {
  const to = hiddenName(context, node.known);
  await context.service.link(caller, node.id, directory, to);
  await hiddenAs(context, node, { caller, directory, name: to });
  return async () => {
    node.hidden = null;
    await context.service.remove(caller, directory, to);
  };
}

/** The file may have been closed meanwhile. */
async function hiddenAs(context: Context, node: Node, hidden: HiddenName): Promise<void> {
  node.hidden = hidden;
  if (node.opens === 0) await removeHidden(context, node);
}

/** Ends a file that was removed while it was open, and is no longer. What fails is logged: the file stays under its hidden name. */
export async function removeHidden(context: Context, node: Node): Promise<void> {
  const { hidden } = node;
  if (hidden === null) return;
  node.hidden = null;
  try {
    await context.service.remove(hidden.caller, hidden.directory, hidden.name);
  } catch (error) {
    if (error instanceof FlareError && (error.status === 'NOENT' || error.status === 'STALE')) return;
    const name = Buffer.from(hidden.name, 'latin1').toString();
    context.logger.warn(
      { err: error, name },
      'a file that was removed while it was open is still there, under this name',
    );
  }
}
