import { andThen, type Eventually } from '../base/eventually.ts';
import { FlareError } from '../flare/errors.ts';
import { checkUnbound } from './bound.ts';
import { DONE, type Status } from './errors.ts';
import { withName } from './find-name.ts';
import { change } from './procedure.ts';
import { codecs } from './schema.ts';
import { type Entered, latin1, type Nfs2Server, ownHandle, sameFlare } from './server.ts';

/** The name that is to be replaced or made. A name that only changes its case is no other one that would be in the way. */
function goal(server: Nfs2Server, from: Entered, fromName: string, to: Entered, toName: string): Eventually<string> {
  return withName(server.names, to, toName, (meant) => {
    const itself = meant === fromName && sameFlare(from.handle, to.handle);
    return itself ? toName : meant;
  });
}

function move(server: Nfs2Server, from: Entered, fromName: string, to: Entered, toName: string): Eventually<Status> {
  return andThen(server.gate.sameArea(from.attributes, to.attributes), (same) => {
    if (!same) throw FlareError.of('XDEV');
    return andThen(checkUnbound(server, from, fromName), () =>
      andThen(checkUnbound(server, to, toName), () =>
        andThen(server.service.rename(from.caller, from.handle, fromName, to.handle, toName), () => DONE),
      ),
    );
  });
}

/** RENAME (RFC 1094 §2.2.12). From under one rule to under another, and of or over a directory with rules of its own: 18 (EXDEV). */
export const rename = change(
  'RENAME',
  codecs.rename,
  codecs.stat,
  ({ from }) => ({ handle: ownHandle(from.directory) }),
  (server, args, call) => {
    const fromName = latin1(args.from.name);
    const toName = latin1(args.to.name);
    const toHandle = ownHandle(args.to.directory);
    return andThen(server.enterToChange(args.from.directory, call), (from) =>
      andThen(server.enterToChange(toHandle, call), (to) =>
        withName(server.names, from, fromName, (meant) =>
          andThen(goal(server, from, meant, to, toName), (name) => move(server, from, meant, to, name)),
        ),
      ),
    );
  },
);
