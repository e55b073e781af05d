import { andThen } from '../base/eventually.ts';
import { FlareType } from '../flare/types.ts';
import { birthOf } from './birth.ts';
import { toChanges } from './changes.ts';
import { withName } from './find-name.ts';
import { newName } from './names.ts';
import { change, type Retelling } from './procedure.ts';
import { foundResult } from './results.ts';
import { codecs, type Place } from './schema.ts';
import { ownHandle } from './server.ts';

/** The mode of directories whose maker named none. */
const MODE_UNSET = 0o755;

const AGAIN: Retelling<{ readonly where: Place }> = ({ where }) => ({
  handle: ownHandle(where.directory),
  answer: (server, made, view) => foundResult(server, view, made),
});

/** MKDIR (RFC 1094 §2.2.15). */
export const mkdir = change('MKDIR', codecs.create, codecs.diropres, AGAIN, (server, { where, attributes }, call) => {
  const name = newName(where.name);
  const birth = birthOf(toChanges(attributes), FlareType.directory, MODE_UNSET);
  return andThen(server.enterToChange(where.directory, call), (into) =>
    withName(server.names, into, name, (meant) =>
      andThen(server.service.create(into.caller, into.handle, meant, birth), (made) => foundResult(server, into, made)),
    ),
  );
});
