import { andThen } from '../base/eventually.ts';
import { FlareError } from '../flare/errors.ts';
import { FlareType } from '../flare/types.ts';
import { birthOf } from './birth.ts';
import { toChanges } from './changes.ts';
import { DONE } from './errors.ts';
import { withName } from './find-name.ts';
import { newName } from './names.ts';
import { change } from './procedure.ts';
import { codecs, TARGET_MAX } from './schema.ts';
import { ownHandle } from './server.ts';

/** The mode of symlinks whose maker named none: nobody looks at it. */
const MODE_UNSET = 0o777;

/** SYMLINK (RFC 1094 §2.2.14). The mode is that of the attributes, though UNIX servers may leave it unused. */
export const symlink = change(
  'SYMLINK',
  codecs.symlink,
  codecs.stat,
  ({ where }) => ({ handle: ownHandle(where.directory) }),
  (server, args, call) => {
    const name = newName(args.where.name);
    if (args.target.length > TARGET_MAX) throw FlareError.of('NAMETOOLONG');
    const birth = {
      ...birthOf(toChanges(args.attributes), FlareType.symlink, MODE_UNSET),
      target: Buffer.from(args.target),
    };
    return andThen(server.enterToChange(args.where.directory, call), (into) =>
      withName(server.names, into, name, (meant) =>
        andThen(server.service.create(into.caller, into.handle, meant, birth), () => DONE),
      ),
    );
  },
);
