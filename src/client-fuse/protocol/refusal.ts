import { constants } from 'node:os';
import { FlareError } from '../../flare/errors.ts';

/** The host's names of errors. */
export type ErrnoName = keyof typeof constants.errno;

/** A request is answered with this error: a normal answer, thrown. One instance a name, without a stack. */
export class Refusal extends Error {
  readonly code: ErrnoName;

  private constructor(code: ErrnoName) {
    super(code);
    this.name = 'Refusal';
    this.code = code;
  }

  static readonly #all = new Map<ErrnoName, Refusal>();

  static of(code: ErrnoName): Refusal {
    let refusal = Refusal.#all.get(code);
    if (refusal === undefined) {
      const limit = Error.stackTraceLimit;
      Error.stackTraceLimit = 0;
      refusal = new Refusal(code);
      Error.stackTraceLimit = limit;
      Refusal.#all.set(code, refusal);
    }
    return refusal;
  }
}

/** The kernel sent what the protocol does not allow; the request is answered with EINVAL, as far as it can be. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** The errno that says what a `FlareError` does: it has the same name, but for VERSION, which never should come so far. */
function errnoOfFlare({ status }: FlareError): number {
  return constants.errno[status === 'VERSION' ? 'EIO' : (`E${status}` as ErrnoName)];
}

/** What a request that failed with `error` is answered with, as a positive errno; null when nothing expected it: EIO, and a line in the log. */
export function errnoOf(error: unknown): number | null {
  if (error instanceof FlareError) return errnoOfFlare(error);
  if (error instanceof Refusal) return constants.errno[error.code];
  if (error instanceof ProtocolError) return constants.errno.EINVAL;
  return null;
}
