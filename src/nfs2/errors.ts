import type { FlareStatusName } from '../flare/errors.ts';

/**
 * `stat` (RFC 1094 §2.3.1) of each refusal. XDEV, INVAL and MLINK are not in the RFC; clients read the numbers as errno, and so they are
 * answered as other servers do. A refusal that no client can have caused is NFSERR_IO.
 */
export const STAT: Readonly<Record<FlareStatusName, number>> = {
  PERM: 1,
  NOENT: 2,
  IO: 5,
  NXIO: 6,
  ACCES: 13,
  EXIST: 17,
  XDEV: 18,
  NODEV: 19,
  NOTDIR: 20,
  ISDIR: 21,
  INVAL: 22,
  FBIG: 27,
  NOSPC: 28,
  ROFS: 30,
  MLINK: 31,
  NAMETOOLONG: 63,
  NOTEMPTY: 66,
  DQUOT: 69,
  STALE: 70,
  VERSION: 5,
};

/** NFS_OK. */
export const OK = 0;

/** A result that is nothing but a status. */
export interface Status {
  readonly status: number;
}

/** The success of procedures that answer with nothing else. */
export const DONE = Object.freeze({ status: OK, value: undefined });

const refusals = new Map<FlareStatusName, Status>();
for (const [name, status] of Object.entries(STAT)) refusals.set(name as FlareStatusName, Object.freeze({ status }));

/** The result that says that refusal. */
export function refusal(name: FlareStatusName): Status {
  return refusals.get(name)!;
}
