import { andThen } from '../base/eventually.ts';
import type { AttributeChanges } from '../flare/types.ts';
import type { Reported } from './attributes.ts';
import { toChanges } from './changes.ts';
import { change, type Retelling } from './procedure.ts';
import { attributesResult } from './results.ts';
import { codecs } from './schema.ts';
import { ownHandle } from './server.ts';

/** What a caller sets who is shown other numbers than those that he is served as. */
function asServed(changes: AttributeChanges, reported: Reported | null): AttributeChanges {
  if (reported === null) return changes;
  const { served, own } = reported;
  const uid = changes.uid === own.uid ? { uid: served.uid } : undefined;
  const gid = changes.gid === own.gid ? { gid: served.gid } : undefined;
  return { ...changes, ...uid, ...gid };
}

const AGAIN: Retelling<{ readonly file: Buffer }> = ({ file }) => ({
  handle: ownHandle(file),
  answer: attributesResult,
});

/** SETATTR (RFC 1094 §2.2.3). */
export const setattr = change(
  'SETATTR',
  codecs.setattr,
  codecs.attrstat,
  AGAIN,
  (server, { file, attributes }, call) => {
    const changes = toChanges(attributes);
    return andThen(server.enterToChange(file, call), (entered) =>
      andThen(server.service.setattr(entered.caller, entered.handle, asServed(changes, entered.reported)), (changed) =>
        attributesResult(server, changed, entered),
      ),
    );
  },
);
