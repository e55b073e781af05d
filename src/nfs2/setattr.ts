import { andThen } from '../base/eventually.ts';
import { toChanges } from './changes.ts';
import { procedure } from './procedure.ts';
import { attributesResult } from './results.ts';
import { codecs } from './schema.ts';

/** SETATTR (RFC 1094 §2.2.3). */
export const setattr = procedure('SETATTR', codecs.setattr, codecs.attrstat, (server, { file, attributes }, call) => {
  const changes = toChanges(attributes);
  return andThen(server.enterToChange(file, call), ({ handle, caller, options }) =>
    andThen(server.service.setattr(caller, handle, changes), (changed) => attributesResult(server, changed, options)),
  );
});
