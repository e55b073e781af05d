/** Why an operation was refused. The names are those of errno; the numbers those of NFSv2's `stat` (RFC 1094 §2.3.1) where it has one. */
export const FlareStatus = {
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
  /** The flare's version is not the one that the caller expects. */
  VERSION: 1000,
  /** A lock of another owner is in the way. */
  AGAIN: 1001,
  /** There are too many locks. */
  NOLCK: 1002,
} as const;
export type FlareStatusName = keyof typeof FlareStatus;

/**
 * An operation's refusal: a normal answer, thrown. There is one frozen instance a status (`FlareError.of`), without a stack, because a
 * LOOKUP that finds nothing is as frequent as one that does.
 */
export class FlareError extends Error {
  readonly status: FlareStatusName;

  private constructor(status: FlareStatusName) {
    super(status);
    this.name = 'FlareError';
    this.status = status;
  }

  static readonly #all = new Map<FlareStatusName, FlareError>();

  /** The instance of that status. */
  static of(status: FlareStatusName): FlareError {
    let error = FlareError.#all.get(status);
    if (error === undefined) {
      const limit = Error.stackTraceLimit;
      Error.stackTraceLimit = 0;
      error = new FlareError(status);
      Error.stackTraceLimit = limit;
      FlareError.#all.set(status, error);
    }
    return error;
  }
}

/** No answer can be given now, and none was: whoever asked is to ask again, as if the question had been lost. */
export class UnavailableError extends Error {
  constructor(what: string, options?: ErrorOptions) {
    super(what, options);
    this.name = 'UnavailableError';
  }
}
