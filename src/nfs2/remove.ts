import { andThen } from '../base/eventually.ts';
import { DONE } from './errors.ts';
import { withName } from './find-name.ts';
import { change } from './procedure.ts';
import { codecs } from './schema.ts';
import { latin1, ownHandle } from './server.ts';

/** REMOVE (RFC 1094 §2.2.11). A directory is NFSERR_ISDIR. */
export const remove = change(
  'REMOVE',
  codecs.place,
  codecs.stat,
  ({ directory }) => ({ handle: ownHandle(directory) }),
  (server, place, call) => {
    const name = latin1(place.name);
    return andThen(server.enterToChange(place.directory, call), (from) =>
      withName(server.names, from, name, (meant) =>
        andThen(server.service.remove(from.caller, from.handle, meant), () => DONE),
      ),
    );
  },
);
