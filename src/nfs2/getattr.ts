import { andThen } from '../base/eventually.ts';
import { procedure } from './procedure.ts';
import { attributesResult } from './results.ts';
import { codecs } from './schema.ts';

/** GETATTR (RFC 1094 §2.2.2). */
export const getattr = procedure('GETATTR', codecs.handle, codecs.attrstat, (server, handle, call) =>
  andThen(server.enterSeen(handle, call), (entered) =>
    andThen(server.service.getattr(entered.handle), (found) => attributesResult(server, found, entered)),
  ),
);
