import { andThen } from '../base/eventually.ts';
import { FlareError } from '../flare/errors.ts';
import { DONE } from './errors.ts';
import { withName } from './find-name.ts';
import { newName } from './names.ts';
import { change } from './procedure.ts';
import { codecs } from './schema.ts';
import { ownHandle } from './server.ts';

/** LINK (RFC 1094 §2.2.13). From under one rule to under another: 18 (EXDEV). */
export const link = change(
  'LINK',
  codecs.link,
  codecs.stat,
  ({ to }) => ({ handle: ownHandle(to.directory) }),
  (server, args, call) => {
    const name = newName(args.to.name);
    const directory = ownHandle(args.to.directory);
    return andThen(server.enterToChange(args.file, call), (file) =>
      andThen(server.enterToChange(directory, call), (into) =>
        andThen(server.gate.sameArea(file.attributes, into.attributes), (same) => {
          if (!same) throw FlareError.of('XDEV');
          return withName(server.names, into, name, (meant) =>
            andThen(server.service.link(into.caller, file.handle, into.handle, meant), () => DONE),
          );
        }),
      ),
    );
  },
);
