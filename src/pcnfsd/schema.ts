import * as xdr from '@stellar/js-xdr';
import { type Codec, compile, XdrError } from '../rpc/xdr.ts';

/*
 * The types of PCNFSD, versions 1 and 2, as X/Open's "Protocols for X/Open PC Interworking: (PC)NFS" has them. Lengths are bytes.
 */

/** The longest user name and password, scrambled or not. */
export const IDENT_MAX = 32;
export const PASSWORD_MAX = 64;
/** The longest home directory that all clients take. */
export const HOME_MAX = 64;
/** The most supplementary groups of a user. */
export const GIDS_MAX = 16;
/** The most questions of one MAPID; a longer list is answered with GARBAGE_ARGS. */
export const MAPS_MAX = 128;

const NAME_MAX = 64;
const COMMENT_MAX = 255;
const JOB_MAX = 255;
const MESSAGE_MAX = 512;
const FACILITIES_MAX = 32;

const ident = xdr.string(IDENT_MAX);
const password = xdr.string(PASSWORD_MAX);
const name = xdr.string(NAME_MAX);
const comment = xdr.string(COMMENT_MAX);
const job = xdr.string(JOB_MAX);
const status = xdr.uint32();

const printInit1 = xdr.struct('pr_init_args', { system: name, printer: name });
const printStart1 = xdr.struct('pr_start_args', { system: name, printer: name, user: name, file: name, options: name });

interface Question {
  request: number;
  id: number;
  name: Uint8Array;
  next: Question | null;
}
const questions: xdr.XdrType<Question> = xdr.struct('mapreq_arg_item', {
  request: xdr.uint32(),
  id: xdr.int32(),
  name,
  next: xdr.option(xdr.lazy(() => questions)),
});

interface Mapped {
  request: number;
  status: number;
  id: number;
  name: Uint8Array;
  next: Mapped | null;
}
const mapped: xdr.XdrType<Mapped> = xdr.struct('mapreq_res_item', {
  request: xdr.uint32(),
  status,
  id: xdr.int32(),
  name,
  next: xdr.option(xdr.lazy(() => mapped)),
});

const mapidArguments = compile(xdr.struct('v2_mapid_args', { comment, list: xdr.option(questions) }));

/** Printing of version 2: what these say of the job is the same. */
const onJob = { printer: name, system: name, user: name, job, comment };
const noPrinter = { status, comment };

/** A list of more than `MAPS_MAX` questions is refused before it is looked at. */
const boundedMapid: typeof mapidArguments = {
  ...mapidArguments,
  read(reader) {
    const args = mapidArguments.read(reader);
    let count = 0;
    for (let at = args.list; at !== null; at = at.next) count += 1;
    if (count > MAPS_MAX) throw new XdrError(`${count} questions in one MAPID`);
    return args;
  },
};

/** The codecs, by what they are of. */
export const codecs = {
  void: compile(xdr.void()) as Codec<undefined>,
  auth1: compile(xdr.struct('auth_args', { id: ident, password })),
  auth1Results: compile(xdr.struct('auth_results', { status, uid: xdr.uint32(), gid: xdr.uint32() })),
  printInit1: compile(printInit1),
  printInit1Results: compile(xdr.struct('pr_init_results', { status, directory: name })),
  printStart1: compile(printStart1),
  printStart1Results: compile(xdr.struct('pr_start_results', { status })),

  info: compile(xdr.struct('v2_info_args', { version: comment, comment })),
  infoResults: compile(
    xdr.struct('v2_info_results', {
      version: comment,
      comment,
      facilities: xdr.array(xdr.int32(), FACILITIES_MAX),
    }),
  ),
  printInit: compile(xdr.struct('v2_pr_init_args', { system: name, printer: name, comment })),
  printInitResults: compile(xdr.struct('v2_pr_init_results', { status, directory: name, comment })),
  printStart: compile(
    xdr.struct('v2_pr_start_args', {
      ...{ system: name, printer: name, user: name, file: name, options: name },
      ...{ copies: xdr.int32(), comment },
    }),
  ),
  printStartResults: compile(xdr.struct('v2_pr_start_results', { status, job, comment })),
  /** The list is empty: no printers. */
  printListResults: compile(xdr.struct('v2_pr_list_results', { comment, more: xdr.bool() })),
  printQueue: compile(
    xdr.struct('v2_pr_queue_args', { printer: name, system: name, user: name, mine: xdr.bool(), comment }),
  ),
  /** The list is empty: no jobs. */
  printQueueResults: compile(
    xdr.struct('v2_pr_queue_results', {
      ...{ status, comment, mine: xdr.bool() },
      ...{ length: xdr.int32(), shown: xdr.int32(), more: xdr.bool() },
    }),
  ),
  printStatus: compile(xdr.struct('v2_pr_status_args', { printer: name, comment })),
  printStatusResults: compile(
    xdr.struct('v2_pr_status_results', {
      ...{ status, available: xdr.bool(), printing: xdr.bool(), length: xdr.int32() },
      ...{ needsOperator: xdr.bool(), text: comment, comment },
    }),
  ),
  printJob: compile(xdr.struct('v2_pr_cancel_args', onJob)),
  printRequeue: compile(
    xdr.struct('v2_pr_requeue_args', { printer: name, system: name, user: name, job, position: xdr.int32(), comment }),
  ),
  printAdmin: compile(xdr.struct('v2_pr_admin_args', { system: name, user: name, printer: name, comment })),
  noPrinter: compile(xdr.struct('v2_pr_cancel_results', noPrinter)),
  mapid: boundedMapid,
  mapidResults: compile(xdr.struct('v2_mapid_results', { comment, list: xdr.option(mapped) })),
  auth: compile(xdr.struct('v2_auth_args', { system: name, id: ident, password, comment })),
  authResults: compile(
    xdr.struct('v2_auth_results', {
      ...{ status, uid: xdr.uint32(), gid: xdr.uint32(), gids: xdr.array(xdr.uint32(), GIDS_MAX) },
      ...{ home: xdr.string(HOME_MAX), umask: xdr.int32(), comment },
    }),
  ),
  alert: compile(
    xdr.struct('v2_alert_args', { system: name, printer: name, user: name, message: xdr.string(MESSAGE_MAX) }),
  ),
} as const;
