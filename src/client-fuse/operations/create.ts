import { andThen, type Eventually } from '../../base/eventually.ts';
import { type Attributes, type Birth, FlareType } from '../../flare/types.ts';
import type { Answer, Context } from '../files/context.ts';
import { deviceParts, typeOfMode } from '../protocol/attributes.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Request } from '../protocol/request.ts';
import { entry } from './entries.ts';

function made(context: Context, born: Eventually<Attributes>): Answer | Promise<Answer> {
  return andThen(born, (attributes) => entry(context, attributes));
}

function born(context: Context, request: Request, name: string, birth: Birth): Answer | Promise<Answer> {
  const directory = context.nodes.get(request.nodeid);
  return made(context, context.service.create(context.caller(request), directory.id, name, birth));
}

/** MKNOD: `fuse_mknod_in` and a name: a file, device, fifo or socket. The kernel has applied the umask. */
export function mknod(context: Context, request: Request): Answer | Promise<Answer> {
  const mode = request.u32();
  const device = request.u32();
  request.skip(8);
  const name = request.name();
  request.finish();
  const type = typeOfMode(mode);
  if (type === undefined || type === FlareType.directory || type === FlareType.symlink) throw Refusal.of('EINVAL');
  const isDevice = type === FlareType.block || type === FlareType.character;
  return born(context, request, name, { type, mode: mode & 0o7777, ...(isDevice && deviceParts(device)) });
}

/** MKDIR: `fuse_mkdir_in` and a name. */
export function mkdir(context: Context, request: Request): Answer | Promise<Answer> {
  const mode = request.u32();
  request.skip(4);
  const name = request.name();
  request.finish();
  return born(context, request, name, { type: FlareType.directory, mode: mode & 0o7777 });
}

/** SYMLINK: a name, and what it stands for. */
export function symlink(context: Context, request: Request): Answer | Promise<Answer> {
  const name = request.name();
  const target = request.target();
  request.finish();
  return born(context, request, name, { type: FlareType.symlink, mode: 0o777, target });
}

/** READLINK. */
export function readlink(context: Context, request: Request): Answer | Promise<Answer> {
  const node = context.nodes.get(request.nodeid);
  return context.service.readlink(context.caller(request), node.id);
}

/** LINK: the flare's node, and its new name in the directory that the request is about. */
export async function link(context: Context, request: Request): Promise<Answer> {
  const { nodes, service } = context;
  const directory = nodes.get(request.nodeid);
  const node = nodes.get(request.u64());
  const name = request.name();
  request.finish();
  await service.link(context.caller(request), node.id, directory.id, name);
  return entry(context, await service.getattr(node.id));
}
