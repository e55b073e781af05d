import { andThen, type Eventually } from '../base/eventually.ts';
import { FlareError } from '../flare/errors.ts';
import { type Attributes, type Caller, FlareType } from '../flare/types.ts';
import type { CallContext } from '../rpc/program.ts';
import type { Status } from './errors.ts';
import { withName } from './find-name.ts';
import { procedure } from './procedure.ts';
import { foundResult } from './results.ts';
import { codecs } from './schema.ts';
import { type Entered, latin1, type Nfs2Server } from './server.ts';

/** Whether the caller may go through the directory to `.` and `..`, which the flare service does not know. */
function maySearch(caller: Caller, { mode, uid, gid }: Attributes): boolean {
  if (caller.uid === 0) return true;
  if (caller.uid === uid) return (mode & 0o100) !== 0;
  return (mode & (caller.gid === gid || caller.gids.includes(gid) ? 0o010 : 0o001)) !== 0;
}

function lookupSelf(server: Nfs2Server, from: Entered): Eventually<Status> {
  return andThen(server.service.getattr(from.handle), (found) => foundResult(server, from, found));
}

function lookupParent(server: Nfs2Server, from: Entered, call: CallContext): Eventually<Status> {
  if (server.isTop(from)) return lookupSelf(server, from);
  return andThen(server.service.getattr(from.attributes.parent), (parent) =>
    andThen(server.judge(parent, call), ({ options }) => foundResult(server, from, parent, options)),
  );
}

function lookupDots(server: Nfs2Server, from: Entered, name: string, call: CallContext): Eventually<Status> {
  if (from.attributes.type !== FlareType.directory) throw FlareError.of('NOTDIR');
  if (!maySearch(from.caller, from.attributes)) throw FlareError.of('ACCES');
  return name === '..' ? lookupParent(server, from, call) : lookupSelf(server, from);
}

/**
 * LOOKUP (RFC 1094 §2.2.5). The empty name is `.`, as OS/2 asks (FIELD.md row 6); `..` at the top of a share is the top itself (row 7). A directory that is
 * found is judged by its own rule.
 */
export const lookup = procedure('LOOKUP', codecs.place, codecs.diropres, (server, place, call) => {
  const name = latin1(place.name);
  return andThen(server.enter(place.directory, call), (from) => {
    if (name === '' || name === '.' || name === '..') return lookupDots(server, from, name, call);
    return withName(server.names, from, name, (meant) =>
      andThen(server.service.lookup(from.caller, from.handle, meant), (found) => {
        if (found.type !== FlareType.directory) return foundResult(server, from, found);
        return andThen(server.judge(found, call), ({ options }) => foundResult(server, from, found, options));
      }),
    );
  });
});
