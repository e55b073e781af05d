import { type Eventually, isPending } from '../base/eventually.ts';
import { FlareError } from '../flare/errors.ts';
import { type Attributes, FlareType } from '../flare/types.ts';
import type { Entered, Nfs2Server } from './server.ts';

/** Who looks, whoever calls: only the rules are asked about what is found. */
const LOOKER = Object.freeze({ uid: 0, gid: 0, gids: Object.freeze([]) });

/**
 * Refuses with XDEV when the name means a directory that has rules of its own: that is not moved, replaced or removed. A name that means nothing
 * passes: the change itself refuses it, or answers a retransmission.
 */
export function checkUnbound(server: Nfs2Server, directory: Entered, name: string): Eventually<void> {
  const check = (found: Attributes): void => {
    if (found.type === FlareType.directory && server.gate.carriesRule(found.key)) throw FlareError.of('XDEV');
  };
  const pass = (error: unknown): void => {
    if (!(error instanceof FlareError)) throw error;
  };
  let found: Eventually<Attributes>;
  try {
    found = server.service.lookup(LOOKER, directory.handle, name);
  } catch (error) {
    return pass(error);
  }
  return isPending(found) ? found.then(check, pass) : check(found);
}
