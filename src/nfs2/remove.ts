import { andThen } from '../base/eventually.ts';
import { DONE } from './errors.ts';
import { procedure } from './procedure.ts';
import { codecs } from './schema.ts';
import { latin1 } from './server.ts';

/** REMOVE (RFC 1094 §2.2.11). A directory is NFSERR_ISDIR. */
export const remove = procedure('REMOVE', codecs.place, codecs.stat, (server, place, call) => {
  const name = latin1(place.name);
  return andThen(server.enterToChange(place.directory, call), (from) =>
    andThen(server.service.remove(from.caller, from.handle, name), () => DONE),
  );
});
