import { FlareError, type FlareStatusName, UnavailableError } from '../flare/errors.ts';
import { OperatorError, reasonOf } from '../operator/paths.ts';

/** A request that is refused: the status of HTTP (RFC 9110 §15), and a sentence for people. */
export class Refused extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, sentence: string, headers: Readonly<Record<string, string>> = {}) {
    super(sentence);
    this.name = 'Refused';
    this.status = status;
    this.headers = headers;
  }
}

/** Refusals of files that are not the request's fault in the way of 400. */
const STATUSES: Partial<Record<FlareStatusName, number>> = {
  NOENT: 404,
  STALE: 404,
  EXIST: 409,
  NOTDIR: 409,
  ISDIR: 409,
  NOTEMPTY: 409,
  XDEV: 409,
  AGAIN: 409,
  ACCES: 403,
  PERM: 403,
  ROFS: 403,
  FBIG: 413,
  NOSPC: 507,
  DQUOT: 507,
  IO: 500,
};

/** What an error is told as; null: nobody has foreseen it. */
export function refusalOf(error: unknown): Refused | null {
  if (error instanceof Refused) return error;
  if (error instanceof FlareError)
    return new Refused(STATUSES[error.status] ?? 400, `It cannot be done: ${reasonOf(error.status)}.`);
  // Its text is bytes.
  if (error instanceof OperatorError) {
    const text = Buffer.from(error.message, 'latin1').toString();
    return new Refused(error.status === null ? 503 : (STATUSES[error.status] ?? 400), text);
  }
  if (error instanceof UnavailableError) return new Refused(503, `There is no answer for now: ${error.message}`);
  return null;
}
