import type { QuotaBook } from '../acl/quotas.ts';
import type { Shares } from '../acl/shares.ts';
import { squash } from '../acl/squash.ts';
import type { Clock } from '../base/clock.ts';
import { FlareError } from '../flare/errors.ts';
import type { CallContext, Procedure, Program } from '../rpc/program.ts';
import { type Rquota, rquotaOf } from './figures.ts';
import { codecs, GqrStatus } from './schema.ts';

/** The number of the remote quota program. */
export const RQUOTA_PROGRAM = 100011;

/** What the remote quota program works with. */
export interface RquotadParts {
  readonly shares: Pick<Shares, 'mountable'>;
  readonly quotas: Pick<QuotaBook, 'stateOf'>;
  readonly clock: Clock;
}

type Answer =
  | { readonly status: typeof GqrStatus.OK; readonly rquota: Rquota }
  | { readonly status: typeof GqrStatus.NOQUOTA | typeof GqrStatus.EPERM };

const NOQUOTA: Answer = { status: GqrStatus.NOQUOTA };
const EPERM: Answer = { status: GqrStatus.EPERM };

/**
 * What a user may have, and has, in the share that the path lies in. EPERM for who asks about somebody else (root of the client may), and where the rules do not let the
 * caller in. The uid is squashed as that of a call of NFS would be: it is whose quota his files come under.
 */
async function getquota(
  { shares, quotas, clock }: RquotadParts,
  { path, uid }: { readonly path: Buffer; readonly uid: number },
  { client, credential }: CallContext,
): Promise<Answer> {
  if (credential.flavor !== 'unix' || (credential.uid !== 0 && credential.uid !== uid)) return EPERM;
  const mount = await shares.mountable(path.toString('latin1'), client);
  if (mount.access === null || mount.access.permission === 'n') return mount.access === null ? NOQUOTA : EPERM;
  if (mount.status !== 'OK') return NOQUOTA;
  const served = squash({ flavor: 'unix', uid, gid: 0, gids: [] }, mount.access.options);
  const state = quotas.stateOf(mount.share.number, served.uid);
  return state === null ? NOQUOTA : { status: GqrStatus.OK, rquota: rquotaOf(state, clock.now() / 1000) };
}

/**
 * The remote quota program, version 1: GETQUOTA and GETACTIVEQUOTA, which are the same here, since every quota that is set is enforced. Version 2, which knows quotas of groups, is answered with
 * PROG_MISMATCH; clients then ask by version 1.
 */
export function rquotaProgram(parts: RquotadParts): Program {
  const procedure = (name: string): Procedure<any, any> => ({
    name,
    arguments: codecs.getquotaArgs,
    result: codecs.getquotaResult,
    async handle(args: { path: Buffer; uid: number }, call) {
      const { path, uid } = args;
      try {
        return await getquota(parts, { path: Buffer.from(path), uid }, call);
      } catch (error) {
        if (!(error instanceof FlareError)) throw error;
        return NOQUOTA;
      }
    },
  });
  const nothing = { arguments: codecs.void, result: codecs.void };
  return {
    number: RQUOTA_PROGRAM,
    name: 'rquotad',
    versions: new Map([
      [
        1,
        new Map<number, Procedure<any, any>>([
          [0, { name: 'NULL', ...nothing, handle: () => {} }],
          [1, procedure('GETQUOTA')],
          [2, procedure('GETACTIVEQUOTA')],
        ]),
      ],
    ]),
  };
}
