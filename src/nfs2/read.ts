import { andThen } from '../base/eventually.ts';
import { FlareError } from '../flare/errors.ts';
import { FlareType } from '../flare/types.ts';
import { OK } from './errors.ts';
import { procedure } from './procedure.ts';
import { codecs, DATA_MAX } from './schema.ts';

/** The first byte that NFSv2's 32-bit offsets cannot name. */
const OFFSET_END = 2 ** 32;

/**
 * READ (RFC 1094 §2.2.7). Replies are as short as 8,192 bytes, the rule's `tsize` and the 32-bit offsets make them, never an error
 * (FIELD.md row 18); `totalcount` is unused, as the RFC says. A directory or symlink is NFSERR_ISDIR, which makes U-Boot follow the link (row 14).
 */
export const read = procedure('READ', codecs.read, codecs.readres, (server, { file, offset, count }, call) =>
  andThen(server.enterSeen(file, call), (entered) => {
    const { handle, attributes, caller, options } = entered;
    const { type } = attributes;
    if (type === FlareType.directory || type === FlareType.symlink) throw FlareError.of('ISDIR');
    const length = Math.min(count, DATA_MAX, options.tsize, OFFSET_END - offset);
    return andThen(server.service.read(caller, handle, offset, length), (found) => ({
      status: OK,
      value: { attributes: server.fattr(found.attributes, entered), data: found.data },
    }));
  }),
);
