import { andThen } from '../base/eventually.ts';
import { OK, refusal } from './errors.ts';
import { procedure } from './procedure.ts';
import { codecs, TARGET_MAX } from './schema.ts';

/** READLINK (RFC 1094 §2.2.6). Of what is no symlink: 22 (EINVAL), for which the RFC has no number. A target that is longer than NFSv2 has room for was made by other clients: NFSERR_NAMETOOLONG. */
export const readlink = procedure('READLINK', codecs.handle, codecs.readlinkres, (server, handle, call) =>
  andThen(server.enter(handle, call), (entered) =>
    andThen(server.service.readlink(entered.caller, entered.handle), (value) =>
      value.length > TARGET_MAX ? refusal('NAMETOOLONG') : { status: OK, value },
    ),
  ),
);
