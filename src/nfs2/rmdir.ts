import { andThen } from '../base/eventually.ts';
import { checkUnbound } from './bound.ts';
import { DONE } from './errors.ts';
import { withName } from './find-name.ts';
import { change } from './procedure.ts';
import { codecs } from './schema.ts';
import { latin1, ownHandle } from './server.ts';

/** RMDIR (RFC 1094 §2.2.16). A directory with rules of its own stays: 18 (EXDEV). */
export const rmdir = change(
  'RMDIR',
  codecs.place,
  codecs.stat,
  ({ directory }) => ({ handle: ownHandle(directory) }),
  (server, place, call) => {
    const name = latin1(place.name);
    return andThen(server.enterToChange(place.directory, call), (from) =>
      withName(server.names, from, name, (meant) =>
        andThen(checkUnbound(server, from, meant), () =>
          andThen(server.service.rmdir(from.caller, from.handle, meant), () => DONE),
        ),
      ),
    );
  },
);
