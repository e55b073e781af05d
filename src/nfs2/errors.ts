import { FlareStatus, type FlareStatusName } from '../flare/errors.ts';

/**
 * `stat` (RFC 1094 §2.3.1) of each refusal. XDEV, INVAL and MLINK are not in the RFC; clients read the numbers as errno, and so they are
 * answered as other servers do. A refusal that no client can have caused is NFSERR_IO.
 */
export const STAT: Readonly<Record<FlareStatusName, number>> = { ...FlareStatus, VERSION: FlareStatus.IO };

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
