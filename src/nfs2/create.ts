import { andThen } from '../base/eventually.ts';
import { FlareError } from '../flare/errors.ts';
import { type Attributes, FlareType } from '../flare/types.ts';
import { birthOf } from './birth.ts';
import { toChanges, type Wanted, wanted } from './changes.ts';
import { withName } from './find-name.ts';
import { newName } from './names.ts';
import { change, type Retelling } from './procedure.ts';
import { foundResult } from './results.ts';
import { codecs, type Place, type Sattr } from './schema.ts';
import { ownHandle } from './server.ts';

/** The mode of files whose creator named none: their owner's alone. */
const MODE_UNSET = 0o600;

/**
 * Whether the flare that has the name will do: any but a symlink for a file (an existing device or fifo is opened: FIELD.md row 9), else the
 * same type.
 */
function fits(found: Attributes, { type }: Wanted): boolean {
  return type === FlareType.file ? found.type !== FlareType.symlink : found.type === type;
}

const AGAIN: Retelling<{ readonly where: Place; readonly attributes: Sattr }> = ({ where, attributes }) => ({
  handle: ownHandle(where.directory),
  answer(server, found, view) {
    const asked = wanted(attributes);
    if (asked === undefined || !fits(found, asked)) throw FlareError.of('EXIST');
    return foundResult(server, view, found);
  },
});

/**
 * CREATE (RFC 1094 §2.2.10). A name that is taken is opened, and cut if a size was given and it is a file. It makes devices, fifos and sockets
 * too: FIELD.md rows 8, 9 and 10.
 */
export const create = change('CREATE', codecs.create, codecs.diropres, AGAIN, (server, { where, attributes }, call) => {
  const asked = wanted(attributes);
  const changes = toChanges(attributes);
  const birth = birthOf(changes, asked?.type ?? FlareType.file, MODE_UNSET);
  const name = newName(where.name);
  return andThen(server.enterToChange(where.directory, call), (into) => {
    if (asked === undefined) throw FlareError.of('INVAL');
    const { size } = changes;
    const whole =
      asked.type !== FlareType.file || size === undefined
        ? { ...birth, major: asked.major, minor: asked.minor }
        : { ...birth, size };
    return withName(server.names, into, name, (meant) =>
      andThen(server.service.create(into.caller, into.handle, meant, whole, { existing: 'open' }), (found) => {
        if (!fits(found, asked)) throw FlareError.of('EXIST');
        return foundResult(server, into, found);
      }),
    );
  });
});
