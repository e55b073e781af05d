import { andThen } from '../base/eventually.ts';
import { OK } from './errors.ts';
import { procedure } from './procedure.ts';
import { codecs } from './schema.ts';

/** READLINK (RFC 1094 §2.2.6). Of what is no symlink: 22 (EINVAL), for which the RFC has no number. */
export const readlink = procedure('READLINK', codecs.handle, codecs.readlinkres, (server, handle, call) =>
  andThen(server.enter(handle, call), (entered) =>
    andThen(server.service.readlink(entered.caller, entered.handle), (value) => ({ status: OK, value })),
  ),
);
