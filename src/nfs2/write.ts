import { andThen, type Eventually, isPending } from '../base/eventually.ts';
import { FlareError } from '../flare/errors.ts';
import type { Status } from './errors.ts';
import { change, type Retelling } from './procedure.ts';
import { attributesResult } from './results.ts';
import { codecs } from './schema.ts';
import { type Entered, type Nfs2Server, ownHandle } from './server.ts';

/** The largest file that `size`, 32 bits, can tell of. */
export const WRITE_END_MAX = 2 ** 32 - 1;

function writeTo(
  server: Nfs2Server,
  entered: Entered,
  offset: number,
  data: Buffer,
  lasting: boolean,
): Eventually<Status> {
  if (offset + data.length > WRITE_END_MAX) throw FlareError.of('FBIG');
  const { handle, caller } = entered;
  return andThen(server.service.write(caller, handle, offset, data, { lasting }), (written) =>
    attributesResult(server, written, entered),
  );
}

const AGAIN: Retelling<{ readonly file: Buffer }> = ({ file }) => ({
  handle: ownHandle(file),
  answer: attributesResult,
});

/**
 * WRITE (RFC 1094 §2.2.9). The data are on stable storage when it is answered; `beginoffset` and `totalcount` are unused, as the RFC says. Beyond
 * 4 GiB - 1: NFSERR_FBIG (FIELD.md row 22).
 */
export const write = change('WRITE', codecs.write, codecs.attrstat, AGAIN, (server, { file, offset, data }, call) => {
  const entered = server.enterSeen(file, call, call.replayIdentity());
  const lasting = call.lasting === true;
  if (!isPending(entered)) return writeTo(server, entered, offset, data, lasting);
  const own = lasting ? data : Buffer.from(data);
  return entered.then((known) => writeTo(server, known, offset, own, true));
});
