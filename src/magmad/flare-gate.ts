import type { RuleOptions } from '../acl/options.ts';
import type { Shares } from '../acl/shares.ts';
import { type Credential, squash } from '../acl/squash.ts';
import type { GateRequest } from '../dht/programs/flare/program.ts';
import { FlareError } from '../flare/errors.ts';
import { BusyError } from '../flare/joint.ts';
import type { FlareService } from '../flare/service.ts';
import type { Attributes, Caller } from '../flare/types.ts';

/** What the rules say, and the flares that they are asked about. */
export interface FlareGateParts {
  readonly shares: Pick<Shares, 'access' | 'sameArea'>;
  readonly service: FlareService;
}

/**
 * Asks the rules for clients of the flare program as NFS does for its own: by the address that the call comes from, for each flare that it names. Squashes the caller by the rule
 * of the first. ACCES, ROFS, XDEV, STALE. Until there are rules (`parts` gives null) it is busy.
 */
export function flareGate(parts: () => FlareGateParts | null): (request: GateRequest) => Promise<Caller | undefined> {
  return async ({ call, access, caller, flares }) => {
    const found = parts();
    if (found === null) throw new BusyError();
    const { shares, service } = found;
    let first: { readonly attributes: Attributes; readonly options: RuleOptions } | undefined;
    for (const { key, generation } of flares) {
      const attributes = await (generation === null ? service.find(key) : service.glance({ key, generation }));
      const { permission, options } = await shares.access(call.client, attributes);
      if (permission === 'n') throw FlareError.of('ACCES');
      if (access === 'write' && permission !== 'w') throw FlareError.of('ROFS');
      if (first === undefined) first = { attributes, options };
      else if (access === 'write' && !(await shares.sameArea(first.attributes, attributes)))
        throw FlareError.of('XDEV');
    }
    if (caller === undefined || first === undefined) return caller;
    const credential: Credential = { flavor: 'unix', uid: caller.uid, gid: caller.gid, gids: caller.gids };
    return squash(credential, first.options, caller.replay);
  };
}
