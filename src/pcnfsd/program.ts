import { DROP, type Procedure, type Program, type ProgramVersion } from '../rpc/program.ts';
import { type LoginParts, Logins } from './auth.ts';
import { mapid } from './mapid.ts';
import { printing1, printing2 } from './printing.ts';
import { codecs } from './schema.ts';
import type { PcUser } from './users.ts';

/** The number of PCNFSD (X/Open, Protocols for X/Open PC Interworking: (PC)NFS). */
export const PCNFSD_PROGRAM = 150001;

/** `arstat`. What fails gets no ids made up (AUTH_RES_FAKE). */
const Auth = { OK: 0, FAIL: 2 } as const;
/** Who is nobody: what a client goes on with that ignores the status. */
const NOBODY = 65_534;
/** The umask that clients are told. */
const UMASK = 0o022;
/** How long a procedure takes, about, in milliseconds (`facilities`); -1: it is not supported. */
const QUICK = 100;
const UNSUPPORTED = -1;
const PROCEDURES = 15;
const SUPPORTED: readonly number[] = [0, 1, 12, 13];
const FACILITIES = Array.from({ length: PROCEDURES }, (_, at) => (SUPPORTED.includes(at) ? QUICK : UNSUPPORTED));

const empty = Buffer.alloc(0);
const VERSION = Buffer.from('magma PCNFSD V2', 'latin1');

function idsOf(user: PcUser | null) {
  return user === null
    ? { status: Auth.FAIL, uid: NOBODY, gid: NOBODY }
    : { status: Auth.OK, uid: user.uid, gid: user.gid };
}

function authResults(user: PcUser | null) {
  const home = Buffer.from(user?.home ?? '', 'latin1');
  return { ...idsOf(user), gids: [...(user?.gids ?? [])], home, umask: UMASK, comment: empty };
}

/**
 * PCNFSD, versions 1 and 2: who a PC's user is (FIELD.md row 30). Users are those of a file of magma's own, never the host's. Printing is refused, as there
 * are no printers.
 */
export function pcnfsdProgram(parts: LoginParts): Program {
  const logins = new Logins(parts);
  const nothing: Procedure<any, any> = {
    name: 'NULL',
    arguments: codecs.void,
    result: codecs.void,
    handle: () => undefined,
  };
  const auth1: Procedure<any, any> = {
    name: 'AUTH',
    arguments: codecs.auth1,
    result: codecs.auth1Results,
    async handle({ id, password }: { id: Buffer; password: Buffer }, call) {
      const user = await logins.look(id, password, call);
      return user === DROP ? DROP : idsOf(user);
    },
  };
  const auth2: Procedure<any, any> = {
    name: 'AUTH',
    arguments: codecs.auth,
    result: codecs.authResults,
    async handle({ id, password }: { id: Buffer; password: Buffer }, call) {
      const user = await logins.look(id, password, call);
      return user === DROP ? DROP : authResults(user);
    },
  };
  const info: Procedure<any, any> = {
    name: 'INFO',
    arguments: codecs.info,
    result: codecs.infoResults,
    handle: () => ({ version: VERSION, comment: empty, facilities: FACILITIES }),
  };
  const maps: Procedure<any, any> = {
    name: 'MAPID',
    arguments: codecs.mapid,
    result: codecs.mapidResults,
    handle: ({ list }) => mapid(parts.users(), list),
  };
  const first: ProgramVersion = new Map([[0, nothing], [1, auth1], ...printing1()]);
  const second: ProgramVersion = new Map([[0, nothing], [1, info], [12, maps], [13, auth2], ...printing2()]);
  return {
    number: PCNFSD_PROGRAM,
    name: 'pcnfsd',
    versions: new Map([
      [1, first],
      [2, second],
    ]),
  };
}
